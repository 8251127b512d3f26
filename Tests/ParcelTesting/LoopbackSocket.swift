import Glibc

/// A plain UDP socket on 127.0.0.1.
package final class LoopbackSocket: @unchecked Sendable {
  package let socket: Int32
  package let port: Int

  package init() {
    socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = Self.address(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = socket
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(socket, $0, size)
        getsockname(socket, $0, &size)
      }
    }
    var timeout = timeval(tv_sec: 0, tv_usec: 20_000)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(socket) }

  private static func address(_ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = UInt16(port).bigEndian
    return address
  }

  package func send(_ bytes: [UInt8], to port: Int) {
    var address = Self.address(port)
    withUnsafePointer(to: &address) {
      _ = $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// The next datagram and the port it came from; nil after 20 ms without.
  package func receive() -> (bytes: [UInt8], port: Int)? {
    var bytes = [UInt8](repeating: 0, count: 10_000)
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let count = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(socket, &bytes, bytes.count, 0, $0, &size)
      }
    }
    guard count >= 0 else { return nil }
    return (Array(bytes[..<count]), Int(UInt16(bigEndian: address.sin_port)))
  }
}
