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
    return joined([parts.tm_hour, parts.tm_min, parts.tm_sec], ":")
  }

  /// UTC, "2026-11-22T14:02:31Z".
  static func timestamp() -> String {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return joined([parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday], "-") + "T"
      + joined([parts.tm_hour, parts.tm_min, parts.tm_sec], ":") + "Z"
  }

  private static func joined(_ numbers: [Int32], _ separator: String) -> String {
    numbers.map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: separator)
  }

  /// Seconds since 1970, for `Retry-After` dates and seeds.
  @Sendable static func epoch() -> Int { time(nil) }
}
