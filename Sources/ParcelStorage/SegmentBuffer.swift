import ParcelCore
import ParcelSystem
import Synchronization

/// Collects a segment's bytes in pool buffers and hands each to the file's writer thread when a block boundary, the
/// limit, or an age of some tenths of a second is reached.
final class SegmentBuffer: SegmentWriter, @unchecked Sendable {
  private let file: LargeFile
  private let lock = Monitor()
  private let nextByte: Atomic<Int>
  private let endByte: Atomic<Int>
  /// Its bytes are compared with those that are there.
  private let compares: Bool

  /// Guarded by `lock`. `buffer` holds the file's bytes `start ..< position`; it begins at the 1 MiB boundary before.
  private var buffer: UnsafeMutableRawPointer?
  private var start = 0
  private var firstByteAt: Int64 = 0
  private var isClosed = false

  init(_ file: LargeFile, _ range: ByteRange, compares: Bool = false) {
    self.compares = compares
    self.file = file
    nextByte = Atomic(range.start)
    endByte = Atomic(range.end)
  }

  var position: Int { nextByte.load(ordering: .acquiring) }
  var limit: Int { endByte.load(ordering: .acquiring) }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    lock.locked {
      guard !isClosed, !file.isStopped else { return .stop }
      let from = position
      let end = limit
      let count = min(bytes.count, end - from)
      guard count > 0 else { return from == end ? .enough : .more }
      guard var fresh = takeBuffers(from, count) else { return .pause }
      var done = 0
      while done < count {
        if buffer == nil { begin(fresh.removeFirst(), at: from + done) }
        done += copy(UnsafeRawBufferPointer(rebasing: bytes[done..<count]), at: from + done)
      }
      if from + count == end { submit(upTo: end) }
      nextByte.store(from + count, ordering: .releasing)
      return from + count == end ? .enough : .more
    }
  }

  /// The new buffers that `count` bytes at `from` need; nil when the pool does not have them all.
  private func takeBuffers(_ from: Int, _ count: Int) -> [UnsafeMutableRawPointer]? {
    let unit = BufferPool.bufferBytes
    let covered = buffer == nil ? from : (from / unit + 1) * unit
    guard from + count > covered else { return [] }
    let needed = (from + count - 1) / unit - covered / unit + 1
    return file.takeBuffers(needed)
  }

  private func begin(_ new: UnsafeMutableRawPointer, at offset: Int) {
    buffer = new
    start = offset
    firstByteAt = file.context.now()
  }

  /// Copies up to the buffer's end, which is a block boundary; a full buffer goes to the file. Returns the count.
  private func copy(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    let unit = BufferPool.bufferBytes
    let place = offset % unit
    let count = min(bytes.count, unit - place)
    if let buffer, let source = bytes.baseAddress {
      (buffer + place).copyMemory(from: source, byteCount: count)
    }
    if place + count == unit { submit(upTo: offset + count) }
    return count
  }

  private func submit(upTo end: Int) {
    guard let buffer else { return }
    self.buffer = nil
    let piece = ByteRange(start, end)
    if compares { file.submitComparison(buffer, piece) } else { file.submit(buffer, piece) }
  }

  /// Sends on what has waited since `moment` or before. Called by the store's tick.
  func flush(olderThan moment: Int64) {
    lock.locked {
      if buffer != nil, firstByteAt <= moment { submit(upTo: position) }
    }
  }

  func shrink(to offset: Int) -> Int {
    lock.locked {
      let end = limit
      let wanted = max(offset, position)
      guard !isClosed, wanted < end else { return end }
      let block = file.blockSize
      let blocks = wanted == 0 ? 0 : (wanted - 1) / block + 1
      let (rounded, overflow) = blocks.multipliedReportingOverflow(by: block)
      guard !overflow, rounded < end else { return end }
      endByte.store(rounded, ordering: .releasing)
      if position == rounded { submit(upTo: rounded) }
      return rounded
    }
  }

  func extend(to offset: Int) {
    lock.locked {
      if offset > limit { endByte.store(offset, ordering: .releasing) }
    }
  }

  func close() {
    let first = lock.locked {
      guard !isClosed else { return false }
      isClosed = true
      submit(upTo: position)
      return true
    }
    if first { file.writerClosed(self) }
  }
}
