import Glibc
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelSystem
import Synchronization

/// A stream whose peer is the test.
final class ScriptedStream: ByteStream, @unchecked Sendable {
  enum Item {
    case bytes([UInt8])
    case end
    case broken(String)
  }

  let peer: String
  private let monitor = Monitor()
  // Only inside `monitor`.
  private var items: [Item] = []
  private var taken: [UInt8] = []
  private var room: Int
  private var expiring = false
  private var readingStopped = false
  private var writeError: String?
  private(set) var wasAborted = false
  private(set) var wasClosed = false
  private(set) var wasEnded = false
  private let hasAWord: Bool

  /// `room`: bytes that it takes before it takes no more. `hasAWord`: what `endWriting` answers.
  init(_ peer: String = "192.0.2.1:1", room: Int = .max, hasAWord: Bool = true) {
    self.peer = peer
    self.room = room
    self.hasAWord = hasAWord
  }

  // What the test does.

  func send(_ new: Item...) {
    monitor.locked {
      items += new
      monitor.wakeAll()
    }
  }

  func makeRoom(_ bytes: Int = .max) {
    monitor.locked {
      room = bytes
      monitor.wakeAll()
    }
  }

  func expire() { monitor.locked { expiring = true } }

  func breakWriting(_ why: String) {
    monitor.locked {
      writeError = why
      monitor.wakeAll()
    }
  }

  var received: [UInt8] { monitor.locked { taken } }
  var isDrained: Bool { monitor.locked { items.isEmpty } }
  var isAborted: Bool { monitor.locked { wasAborted } }
  var isClosed: Bool { monitor.locked { wasClosed } }
  var isEnded: Bool { monitor.locked { wasEnded } }

  // ByteStream.

  func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let deadline = (MonotonicClock.now() + timeout).nanoseconds
    return try monitor.lockedThrowing { () throws(StreamEnd) -> Int in
      while true {
        if wasAborted { throw .broken("stopped") }
        switch items.first {
        case .bytes(let bytes)?:
          let count = min(bytes.count, buffer.count)
          buffer.copyBytes(from: bytes[..<count])
          items[0] = .bytes(Array(bytes[count...]))
          if count == bytes.count { items.removeFirst() }
          return count
        case .end?: return 0
        case .broken(let why)?: throw .broken(why)
        case nil: break
        }
        if readingStopped { return 0 }
        if !monitor.wait(until: deadline) { throw .timeout }
      }
    }
  }

  func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let deadline = (MonotonicClock.now() + timeout).nanoseconds
    return try monitor.lockedThrowing { () throws(StreamEnd) -> Int in
      while true {
        if wasAborted { throw .broken("stopped") }
        if let writeError { throw .broken(writeError) }
        if room > 0 {
          let count = min(bytes.count, room)
          taken += bytes[..<count]
          if room != .max { room -= count }
          return count
        }
        if !monitor.wait(until: deadline) { throw .timeout }
      }
    }
  }

  func endWriting() -> Bool {
    monitor.locked { wasEnded = true }
    return hasAWord
  }

  var isExpiring: Bool { monitor.locked { expiring } }

  func stopReading() {
    monitor.locked {
      readingStopped = true
      monitor.wakeAll()
    }
  }

  func abort() {
    monitor.locked {
      wasAborted = true
      monitor.wakeAll()
    }
  }

  @discardableResult func close() -> Bool {
    monitor.locked { wasClosed = true }
    return true
  }
}

/// What a service told.
final class Notices: Sendable {
  private let all = Mutex<[RelayNotice]>([])

  func add(_ notice: RelayNotice) { all.withLock { $0.append(notice) } }

  var records: [RelayRecord] {
    all.withLock { $0.compactMap { if case .ended(let record) = $0 { record } else { nil } } }
  }
  var denials: [String] {
    all.withLock { $0.compactMap { if case .denied(_, let reason) = $0 { reason } else { nil } } }
  }
  var refusals: [RelayRefusal] {
    all.withLock { $0.compactMap { if case .refused(_, let refusal) = $0 { refusal } else { nil } } }
  }
}

/// Bytes that look random and are the same each time.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  var bytes = [UInt8](repeating: 0, count: count)
  bytes.withUnsafeMutableBytes { buffer in
    for word in 0..<(count / 8) {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      buffer.storeBytes(of: state, toByteOffset: word * 8, as: UInt64.self)
    }
  }
  return bytes
}

/// What StockPeer sends.
func stockBytes(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    for index in 0..<count {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      buffer[index] = UInt8(truncatingIfNeeded: state >> 24)
    }
    filled = count
  }
}

extension ByteStream {
  func write(_ bytes: [UInt8], timeout: Double = 20) throws {
    try bytes.withUnsafeBytes { try write($0, timeout: timeout) }
  }

  /// Reads until `count` bytes are there or the stream ends.
  func read(exactly count: Int, timeout: Double = 20) throws -> [UInt8] {
    var all = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let some = try all.withUnsafeMutableBytes {
        try read(into: UnsafeMutableRawBufferPointer(rebasing: $0[done...]), timeout: timeout)
      }
      if some == 0 { break }
      done += some
    }
    return Array(all[..<done])
  }

  /// Everything up to the end.
  func readAll(timeout: Double = 20) throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let more = try read(exactly: 1 << 20, timeout: timeout)
      all += more
      if more.count < 1 << 20 { return all }
    }
  }
}

/// A TCP server of the test's: each connection is handled on a thread of its own.
final class TestServer: Sendable {
  private let listener: TCPListener
  var port: Int { listener.port }

  init(_ handle: @escaping @Sendable (TCPStream) -> Void) throws {
    listener = try TCPListener(host: "127.0.0.1", port: 0)
    _ = listener.start { stream in
      _ = ServiceThread.start { handle(stream) }
    }
  }

  func stop() { listener.stop() }

  /// Sends back what it gets, and the end after it.
  static func echo() throws -> TestServer {
    try TestServer { stream in
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
      defer { buffer.deallocate() }
      while let count = try? stream.read(into: buffer, timeout: 60), count > 0 {
        guard (try? stream.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), timeout: 60)) != nil
        else {
          break
        }
      }
      _ = stream.endWriting()
      stream.close()
    }
  }
}

/// A thread that is waited for.
struct Thread: Sendable {
  private let done = Countdown()

  init(_ body: @escaping @Sendable () -> Void) {
    let done = self.done
    done.enter()
    let started = ServiceThread.start {
      body()
      done.leave()
    }
    precondition(started)
  }

  func join() { while !done.wait(seconds: 60) {} }
}

/// Bytes that one thread writes and another one looks at.
final class Notebook: Sendable {
  private let content = Mutex<[UInt8]>([])
  var bytes: [UInt8] { content.withLock { $0 } }
  func write(_ bytes: [UInt8]) { content.withLock { $0 += bytes } }
}

/// Gives one value after the other, to any thread.
final class Handout<Value: Sendable>: Sendable {
  private let rest: Mutex<[Value]>
  init(_ values: [Value]) { rest = Mutex(values) }
  func next() -> Value { rest.withLock { $0.removeFirst() } }
}
