import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A listening TCP socket with a thread that accepts.
final class TCPListener: Sendable {
  private let socket: Int32
  /// Writing a byte into it ends the thread.
  private let wake: (read: Int32, write: Int32)
  private let done = Countdown()
  /// As the system names it: "127.0.0.1".
  let host: String
  let port: Int

  /// Port 0: any free one. Throws `Failure(.input | .network, .needsUser)`.
  init(host: String, port: Int) throws(Failure) {
    func failure(_ cause: String) -> Failure {
      Failure(
        .network, retry: .needsUser, "Could not listen on '\(Printable.text(host))' port \(port): \(cause).",
        remedy: "Choose another address or port.")
    }
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let found = getaddrinfo(host, String(port), &hints, &list)
    guard found == 0, let address = list?.pointee else { throw failure(String(cString: gai_strerror(found))) }
    defer { freeaddrinfo(list) }
    let socket = Glibc.socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw failure(Errno.last.message) }
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var pipes: [Int32] = [-1, -1]
    guard bind(socket, address.ai_addr, address.ai_addrlen) == 0, listen(socket, 1024) == 0,
      pipe(&pipes) == 0
    else {
      let cause = Errno.last.message
      close(socket)
      throw failure(cause)
    }
    for descriptor in pipes { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    self.socket = socket
    wake = (pipes[0], pipes[1])
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    withUnsafeMutablePointer(to: &storage) { pointer in
      _ = pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    (self.host, self.port) = Self.name(&storage, length)
  }

  /// Starts accepting; `onStream` runs on the listener's thread and must not block.
  func start(_ onStream: @escaping @Sendable (TCPStream) -> Void) -> Bool {
    done.enter()
    let started = ServerThread.start { [self] in
      accept(onStream)
      done.leave()
    }
    if !started { done.leave() }
    return started
  }

  /// Ends the thread and closes the socket. Called once.
  func stop() {
    var byte: UInt8 = 1
    _ = write(wake.write, &byte, 1)
    _ = done.wait(seconds: 10)
    for descriptor in [socket, wake.read, wake.write] { close(descriptor) }
  }

  private func accept(_ onStream: @Sendable (TCPStream) -> Void) {
    while true {
      var pollers = [
        pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wake.read, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&pollers, 2, -1) > 0 else { continue }
      if pollers[1].revents != 0 { return }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.accept(socket, $0, &length)
        }
      }
      guard accepted >= 0 else {
        // Out of descriptors or memory: others must end first; looking again at once would burn a processor.
        if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { usleep(50_000) }
        continue
      }
      _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
      let (host, port) = Self.name(&storage, length)
      onStream(
        TCPStream(socket: accepted, peer: host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"))
    }
  }

  private static func name(_ storage: inout sockaddr_storage, _ length: socklen_t) -> (String, Int) {
    var host = [CChar](repeating: 0, count: 256)
    var service = [CChar](repeating: 0, count: 32)
    let result = withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        getnameinfo($0, length, &host, 256, &service, 32, NI_NUMERICHOST | NI_NUMERICSERV)
      }
    }
    guard result == 0 else { return ("?", 0) }
    return (Self.text(host), Int(Self.text(service)) ?? 0)
  }

  private static func text(_ characters: [CChar]) -> String {
    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
