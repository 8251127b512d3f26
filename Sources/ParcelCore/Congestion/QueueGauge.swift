/// The queue on the path now: the smallest round trip of the last little while, less the smallest of all.
///
/// The smallest of several samples, because a sample holds up to one acknowledgement clock and the path's jitter besides the queue.
struct QueueGauge: Sendable {
  private var current = Int.max
  private var previous = Int.max
  private var samples = 0
  private var previousSamples = 0
  private var turn = 0

  /// `width` microseconds each of two buckets.
  mutating func include(_ trip: Int, now: Int, width: Int) {
    if now - turn >= width {
      previous = now - turn >= 2 * width ? Int.max : current
      previousSamples = previous == Int.max ? 0 : samples
      current = Int.max
      samples = 0
      turn = now
    }
    current = min(current, trip)
    samples += 1
  }

  /// Microseconds of queue; nil when too few samples say so.
  func queue(minimum: Int) -> Int? {
    let smallest = min(current, previous)
    guard samples + previousSamples >= 4, smallest < Int.max else { return nil }
    return max(0, smallest - minimum)
  }
}
