import CTLS
import ParcelCore
import ParcelSystem
import Synchronization

/// TLS 1.2 or 1.3 (RFC 8446), the server's side, over any other byte stream.
///
/// OpenSSL works between two heaps of bytes in memory, so that it never touches a descriptor. Two locks keep its rules
/// and the stream's: `engine` is held for one call of OpenSSL at a time and never while the network is waited for;
/// `sending` is held from encrypting until the records are handed over, so that they leave in order.
///
/// The peer's close_notify is the end of the stream. An end without it is `StreamEnd.broken`: somebody may have cut it.
package final class TLSStream: ByteStream {
  package var peer: String { stream.peer }
  package var isExpiring: Bool { stream.isExpiring }

  private let stream: any ByteStream
  private let engine = Monitor()
  private let sending = Monitor()
  private let state: State
  private let readingStopped = Atomic<Bool>(false)
  private let isEstablished = Atomic<Bool>(false)
  /// Aborted, or failed: nothing more is said to the peer.
  private let isBroken = Atomic<Bool>(false)

  /// `tls` only inside `engine`; `leftover` and `saidEnd` only inside `sending`; `received` by the reading thread.
  private final class State: @unchecked Sendable {
    let tls: OpaquePointer
    /// Records that the network did not take before a timeout; they go first.
    var leftover: [UInt8] = []
    var saidEnd = false
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    init(_ tls: OpaquePointer) { self.tls = tls }

    deinit {
      parcel_tls_free(tls)
      received.deallocate()
    }
  }

  /// Plain bytes that are encrypted at a time: four records. More would only need more memory.
  private static let piece = 64 << 10
  /// Longest wait in seconds for the network to take the last records.
  private static let farewell = 5.0

  /// Takes over `stream`, which is closed with this one. Nil when there is no memory; `stream` is then as it was.
  package init?(over stream: any ByteStream, _ certificate: TLSCertificate) {
    guard let tls = certificate.makeConnection() else { return nil }
    self.stream = stream
    state = State(tls)
  }

  /// Agrees on keys; to be called first, once, before any reading and writing. `timeout` in seconds is for all of it.
  package func handshake(timeout: Double) throws(StreamEnd) {
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      let result = engine.locked { Outcome(parcel_tls_handshake(state.tls)) }
      let left = max(0, deadline - MonotonicClock.seconds())
      // Also when it failed: the alert tells the peer why.
      try send(timeout: left)
      switch result {
      case .done:
        isEstablished.store(true, ordering: .releasing)
        return
      case .failed(let text): throw fail(text)
      case .more, .ended: break
      }
      guard MonotonicClock.seconds() < deadline else { throw .timeout }
      guard try receive(timeout: max(0, deadline - MonotonicClock.seconds())) else {
        throw fail("the peer left during the TLS handshake")
      }
    }
  }

  package func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    if buffer.isEmpty { return 0 }
    let deadline = MonotonicClock.seconds() + timeout
    while true {
      if readingStopped.load(ordering: .acquiring) { return 0 }
      if isBroken.load(ordering: .acquiring) { throw .broken("the TLS connection is broken") }
      let result = engine.locked {
        Outcome(parcel_tls_read(state.tls, buffer.baseAddress, Int32(clamping: buffer.count)))
      }
      // What OpenSSL wants to say meanwhile goes out now, unless another thread is just sending and takes it along.
      sendIfFree()
      switch result {
      case .done(let count): return count
      case .ended: return 0
      case .failed(let text): throw fail(text)
      case .more: break
      }
      guard try receive(timeout: max(0, deadline - MonotonicClock.seconds())) else {
        if readingStopped.load(ordering: .acquiring) { return 0 }
        throw fail("the connection ended in the middle of TLS (no close_notify)")
      }
    }
  }

  package func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    if bytes.isEmpty { return 0 }
    return try sending.lockedThrowing { () throws(StreamEnd) -> Int in
      if isBroken.load(ordering: .acquiring) { throw .broken("the TLS connection is broken") }
      if state.saidEnd { throw .broken("the end was said already") }
      // First what is left over, so that after a timeout nothing of `bytes` was taken.
      try sendInOrder(timeout: timeout)
      let count = min(bytes.count, Self.piece)
      let result = engine.locked {
        Outcome(parcel_tls_write(state.tls, bytes.baseAddress, Int32(count)))
      }
      if case .failed(let text) = result { throw fail(text) }
      do throws(StreamEnd) {
        try sendInOrder(timeout: timeout)
      } catch .timeout {
        return count  // encrypted once and not again: the next call goes on from there
      } catch { throw error }
      return count
    }
  }

  /// Says close_notify. The stream below stays open both ways.
  package func endWriting() -> Bool { sayEnd() }

  package func stopReading() {
    readingStopped.store(true, ordering: .releasing)
    stream.stopReading()
  }

  package func abort() {
    isBroken.store(true, ordering: .releasing)
    stream.abort()
  }

  @discardableResult package func close() -> Bool {
    let isSaid = sayEnd()
    // There is nothing to wait for any more, unless it is the alert that tells why there are no keys.
    if !isSaid, isEstablished.load(ordering: .acquiring) { stream.abort() }
    return stream.close() && isSaid
  }

  /// True when everything and the close_notify were handed over.
  private func sayEnd() -> Bool {
    sending.locked {
      if isBroken.load(ordering: .acquiring) { return false }
      if !state.saidEnd {
        guard case .done = engine.locked({ Outcome(parcel_tls_end(state.tls)) }) else { return false }
        state.saidEnd = true
      }
      return (try? sendInOrder(timeout: Self.farewell)) != nil
    }
  }

  // MARK: Records in and out

  /// Waits for records of the peer. False at the end of the stream below.
  private func receive(timeout: Double) throws(StreamEnd) -> Bool {
    let count = try stream.read(into: state.received, timeout: timeout)
    guard count > 0 else { return false }
    let result = engine.locked {
      Outcome(parcel_tls_give(state.tls, state.received.baseAddress, Int32(count)))
    }
    guard case .done = result else { throw fail("no memory") }
    return true
  }

  private func send(timeout: Double) throws(StreamEnd) {
    try sending.lockedThrowing { () throws(StreamEnd) in try sendInOrder(timeout: timeout) }
  }

  /// For the thread that reads: never waits for a thread that writes.
  private func sendIfFree() { _ = sending.tryLocked { try? sendInOrder(timeout: 0) } }

  /// Hands over all records there are. Inside `sending`. `timeout`: longest wait without progress.
  private func sendInOrder(timeout: Double) throws(StreamEnd) {
    if !state.leftover.isEmpty {
      let old = state.leftover
      try old.withUnsafeBytes { handOver($0, timeout) }.get()
    }
    // Mostly there is nothing, and then no memory is needed either.
    guard engine.locked({ parcel_tls_pending(state.tls) }) > 0 else { return }
    let records = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.piece + 1024, alignment: 64)
    defer { records.deallocate() }
    while true {
      let count = engine.locked { parcel_tls_take(state.tls, records.baseAddress, Int32(records.count)) }
      guard count > 0 else { return }
      try handOver(UnsafeRawBufferPointer(rebasing: records[..<Int(count)]), timeout).get()
    }
  }

  /// What the network does not take is left over.
  private func handOver(_ bytes: UnsafeRawBufferPointer, _ timeout: Double) -> Result<Void, StreamEnd> {
    var done = 0
    do throws(StreamEnd) {
      while done < bytes.count {
        done += try stream.write(some: UnsafeRawBufferPointer(rebasing: bytes[done...]), timeout: timeout)
      }
      state.leftover = []
      return .success(())
    } catch {
      state.leftover = Array(bytes[done...])
      return .failure(error)
    }
  }

  private func fail(_ cause: String) -> StreamEnd {
    isBroken.store(true, ordering: .releasing)
    return .broken(cause)
  }

  /// What a call of OpenSSL came to, its error taken while the thread still has it.
  private enum Outcome {
    case done(Int)
    case more
    case ended
    case failed(String)

    init(_ result: Int32) {
      switch Int(result) {
      case PARCEL_TLS_MORE: self = .more
      case PARCEL_TLS_ENDED: self = .ended
      case 1...: self = .done(Int(result))
      default: self = .failed(TLSError.last)
      }
    }
  }
}
