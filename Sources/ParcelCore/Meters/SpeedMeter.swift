/// A smoothed rate: an exponentially weighted mean of what each interval brought, with a time constant in seconds.
///
/// The first intervals count fully (the mean is corrected for its short past), so a rate is right from the start.
package struct SpeedMeter: Sendable {
  /// Seconds after which an old interval counts 1/e.
  package let timeConstant: Double
  private var weighted = 0.0
  private var weight = 0.0
  private var last: (count: Int, at: Instant)?

  package init(timeConstant: Double) { self.timeConstant = timeConstant }

  /// Bytes per second.
  package var rate: Double { weight > 0 ? weighted / weight : 0 }

  /// Tells a growing count of bytes. Intervals under a millisecond, and clocks that go back, are ignored.
  package mutating func observe(count: Int, now: Instant) {
    guard let previous = last else {
      last = (count, now)
      return
    }
    let seconds = now - previous.at
    guard seconds > 0.001 else { return }
    last = (count, now)
    let keep = Decay.factor(seconds / timeConstant)
    weighted = weighted * keep + Double(max(0, count - previous.count)) / seconds * (1 - keep)
    weight = weight * keep + (1 - keep)
  }

  /// Forgets the past; the next count is the new start.
  package mutating func reset() { self = SpeedMeter(timeConstant: timeConstant) }
}

/// e^-x without a mathematics library: (1 - x/1024)^1024, within 0.2 % of x for the intervals used here.
enum Decay {
  static func factor(_ x: Double) -> Double {
    guard x < 50 else { return 0 }
    var value = 1 / (1 + x / 1024)
    for _ in 0..<10 { value *= value }
    return value
  }
}

/// Bytes per second for a graph: one value for each whole second, oldest first.
package struct RateHistory: Sendable {
  package private(set) var values: [Double] = []
  package let capacity: Int
  private var second: (index: Int64, count: Int)?

  package init(capacity: Int) { self.capacity = capacity }

  /// Tells a growing count of bytes; call at least a few times a second. A longer pause is filled evenly.
  package mutating func observe(count: Int, now: Instant) {
    let index = now.nanoseconds / 1_000_000_000
    guard let current = second else {
      second = (index, count)
      return
    }
    guard index > current.index else { return }
    let seconds = index - current.index
    let each = Double(max(0, count - current.count)) / Double(seconds)
    for _ in 0..<min(seconds, Int64(capacity)) { values.append(each) }
    if values.count > capacity { values.removeFirst(values.count - capacity) }
    second = (index, count)
  }
}
