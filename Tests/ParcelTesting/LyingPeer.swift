import Glibc
import ParcelCore

/// A UDT peer of a few lines that is properly connected and then says what no UDT says: what no packet filter can tell from the truth.
///
/// Of one thread at a time.
package final class LyingPeer: @unchecked Sendable {
  package enum Lie: String, CaseIterable, Sendable {
    /// Round trips of half an hour, and negative ones.
    case roundTrip
    /// An acknowledgement, light or full, of what was never sent.
    case ahead
    case farAhead
    /// A window of a thousand million packets, and nothing but light acknowledgements and loss reports from there on.
    case window
    /// Loss reports of everything that was sent, and of what was not.
    case losses
    /// Packets of every kind with some of it changed, at the right address.
    case noise
  }

  /// Packets of noise at a time.
  package static let noise = 500

  package var port: Int { socket.port }
  private let socket = LoopbackSocket()
  private let window: UInt32
  /// The other end's port, and its socket's number there.
  private var other = 0
  private var id: UInt32 = 0
  private var first: UInt32 = 12_345
  /// The newest data packet that came.
  private var newest: UInt32 = 0

  /// `window`: packets that it offers to take.
  package init(window: Int = 8192) { self.window = UInt32(window) }

  // MARK: The truth

  /// Connects to a listener; false when that does not answer.
  package func connect(to port: Int) -> Bool {
    other = port
    var cookie: UInt32 = 0
    for turn in 0..<150 {
      if turn % 10 == 0 { send(handshake(cookie == 0 ? 1 : Packets.minusOne, cookie: cookie)) }
      guard let answer = receive(), answer.count == 64, answer[0] == 0x80 else { continue }
      if word(answer, 36) == Packets.minusOne {
        begin(id: word(answer, 40))
        return true
      }
      guard cookie == 0 else { continue }
      cookie = word(answer, 44)
      send(handshake(Packets.minusOne, cookie: cookie))
    }
    return false
  }

  /// Takes the first who connects; false when nobody comes.
  package func accept() -> Bool {
    for _ in 0..<500 {
      guard let asked = receive(fromAnybody: true), asked.count == 64, word(asked, 0) == 0x8000_0000 else {
        continue
      }
      id = word(asked, 40)
      first = word(asked, 24)
      let isSecond = word(asked, 36) == Packets.minusOne
      send(handshake(isSecond ? Packets.minusOne : 1, cookie: 4321))
      if isSecond {
        begin(id: id)
        return true
      }
    }
    return false
  }

  private func begin(id: UInt32) {
    self.id = id
    newest = first &- 1
  }

  private func handshake(_ request: UInt32, cookie: UInt32) -> [UInt8] {
    var bytes = Packets.handshake {
      $0.request = request
      $0.window = window
      $0.first = first
      $0.to = id
    }
    bytes.replaceSubrange(44..<48, with: Packets.bytes([cookie]))
    return bytes
  }

  /// Bytes of its own, all at once: to be said first, and to fit into a packet.
  package func say(_ text: String) { send(Packets.bytes([first, 0xE000_0001, 5, id]) + Array(text.utf8)) }

  // MARK: Lies

  /// Takes what has come, and tells that lie, a few packets of it.
  package func tell(_ lie: Lie, _ random: inout Seeded) {
    take()
    switch lie {
    case .roundTrip:
      for trip in [UInt32(0x7FFF_FFFF), 0x4000_0000, 0x8000_0000, Packets.minusOne] {
        acknowledge(newest, roundTrip: trip)
      }
    case .ahead: control(2, [newest &+ 1000])
    case .farAhead:
      control(2, [(newest &+ 1 << 29) & 0x7FFF_FFFF])
      acknowledge((newest &+ 1 << 28) & 0x7FFF_FFFF)
    case .window:
      acknowledge(first &+ 1, window: 1 << 30, rate: 0x7FFF_FFFF)
      control(2, [newest &+ 1])
      for back in 0..<UInt32(3) { control(3, [newest &- back]) }
      control(3, [(newest &- 20) | 0x8000_0000, newest])
    case .losses:
      control(3, [first | 0x8000_0000, newest])
      control(3, [(newest &- 5) | 0x8000_0000, newest &+ 5])
      control(3, (0..<300).map { _ in UInt32.random(in: 0...(.max >> 1), using: &random) })
      control(3, [newest | 0x8000_0000, first])
    case .noise:
      for _ in 0..<Self.noise { send(addressed(Packets.mutated(&random))) }
    }
  }

  /// Ends the connection, as UDT does.
  package func leave() { control(5, [0]) }

  private func addressed(_ bytes: [UInt8]) -> [UInt8] {
    // Not the goodbye: after it there would be nobody to lie to.
    guard bytes.count >= 16, !bytes.starts(with: [0x80, 5]) else { return bytes }
    var bytes = bytes
    bytes.replaceSubrange(12..<16, with: Packets.bytes([id]))
    return bytes
  }

  private func acknowledge(
    _ sequence: UInt32, roundTrip: UInt32 = 100_000, window: UInt32? = nil, rate: UInt32 = 10_000
  ) {
    control(2, [sequence, roundTrip, 50_000, window ?? self.window, rate, rate])
  }

  private func control(_ type: UInt32, _ payload: [UInt32]) {
    send(Packets.control(type, to: id, payload: payload))
  }

  // MARK: The socket

  private func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// What is there, a bunch of it at most; waits up to 20 ms for more.
  private func take() {
    for _ in 0..<64 {
      guard let packet = receive() else { return }
      if packet.count > 16, packet[0] < 0x80 { newest = max(newest, word(packet, 0)) }
    }
  }

  private func receive(fromAnybody: Bool = false) -> [UInt8]? {
    guard let (bytes, port) = socket.receive() else { return nil }
    if fromAnybody { other = port }
    // Of a connection before this one something may still come.
    return port == other ? bytes : []
  }

  private func send(_ bytes: [UInt8]) { socket.send(bytes, to: other) }
}
