/// A handshake of UDT 4 as it travels: a control packet of 64 bytes, every word in network order.
///
/// A client's first request carries no cookie. A listener answers it with one and forgets about it: no connection comes to
/// be before the request comes again with that cookie. So one request and its answer measure whether UDP gets through,
/// and how long it takes, without leaving anything behind. (UDT's draft-gg-udt, section 5; libudt's `CUDT::listen`.)
package struct UDTHandshake: Hashable, Sendable {
  package static let byteCount = 64

  /// Kinds of `request`.
  package static let regular: Int32 = 1
  /// A listener's answer to a version or a socket type that is not its own.
  package static let refused: Int32 = 1002

  /// The socket that the packet is for; 0 for a listener.
  package var destination: Int32 = 0
  package var version: Int32 = 4
  /// 1: a stream of bytes, 2: messages.
  package var socketType: Int32 = 1
  /// First sequence number, from 0.
  package var sequence: Int32
  /// Largest IP packet in bytes, and packets that may be on their way.
  package var maximumSegment: Int32 = 1500
  package var window: Int32 = 8192
  package var request: Int32 = UDTHandshake.regular
  /// The sender's socket; answers carry it as `destination`.
  package var socket: Int32
  package var cookie: Int32 = 0

  /// A client's first request.
  package init(socket: Int32, sequence: Int32) {
    self.socket = socket
    self.sequence = sequence
  }

  /// Control bit, type 0; then additional information and time stamp, which a listener does not look at.
  private static let firstWord: UInt32 = 0x8000_0000

  /// Nil for any other packet.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    func word(_ index: Int) -> UInt32 {
      bytes[(index * 4)..<(index * 4 + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }
    func number(_ index: Int) -> Int32 { Int32(bitPattern: word(index)) }
    // The lower half of the first word is reserved.
    guard word(0) & 0xFFFF_0000 == Self.firstWord else { return nil }
    destination = number(3)
    version = number(4)
    socketType = number(5)
    sequence = number(6)
    maximumSegment = number(7)
    window = number(8)
    request = number(9)
    socket = number(10)
    cookie = number(11)
  }

  /// 64 of them. The peer's address (the last 16) stays zero: only connections need it.
  package var bytes: [UInt8] {
    let numbers: [Int32] = [
      0, 0, destination, version, socketType, sequence, maximumSegment, window, request, socket, cookie, 0, 0,
      0, 0,
    ]
    let words = [Self.firstWord] + numbers.map { UInt32(bitPattern: $0) }
    return words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
  }

  /// What a packet that came back says; nil when it is no answer to this request.
  package func verdict(on bytes: [UInt8]) -> UDTVerdict {
    guard let answer = UDTHandshake(bytes), answer.destination == socket else { return .foreign }
    if answer.request == Self.refused || answer.version != version { return .otherVersion }
    return answer.request == Self.regular ? .listener : .foreign
  }
}

/// What an answer to a handshake means.
package enum UDTVerdict: Hashable, Sendable {
  /// A listener of UDT 4.
  case listener
  /// A listener that speaks another version of UDT, or messages only.
  case otherVersion
  /// Something else answers on that port.
  case foreign
}
