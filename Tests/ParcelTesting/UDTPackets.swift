import ParcelCore

/// Numbers that look random and are the same each time.
package struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  package init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  package mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state &* 0x2545_F491_4F6C_DD1D
  }
}

/// Packets of UDT 4, written out by hand: what the filter's rules are held against.
package enum Packets {
  package static func bytes(_ words: [UInt32], extra: Int = 0) -> [UInt8] {
    words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
      + Array(repeating: 7, count: extra)
  }

  package static func control(_ type: UInt32, to id: UInt32 = 77, payload: [UInt32], extra: Int = 0)
    -> [UInt8]
  {
    bytes([0x8000_0000 | type << 16, 1, 2, id] + payload, extra: extra)
  }

  package static func data(_ count: Int, to id: UInt32 = 77) -> [UInt8] {
    bytes([1000, 0xE000_0001, 5, id], extra: count)
  }

  package struct Handshake {
    package var version: UInt32 = 4
    package var type: UInt32 = 1
    package var first: UInt32 = 12345
    package var segment: UInt32 = 1500
    package var window: UInt32 = 8192
    package var request: UInt32 = 1
    package var to: UInt32 = 0

    package func bytes(extra: [UInt32] = []) -> [UInt8] {
      Packets.control(
        0, to: to,
        payload: [version, type, first, segment, window, request, 99, 4321, 0x0100_007F, 0, 0, 0] + extra)
    }
  }

  package static func handshake(_ change: (inout Handshake) -> Void = { _ in }) -> [UInt8] {
    var handshake = Handshake()
    change(&handshake)
    return handshake.bytes()
  }

  package static func ours(_ message: PeerMessage) -> [UInt8] {
    bytes([0xFFFF_5043, 0, 0, 77] + message.words)
  }

  package static let minusOne = UInt32.max

  /// What libudt and our own ends send over a connection.
  package static let harmless: [(String, [UInt8])] = [
    ("one byte of data", data(1)), ("data", data(1456)), ("keep-alive", control(1, payload: [0])),
    ("light acknowledgement", control(2, payload: [1000])),
    ("short acknowledgement", control(2, payload: [1000, 1, 2, 3])),
    ("acknowledgement with rates", control(2, payload: [1000, 1, 2, 3, 4, 5])),
    ("loss of one", control(3, payload: [1000])),
    ("loss of a range", control(3, payload: [0x8000_03E8, 1010])),
    ("loss of a range and one", control(3, payload: [0x8000_03E8, 1010, 1020])),
    ("delay warning", control(4, payload: [0])), ("shutdown", control(5, payload: [0])),
    ("acknowledged acknowledgement", control(6, payload: [0])),
    ("hello", ours(PeerMessage(.hello))), ("read", ours(PeerMessage(.read, count: .max, isFinal: true))),
  ]

  /// What breaks libudt, or is of no use to it, on any socket.
  package static let harmful: [(String, [UInt8])] = [
    ("nothing", []), ("one byte", [0]), ("15 bytes", Array(repeating: 0, count: 15)),
    ("data without data", data(0)), ("data to the listener", data(48, to: 0)),
    ("data that is too long", data(1457)),
    ("a packet size of 44", handshake { $0.segment = 44 }),
    ("a packet size of 10", handshake { $0.segment = 10 }),
    ("a negative packet size", handshake { $0.segment = minusOne }),
    ("a huge packet size", handshake { $0.segment = 65_000 }),
    ("a window of 20,000,000", handshake { $0.window = 20_000_000 }),
    ("a negative window", handshake { $0.window = minusOne }),
    ("the largest window", handshake { $0.window = 0x7FFF_FFFF }), ("no window", handshake { $0.window = 0 }),
    ("another version", handshake { $0.version = 5 }), ("messages, not a stream", handshake { $0.type = 2 }),
    ("a rendezvous", handshake { $0.request = 0 }), ("an unknown request", handshake { $0.request = 7 }),
    ("a negative sequence number", handshake { $0.first = 0x8000_0000 }),
    ("a short handshake", Array(handshake().dropLast())),
    ("a long handshake", Packets.Handshake().bytes(extra: [0])),
    ("an acknowledgement of nothing", control(2, payload: [])),
    ("an acknowledgement of 8 bytes", control(2, payload: [1, 2])),
    ("an acknowledgement of 28 bytes", control(2, payload: [1, 2, 3, 4, 5, 6, 7])),
    ("a loss report of nothing", control(3, payload: [])),
    ("a loss report of 6 bytes", control(3, payload: [1], extra: 2)),
    ("a loss report with a dangling range", control(3, payload: [1000, 0x8000_03E8])),
    ("a message drop", control(7, payload: [0, 0x7FFF_FFFF])), ("an error", control(8, payload: [0])),
    ("type 9", control(9, payload: [0])), ("type 0x7FFE", control(0x7FFE, payload: [0])),
    ("a user's message of others", control(0x7FFF, payload: PeerMessage(.hello).words)),
    ("our message without its mark", bytes([0xFFFF_5043, 0, 0, 77, 1, 2, 3, 4])),
    ("our message, too short", bytes([0xFFFF_5043, 0, 0, 77, PeerMessage.magic])),
    ("our message, too long", ours(PeerMessage(.hello)) + Array(repeating: 0, count: 512)),
    ("our message to the listener", bytes([0xFFFF_5043, 0, 0, 0] + PeerMessage(.hello).words)),
    ("a keep-alive to the listener", control(1, to: 0, payload: [0])),
    ("a long keep-alive", control(1, payload: [0, 0])),
  ]

  /// A packet of the tables with some of it changed, or noise.
  package static func mutated(_ random: inout Seeded) -> [UInt8] {
    let tables = harmless + harmful + [("handshake", handshake())]
    var bytes = tables[Int.random(in: 0..<tables.count, using: &random)].1
    switch Int.random(in: 0..<8, using: &random) {
    case 0:
      return (0..<Int.random(in: 0..<200, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
    case 1: bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
    case 2: bytes += (0..<Int.random(in: 0..<40, using: &random)).map { _ in 0 }
    case 3, 4:
      // A word becomes one of those that are at the rules' edges.
      let edges: [UInt32] = [
        0, 1, 4, 31, 32, 43, 575, 576, 1480, 1500, 1501, 9000, 9001, 262_144, 262_145, 0x7FFF_FFFF,
        0x8000_0000, 0x8002_0000, 0x8003_0000, 0x8007_0000, 0xFFFF_5043, .max, PeerMessage.magic,
      ]
      let at = 4 * Int.random(in: 0...max(0, bytes.count / 4 - 1), using: &random)
      guard at + 4 <= bytes.count, let edge = edges.randomElement(using: &random) else { return bytes }
      bytes.replaceSubrange(at..<at + 4, with: Packets.bytes([edge]))
    default:
      guard !bytes.isEmpty else { return bytes }
      bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    }
    return bytes
  }
}
