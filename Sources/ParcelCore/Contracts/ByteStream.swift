/// A connection that carries bytes both ways in order: TCP now, UDT and TLS later.
///
/// Calls block their thread up to a timeout. One thread reads and writes at a time; `stopReading` and `abort` may come
/// from any other. After a thrown `StreamEnd` only `close` is of use.
package protocol ByteStream: AnyObject, Sendable {
  /// The other end, for logs: "127.0.0.1:40312".
  var peer: String { get }

  /// Waits up to `timeout` seconds for bytes and takes what is there, at most `buffer.count`. 0: the peer sends no more.
  func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int

  /// Takes all of `bytes`. `timeout` is the longest wait in seconds without any progress.
  func write(_ bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd)

  /// Makes a waiting `read`, and every later one, answer 0. Writing goes on. Any thread.
  func stopReading()

  /// Breaks the connection so that the peer sees an error, not an end. Any thread.
  func abort()

  /// Ends the connection after everything written was handed over; frees it. Called once, by the owner.
  func close()
}

/// Why a stream gave no more.
package enum StreamEnd: Error, Hashable, Sendable {
  /// No byte came, or none could be written, for the whole timeout.
  case timeout
  /// The peer or the network broke it, or `abort` was called; the text says how.
  case broken(String)
}
