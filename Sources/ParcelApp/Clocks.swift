import Glibc
import ParcelCore
import ParcelSystem

/// The only place where the clients read a clock.
enum Clocks {
  /// CLOCK_MONOTONIC.
  @Sendable static func now() -> Instant { MonotonicClock.now() }

  /// Local time of day, "14:02:31".
  @Sendable static func wallClock() -> String {
    var seconds = time(nil)
    var parts = tm()
    localtime_r(&seconds, &parts)
    return [parts.tm_hour, parts.tm_min, parts.tm_sec]
      .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
  }

  /// Seconds since 1970, for `Retry-After` dates and seeds.
  @Sendable static func epoch() -> Int { time(nil) }
}
