import Glibc
import ParcelCore
import ParcelSystem

extension TCPStream {
  /// Connects to the first address of `host` that answers; the name is looked up anew each time. Blocks up to `timeout`
  /// seconds, which the addresses share, besides the time that the name takes.
  ///
  /// Throws `Failure(.network, .later)`; the cause is the last address's.
  package static func connect(
    host: String, port: Int, timeout: Double = 10, onlyIPv4: Bool = false
  ) throws(Failure) -> TCPStream {
    func failure(_ cause: String, _ remedy: String) -> Failure {
      Failure(
        .network, retry: .later(after: nil),
        "Could not connect to '\(Printable.text(host))' port \(port): \(cause).", remedy: remedy)
    }
    var addresses: [SocketAddress]
    switch SocketAddress.resolve(host: host, port: port) {
    case .success(let all): addresses = all.filter { !onlyIPv4 || !$0.isIPv6 }
    case .failure(let cause): throw failure(cause.text, "Check the name and the port.")
    }
    let deadline = MonotonicClock.seconds() + timeout
    var cause = "the name has no IPv4 address"
    while let address = addresses.first {
      let share = max(0.1, (deadline - MonotonicClock.seconds()) / Double(addresses.count))
      switch attempt(address, seconds: share) {
      case .success(let socket): return TCPStream(socket: socket, peer: address.text, address: address)
      case .failure(let error): cause = error.code == ETIMEDOUT ? "nobody answered in time" : error.message
      }
      addresses.removeFirst()
    }
    throw failure(cause, "Check that a server runs there.")
  }

  /// A connected socket that blocks.
  private static func attempt(_ address: SocketAddress, seconds: Double) -> Result<Int32, Errno> {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = Glibc.socket(address.family, kind, 0)
    guard socket >= 0 else { return .failure(.last) }
    var result = address.withPointer { Glibc.connect(socket, $0, address.length) } == 0 ? 0 : errno
    if result == EINPROGRESS { result = answer(socket, seconds) }
    if result == 0, fcntl(socket, F_SETFL, 0) != 0 { result = errno }
    guard result == 0 else {
      Glibc.close(socket)
      return .failure(Errno(code: result))
    }
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, socklen_t(MemoryLayout<Int32>.size))
    return .success(socket)
  }

  /// Waits for what becomes of a connection that is being made: 0 or an error number.
  private static func answer(_ socket: Int32, _ seconds: Double) -> Int32 {
    let deadline = MonotonicClock.seconds() + seconds
    var poller = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    while true {
      let left = max(0, deadline - MonotonicClock.seconds())
      let ready = poll(&poller, 1, Int32(min(left * 1000 + 1, 1e9)))
      if ready == 0 { return ETIMEDOUT }
      if ready > 0 { break }
      guard errno == EINTR else { return errno }
    }
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno
  }
}
