/// Spreads bytes over time: each reservation is told how long to wait, so that the sum stays below the rate.
///
/// Many users of one bucket get their turns in the order they ask.
package struct TokenBucket: Sendable {
  /// Bytes per second, at least 1.
  package let rate: Double
  /// What may go out at once after a pause, in seconds of the rate.
  package let burst: Double
  /// When everything reserved so far has its turn behind it; nil before the first.
  private var busyUntil: Instant?

  package init(bytesPerSecond: Int, burst: Double = 0.1) {
    rate = Double(max(1, bytesPerSecond))
    self.burst = burst
  }

  /// Reserves `bytes` and returns the seconds to wait before sending them, 0 for none.
  package mutating func reserve(_ bytes: Int, at now: Instant) -> Double {
    let earliest = now + -burst
    let start = max(busyUntil ?? earliest, earliest)
    let end = start + Double(bytes) / rate
    busyUntil = end
    return max(0, end - now)
  }
}
