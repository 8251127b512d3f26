import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A stream that the kernel can copy a file to by itself.
package protocol FileSending: ByteStream {
  /// Sends up to `count` bytes of `descriptor` from `offset`; returns how many went out, 0 when the file ended.
  func send(file descriptor: Int32, at offset: Int, count: Int, timeout: Double) throws(StreamEnd) -> Int
}

/// A TCP connection, or one of AF_UNIX, which has no reset: there an abort looks like an end to the peer.
///
/// The socket stays blocking: the kernel lets go of a call that sends after a quarter of a second without progress, so
/// that an abort from another thread is seen soon.
package final class TCPStream: FileSending {
  package let peer: String
  /// The peer's; nil when it is not known.
  package let address: SocketAddress?
  private let socket: Int32
  /// True after `close`: the descriptor may be somebody else's by now.
  private let closed = Mutex(false)
  private let aborted = Atomic<Bool>(false)

  /// Takes over a connected socket. `address`: the peer's, for those that allow only some.
  package init(socket: Int32, peer: String, address: SocketAddress? = nil) {
    self.socket = socket
    self.peer = peer
    self.address = address
    var on: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    var pause = timeval(tv_sec: 0, tv_usec: 250_000)
    setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &pause, socklen_t(MemoryLayout<timeval>.size))
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      var poller = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
      let left = max(0, deadline - MonotonicClock.seconds())
      let ready = poll(&poller, 1, Int32(min(left * 1000 + 1, 1e9)))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0 else { throw .timeout }
      let count = recv(socket, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
      if count >= 0 { return count }
      guard errno == EAGAIN || errno == EINTR else { throw broken() }
    }
  }

  package func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    if bytes.isEmpty { return 0 }
    return try progress(timeout) { Glibc.send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
  }

  package func endWriting() -> Bool {
    closed.withLock { if !$0 { _ = shutdown(socket, Int32(SHUT_WR)) } }
    return true
  }

  package func send(file descriptor: Int32, at offset: Int, count: Int, timeout: Double) throws(StreamEnd)
    -> Int
  {
    var position = off_t(offset)
    return try progress(timeout) { sendfile(socket, descriptor, &position, count) }
  }

  /// Calls `attempt` until it sends something.
  private func progress(_ timeout: Double, _ attempt: () -> Int) throws(StreamEnd) -> Int {
    var deadline: Double?
    while true {
      if aborted.load(ordering: .acquiring) { throw .broken("stopped") }
      let count = attempt()
      if count >= 0 { return count }
      guard errno == EAGAIN || errno == EINTR else { throw broken() }
      let now = MonotonicClock.seconds()
      // The first attempt has already waited for a while.
      if let deadline, now >= deadline { throw .timeout }
      if deadline == nil { deadline = now + max(0, timeout - 0.25) }
    }
  }

  private func broken() -> StreamEnd { .broken(Errno.last.message) }

  /// A small send buffer, so that a throttled connection is smooth and what was "sent" is nearly what arrived.
  package func limitSendBuffer(_ bytes: Int) {
    var size = Int32(bytes)
    setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  /// Waits up to `seconds` for the peer to be gone, so that no byte could reach it. A TCP peer that has closed looks as if it
  /// had ended only its own side, until something is written to it. Any thread, before `close`.
  package func isGone(within seconds: Double) -> Bool {
    var poller = pollfd(fd: socket, events: 0, revents: 0)
    return poll(&poller, 1, Int32(seconds * 1000)) == 1 && poller.revents & Int16(POLLHUP | POLLERR) != 0
  }

  package func stopReading() {
    closed.withLock { if !$0 { _ = shutdown(socket, Int32(SHUT_RD)) } }
  }

  package func abort() {
    aborted.store(true, ordering: .releasing)
    closed.withLock { closed in
      guard !closed else { return }
      // Close with a reset, not an end; the shutdown wakes a thread that waits for bytes.
      var value = linger(l_onoff: 1, l_linger: 0)
      setsockopt(socket, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
      shutdown(socket, Int32(SHUT_RD))
    }
  }

  @discardableResult package func close() -> Bool {
    if !aborted.load(ordering: .acquiring) { drain() }
    closed.withLock { closed in
      guard !closed else { return }
      closed = true
      _ = Glibc.close(socket)
    }
    return !aborted.load(ordering: .acquiring)
  }

  /// Ends our side and reads what still comes, for a moment: closing with unread bytes would send a reset, and that
  /// could overtake the answer.
  private func drain() {
    shutdown(socket, Int32(SHUT_WR))
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)
    defer { scratch.deallocate() }
    let deadline = MonotonicClock.seconds() + 1
    var total = 0
    while total < 1 << 20, MonotonicClock.seconds() < deadline {
      guard let count = try? read(into: scratch, timeout: max(0, deadline - MonotonicClock.seconds())),
        count > 0
      else { return }
      total += count
    }
  }
}
