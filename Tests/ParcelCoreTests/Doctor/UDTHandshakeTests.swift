import ParcelCore
import Testing

struct UDTHandshakeTests {
  private let request = UDTHandshake(socket: 0x0102_0304, sequence: 0x1122_3344)

  @Test func `a request is these 64 bytes`() {
    let wanted: [UInt8] = [
      0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // handshake, for a listener
      0, 0, 0, 4, 0, 0, 0, 1, 0x11, 0x22, 0x33, 0x44, 0, 0, 0x05, 0xDC,  // version 4, stream, number, 1500
      0, 0, 0x20, 0, 0, 0, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0,  // window 8192, regular, socket, no cookie
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]
    #expect(request.bytes == wanted)
    #expect(UDTHandshake(wanted) == request)
  }

  @Test func `negative numbers survive`() {
    var answer = request
    answer.request = -1
    answer.cookie = .min
    #expect(UDTHandshake(answer.bytes) == answer)
  }

  @Test func `only 64 bytes that begin as a handshake are one`() {
    let bytes = request.bytes
    #expect(UDTHandshake([]) == nil)
    #expect(UDTHandshake(Array(bytes.dropLast())) == nil)
    #expect(UDTHandshake(bytes + [0]) == nil)
    for first: [UInt8] in [[0, 0], [0x80, 1], [0x80, 2], [0xFF, 0xFF]] {
      #expect(UDTHandshake(first + bytes.dropFirst(2)) == nil)
    }
  }

  /// What a listener makes of the request, changed by `change`.
  private func verdict(_ change: (inout UDTHandshake) -> Void) -> UDTVerdict {
    var answer = request
    answer.destination = request.socket
    answer.cookie = 99
    change(&answer)
    return request.verdict(on: answer.bytes)
  }

  @Test func `an answer with a cookie is a listener's`() {
    #expect(verdict { _ in } == .listener)
    #expect(verdict { $0.version = 5 } == .otherVersion)
    #expect(verdict { $0.request = UDTHandshake.refused } == .otherVersion)
    #expect(verdict { $0.request = -1 } == .foreign)
    #expect(verdict { $0.destination = 7 } == .foreign)
    #expect(request.verdict(on: request.bytes) == .foreign, "an echo is no answer")
    #expect(request.verdict(on: Array("hello".utf8)) == .foreign)
  }
}
