import ParcelCore
import ParcelTesting
import Testing

/// The kernel's side: runs a program over a packet as it lies in memory, an IP header, a UDP header and the datagram.
private func run(_ program: [BPFInstruction], on datagram: Datagram) throws -> Bool {
  let isIPv4 = datagram.source.count == 4
  let ip =
    isIPv4
    ? [0x45] + Array(repeating: 0, count: 11) + datagram.source + [127, 0, 0, 1]
    : [0x60] + Array(repeating: 0, count: 7) + datagram.source + Array(repeating: 0, count: 16)
  let port = [UInt8(datagram.sourcePort >> 8), UInt8(datagram.sourcePort & 255)]
  let packet = port + [0, 0, 0, 0, 0, 0] + datagram.bytes
  var a: UInt32 = 0
  var x: UInt32 = 0
  func load(_ offset: UInt32, _ count: Int) -> UInt32? {
    let signed = Int(Int32(bitPattern: offset))
    let (bytes, from) = signed < 0 ? (ip, signed + 0x100000) : (packet, signed)
    guard from >= 0, from + count <= bytes.count else { return nil }
    return bytes[from..<from + count].reduce(0) { $0 << 8 | UInt32($1) }
  }
  var at = 0
  while at < program.count {
    let step = program[at]
    at += 1
    func jump(_ isTrue: Bool) { at += Int(isTrue ? step.jumpTrue : step.jumpFalse) }
    func take(_ value: UInt32?) -> Bool {
      a = value ?? 0
      return value != nil
    }
    switch step.code {
    case BPFProgram.loadWord: if !take(load(step.value, 4)) { return false }
    case BPFProgram.loadHalf: if !take(load(step.value, 2)) { return false }
    case BPFProgram.loadByte: if !take(load(step.value, 1)) { return false }
    case BPFProgram.loadWordAtX: if !take(load(x &+ step.value, 4)) { return false }
    case BPFProgram.loadLength: a = UInt32(packet.count)
    case BPFProgram.subtract: a = a &- step.value
    case BPFProgram.shiftRight: a >>= step.value
    case BPFProgram.toX: x = a
    case BPFProgram.jumpEqual: jump(a == step.value)
    case BPFProgram.jumpGreater: jump(a > step.value)
    case BPFProgram.jumpNotLess: jump(a >= step.value)
    case BPFProgram.jumpAnyBit: jump(a & step.value != 0)
    case BPFProgram.answer: return step.value != 0
    default: throw UnknownInstruction(code: step.code)
    }
  }
  throw UnknownInstruction(code: 0)
}

private struct UnknownInstruction: Error { var code: UInt16 }

@Suite("The packet filter")
struct PacketFilterTests {
  private static let home: [UInt8] = [127, 0, 0, 1]
  private static let home6: [UInt8] = Array(repeating: 0, count: 15) + [1]
  private static let listening = PacketFilter.listening(maximumSegment: 1500)
  private static let connecting = PacketFilter.connecting(maximumSegment: 1500, source: home, port: 9000)
  private static let connecting6 = PacketFilter.connecting(maximumSegment: 1480, source: home6, port: 9000)

  /// Both ways to run it must agree.
  private func admits(_ filter: PacketFilter, _ datagram: Datagram) throws -> Bool {
    let answer = filter.admits(datagram)
    #expect(try run(BPFProgram.compile(filter), on: datagram) == answer, "\(datagram)")
    return answer
  }

  @Test("lets through all that libudt and our own ends send")
  func harmless() throws {
    for (name, bytes) in Packets.harmless {
      #expect(try admits(Self.listening, Datagram(bytes)), "\(name)")
      #expect(try admits(Self.connecting, Datagram(bytes, port: 9000)), "\(name)")
    }
    for request in [1, Packets.minusOne] {
      #expect(try admits(Self.listening, Datagram(Packets.handshake { $0.request = request })))
    }
    for request in [1, Packets.minusOne, 1002] {
      let answer = Packets.handshake {
        $0.request = request
        $0.to = 77
      }
      #expect(try admits(Self.connecting, Datagram(answer, port: 9000)))
    }
    // The original's own packet size and window.
    #expect(
      try admits(
        Self.listening,
        Datagram(
          Packets.handshake {
            $0.segment = 8400
            $0.window = 16_031
          })))
  }

  @Test("drops all that breaks libudt, on both kinds of socket")
  func harmful() throws {
    for (name, bytes) in Packets.harmful {
      #expect(try !admits(Self.listening, Datagram(bytes)), "\(name)")
      var answer = bytes
      // The same as an answer to one that connects.
      if answer.count >= 16, answer[0] == 0x80, answer[1] == 0 { answer[15] = 77 }
      #expect(try !admits(Self.connecting, Datagram(answer, port: 9000)), "\(name)")
    }
  }

  @Test(
    "keeps requests to listeners and answers to those who connect, which never get larger packets than they offered"
  )
  func sides() throws {
    #expect(try !admits(Self.listening, Datagram(Packets.handshake { $0.to = 77 })))
    #expect(try !admits(Self.listening, Datagram(Packets.handshake { $0.request = 1002 })))
    #expect(
      try !admits(Self.connecting, Datagram(Packets.handshake { $0.request = Packets.minusOne }, port: 9000)))
    let larger = Packets.handshake {
      $0.to = 77
      $0.segment = 1501
    }
    #expect(try !admits(Self.connecting, Datagram(larger, port: 9000)))
  }

  @Test("hears only the peer on a socket that connects")
  func source() throws {
    let data = Packets.data(10)
    let other6 = Self.home6.dropLast() + [2]
    #expect(try admits(Self.connecting, Datagram(data, from: Self.home, port: 9000)))
    #expect(try !admits(Self.connecting, Datagram(data, from: Self.home, port: 9001)))
    #expect(try !admits(Self.connecting, Datagram(data, from: [127, 0, 0, 2], port: 9000)))
    #expect(try !admits(Self.connecting, Datagram(data, from: Self.home6, port: 9000)))
    #expect(try admits(Self.connecting6, Datagram(data, from: Self.home6, port: 9000)))
    #expect(try !admits(Self.connecting6, Datagram(data, from: Array(other6), port: 9000)))
    #expect(try !admits(Self.connecting6, Datagram(data, from: Self.home, port: 9000)))
  }

  @Test("answers the same in the kernel's language and in plain words, for 100,000 packets")
  func agreement() throws {
    var random = Seeded(1)
    var admitted = 0
    let filters = [Self.listening, Self.connecting, Self.connecting6].map { ($0, BPFProgram.compile($0)) }
    for round in 0..<100_000 {
      let (filter, program) = filters[round % 3]
      let source = Bool.random(using: &random) ? Self.home : Self.home6
      let datagram = Datagram(
        Packets.mutated(&random), from: round % 3 == 0 ? source : round % 3 == 1 ? Self.home : Self.home6,
        port: round % 50 == 0 ? 1 : 9000)
      let answer = filter.admits(datagram)
      if answer { admitted += 1 }
      if try run(program, on: datagram) != answer {
        Issue.record("they differ about \(datagram)")
        return
      }
    }
    // A test in which nearly all are dropped, or none, would show little.
    #expect((10_000...90_000).contains(admitted))
  }
}
