import Glibc
import ParcelCore

extension PartFile {
  package func suspended() async -> Failure? {
    await withCheckedContinuation { continuation in suspend { continuation.resume(returning: $0) } }
  }
}

extension SegmentWriter {
  /// Writes on from the writer's position, `step` bytes a call. Waits out a full pool.
  package func send(_ bytes: [UInt8], upTo end: Int, step: Int = 16 << 10) -> WriteAnswer {
    var answer = WriteAnswer.more
    while position < end, answer == .more || answer == .pause {
      if answer == .pause { sched_yield() }
      let from = position
      answer = bytes.withUnsafeBytes {
        write(UnsafeRawBufferPointer(rebasing: $0[from..<min(from + step, end)]))
      }
    }
    return answer
  }
}
