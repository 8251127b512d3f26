import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A listening socket, of TCP or AF_UNIX, with a thread that accepts.
package final class TCPListener: Sendable {
  private let socket: Int32
  /// Writing a byte into it ends the thread.
  private let wake: (read: Int32, write: Int32)
  private let done = Countdown()
  /// As the system names it: "127.0.0.1". "local" for AF_UNIX.
  package let host: String
  /// 0 for AF_UNIX.
  package let port: Int

  /// Port 0: any free one. Throws `Failure(.network, .needsUser)`.
  package convenience init(host: String, port: Int) throws(Failure) {
    func failure(_ cause: String) -> Failure {
      Failure(
        .network, retry: .needsUser, "Could not listen on '\(Printable.text(host))' port \(port): \(cause).",
        remedy: "Choose another address or port.")
    }
    let address: SocketAddress
    switch SocketAddress.resolve(host: host, port: port, passive: true) {
    case .success(let all): address = all[0]
    case .failure(let cause): throw failure(cause.text)
    }
    let socket = Glibc.socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard socket >= 0 else { throw failure(Errno.last.message) }
    var on: Int32 = 1
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    // "::" takes IPv4 in too, whatever the system's default.
    var off: Int32 = 0
    if address.isIPv6 {
      setsockopt(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
    }
    guard address.withPointer({ bind(socket, $0, address.length) }) == 0, listen(socket, 1024) == 0 else {
      let cause = Errno.last.message
      Glibc.close(socket)
      throw failure(cause)
    }
    try self.init(listening: socket)
  }

  /// Takes over a socket that listens already, inherited perhaps. Throws `Failure(.network, .needsUser)` when it is
  /// none, or when the system has no descriptors left.
  package init(listening socket: Int32) throws(Failure) {
    var pipes: [Int32] = [-1, -1]
    guard pipe(&pipes) == 0, (pipes + [socket]).allSatisfy({ fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }),
      let own = SocketAddress({ pointer, length in
        UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
          getsockname(socket, $0, length)
        }
      })
    else {
      let cause = Errno.last.message
      for descriptor in pipes + [socket] where descriptor >= 0 { Glibc.close(descriptor) }
      throw Failure(.network, retry: .needsUser, "Could not listen on a socket: \(cause).")
    }
    self.socket = socket
    wake = (pipes[0], pipes[1])
    (host, port) = own.family == AF_UNIX ? ("local", 0) : own.name
  }

  /// Starts accepting; `onStream` runs on the listener's thread and must not block.
  package func start(_ onStream: @escaping @Sendable (TCPStream) -> Void) -> Bool {
    done.enter()
    let started = ServiceThread.start { [self] in
      accept(onStream)
      done.leave()
    }
    if !started { done.leave() }
    return started
  }

  /// Ends the thread and closes the socket. Called once.
  package func stop() {
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
      var accepted: Int32 = -1
      let peer = SocketAddress { pointer, length in
        accepted = UnsafeMutableRawPointer(pointer).withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.accept(socket, $0, length)
        }
        return accepted >= 0 ? 0 : -1
      }
      guard accepted >= 0, let peer else {
        // Out of descriptors or memory: others must end first; looking again at once would burn a processor.
        if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { usleep(50_000) }
        continue
      }
      _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
      onStream(TCPStream(socket: accepted, peer: peer.family == AF_UNIX ? "local" : peer.text, address: peer))
    }
  }
}
