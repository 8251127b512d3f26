/// A connection that carries bytes both ways in order: TCP, UDT, TLS over either.
///
/// Calls block their thread up to a timeout. One thread may read while another writes; `stopReading` and `abort` may come
/// from any other. After a thrown `StreamEnd.broken` only `close` is of use.
package protocol ByteStream: AnyObject, Sendable {
  /// The other end, for logs: "127.0.0.1:40312".
  var peer: String { get }

  /// Waits up to `timeout` seconds for bytes and takes what is there, at most `buffer.count`. 0: the peer sends no more.
  func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int

  /// Waits up to `timeout` seconds for room and takes as many of `bytes` as there is room for, at least one (0 only
  /// when `bytes` is empty). After `StreamEnd.timeout` nothing was taken.
  func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int

  /// No more will be written: the peer's `read` answers 0 after the last byte; reading goes on. False when this kind of
  /// connection, or this peer, has no word for that and finds out at `close` only. By the thread that writes.
  func endWriting() -> Bool

  /// True once the peer has closed and what is still unread will be destroyed soon: read it at once. Any thread.
  var isExpiring: Bool { get }

  /// Makes a waiting `read`, and every later one, answer 0. Writing goes on. Any thread.
  func stopReading()

  /// Breaks the connection so that the peer sees an error, not an end. Any thread.
  func abort()

  /// Ends the connection after everything written was handed over; frees it. Called once, by the owner, when no other
  /// call is running. False when it is known that the peer did not get everything.
  @discardableResult func close() -> Bool
}

extension ByteStream {
  package var isExpiring: Bool { false }

  /// Takes all of `bytes`. `timeout` is the longest wait in seconds without any progress.
  package func write(_ bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) {
    var done = 0
    while done < bytes.count {
      done += try write(some: UnsafeRawBufferPointer(rebasing: bytes[done...]), timeout: timeout)
    }
  }
}

/// Why a stream gave no more.
package enum StreamEnd: Error, Hashable, Sendable {
  /// No byte came, or none could be written, for the whole timeout.
  case timeout
  /// The peer or the network broke it, or `abort` was called; the text says how.
  case broken(String)
}
