import Glibc
import ParcelCore

/// CLOCK_MONOTONIC: runs on evenly whatever is done to the time of day, from an unknown start. Any thread.
package enum MonotonicClock {
  package static func nanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  package static func now() -> Instant { Instant(nanoseconds: nanoseconds()) }

  /// Blocks the thread for at least so long.
  package static func sleep(seconds: Double) {
    var wanted = timespec(
      tv_sec: Int(seconds), tv_nsec: Int(seconds.truncatingRemainder(dividingBy: 1) * 1e9))
    var left = timespec()
    while nanosleep(&wanted, &left) == -1, errno == EINTR { wanted = left }
  }

  package static func seconds() -> Double { Double(nanoseconds()) / 1e9 }
}
