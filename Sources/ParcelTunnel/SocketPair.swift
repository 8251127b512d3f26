import Glibc
import ParcelSystem

/// Two connected AF_UNIX stream sockets, closed on exec from their birth, so that no other child keeps one open.
struct SocketPair: Sendable {
  let ours: Int32
  let theirs: Int32

  init() throws(Errno) {
    var ends: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw .last
    }
    (ours, theirs) = (ends[0], ends[1])
  }

  /// What can be read now without waiting, passed on piece by piece. False at the end of the stream.
  static func drain(_ socket: Int32, _ take: (ArraySlice<UInt8>) -> Void) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 {
        take(buffer[..<count])
      } else if count < 0, errno == EINTR {
        continue
      } else {
        return count < 0 && errno == EAGAIN
      }
    }
  }

  /// Sends without waiting and without SIGPIPE; what does not fit is dropped.
  static func send(_ text: String, to socket: Int32) {
    let bytes = Array(text.utf8)
    _ = Glibc.send(socket, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
  }
}
