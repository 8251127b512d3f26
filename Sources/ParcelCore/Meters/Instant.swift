/// A moment on a monotonic clock, in nanoseconds from an arbitrary start.
///
/// The pure targets never read a clock: every moment comes in as an argument. Durations are `Double` seconds.
package struct Instant: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
  package init(seconds: Double) { nanoseconds = Int64(seconds * 1e9) }

  package static let zero = Instant(nanoseconds: 0)
  package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Seconds from `b` to `a`, negative when `a` is earlier.
  package static func - (a: Instant, b: Instant) -> Double { Double(a.nanoseconds - b.nanoseconds) / 1e9 }

  /// `seconds` later (or earlier, when negative).
  package static func + (a: Instant, seconds: Double) -> Instant {
    Instant(nanoseconds: a.nanoseconds + Int64(seconds * 1e9))
  }
}
