import Glibc
import ParcelCore
import ParcelStorage
import ParcelTesting
import Synchronization

/// A disk in memory that only counts which bytes of a `.part` it has: those of every MiB are the same, and never zero. So
/// a file of any size costs nothing. At seeded moments it remembers what a crash would leave.
final class CountingDisk: SystemCalls, Sendable {
  struct Part: Sendable {
    var ranges = ByteRangeSet()
    var durable = ByteRangeSet()
    var pending: [ByteRange] = []
    var size: Int { ranges.ranges.last?.end ?? 0 }
  }

  /// What a crash leaves, and when it was.
  struct Crash: Sendable {
    /// The disk of the next start, and what of the part it has.
    var disk: CountingDisk
    var isPowerLoss: Bool
    /// Nanoseconds of virtual time.
    var time: Int64
    /// Bytes that had come.
    var received: Int
  }

  private struct State {
    var part = Part()
    var parts: Set<Int32> = []
    var random = SeededRandom(seed: 1)
    var crashes: [Crash] = []
  }

  /// One MiB that every MiB of the file looks like.
  static let mega = FaultObject.content(1 << 20, seed: 9).map { $0 | 1 }

  private let disk: MemoryDisk
  private let state: Mutex<State>
  /// Virtual time and bytes received; nil: no crashes here.
  private let moment: (@Sendable () -> (Int64, Int))?
  /// One of so many changes.
  private let every: UInt64

  init(seed: UInt64, every: UInt64, moment: @escaping @Sendable () -> (Int64, Int)) {
    disk = MemoryDisk()
    self.every = every
    self.moment = moment
    var first = State()
    first.random = SeededRandom(seed: seed)
    state = Mutex(first)
  }

  private init(_ disk: MemoryDisk, _ part: Part) {
    self.disk = disk
    moment = nil
    every = 1
    var first = State()
    first.part = part
    state = Mutex(first)
  }

  var crashes: [Crash] { state.withLock { $0.crashes } }
  var part: Part { state.withLock { $0.part } }

  /// Before a change: perhaps this is the moment.
  private func crash(_ state: inout State) {
    guard let moment, state.random.next() % every == 0 else { return }
    let (time, received) = moment()
    let turn = state.random.next() % 4
    let seed = state.random.next()
    let survival: MemoryDisk.Survival = turn < 2 ? .everything : turn == 2 ? .nothing : .someInOrder
    var part = Part(ranges: turn < 2 ? state.part.ranges : state.part.durable)
    if turn == 3 {
      for range in state.part.pending where state.random.next() % 2 == 0 { part.ranges.insert(range) }
    }
    part.durable = part.ranges
    let next = CountingDisk(disk.afterPowerLoss(survival, seed: seed), part)
    state.crashes.append(Crash(disk: next, isPowerLoss: turn >= 2, time: time, received: received))
  }

  private func changing(_ body: (inout State) -> Int32) -> Int32 {
    state.withLock { state in
      crash(&state)
      return body(&state)
    }
  }

  func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    changing { state in
      let descriptor = disk.open(path, flags, mode)
      if descriptor >= 0, path.hasSuffix(".part") {
        state.parts.insert(descriptor)
        if flags & O_TRUNC != 0 { state.part = Part() }
      }
      return descriptor
    }
  }

  func close(_ descriptor: Int32) -> Int32 {
    state.withLock { state in
      state.parts.remove(descriptor)
      return disk.close(descriptor)
    }
  }

  func status(_ path: String, follow: Bool, _ result: inout stat) -> Int32 {
    let code = disk.status(path, follow: follow, &result)
    if code == 0, path.hasSuffix(".part") { result.st_size = part.size }
    return code
  }

  func status(_ descriptor: Int32, _ result: inout stat) -> Int32 {
    let code = disk.status(descriptor, &result)
    let size = state.withLock { $0.parts.contains(descriptor) ? $0.part.size : nil }
    if code == 0, let size { result.st_size = size }
    return code
  }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int?) -> Int {
    let part = state.withLock { $0.parts.contains(descriptor) ? $0.part : nil }
    guard let part, let offset else { return disk.read(descriptor, buffer, at: offset) }
    let count = max(0, min(buffer.count, part.size - offset))
    guard count > 0, let base = buffer.baseAddress else { return 0 }
    memset(base, 0, count)
    for range in part.ranges.ranges {
      var at = max(range.start, offset)
      let end = min(range.end, offset + count)
      while at < end {
        let length = min(end - at, (1 << 20) - at % (1 << 20))
        Self.mega.withUnsafeBytes {
          _ = memcpy(base + (at - offset), $0.baseAddress! + at % (1 << 20), length)
        }
        at += length
      }
    }
    return count
  }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Int {
    let range = offset.map { ByteRange($0, $0 + bytes.count) }
    let isPart = state.withLock { state in
      crash(&state)
      guard state.parts.contains(descriptor), let range else { return false }
      state.part.ranges.insert(range)
      state.part.pending.append(range)
      return true
    }
    return isPart ? bytes.count : disk.write(descriptor, bytes, at: offset)
  }

  func syncData(_ descriptor: Int32) -> Int32 {
    changing { state in
      if state.parts.contains(descriptor) {
        state.part.durable = state.part.ranges
        state.part.pending = []
      }
      return disk.syncData(descriptor)
    }
  }

  func truncate(_ descriptor: Int32, to size: Int) -> Int32 {
    changing { state in
      if state.parts.contains(descriptor) {
        state.part.ranges.remove(ByteRange(size, max(size, state.part.size)))
      }
      return disk.truncate(descriptor, to: size)
    }
  }

  func syncFolder(_ descriptor: Int32) -> Int32 { changing { _ in disk.syncFolder(descriptor) } }
  func syncFileSystem(_ descriptor: Int32) -> Int32 { changing { _ in disk.syncFileSystem(descriptor) } }
  func unlink(_ path: String) -> Int32 { changing { _ in disk.unlink(path) } }
  func rename(_ old: String, _ new: String) -> Int32 { changing { _ in disk.rename(old, new) } }
  func renameNoReplace(_ old: String, _ new: String) -> Int32 {
    changing { _ in disk.renameNoReplace(old, new) }
  }
  func link(_ old: String, _ new: String) -> Int32 { changing { _ in disk.link(old, new) } }
  func makeFolder(_ path: String) -> Int32 { changing { _ in disk.makeFolder(path) } }
  func leaveCache(_ descriptor: Int32, _ start: Int, _ count: Int) {}
}
