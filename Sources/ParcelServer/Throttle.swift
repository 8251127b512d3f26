import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A rate that several threads share.
final class Throttle: Sendable {
  private let bucket: Mutex<TokenBucket>
  /// Bytes to send at a time: about a fiftieth of a second's worth.
  let piece: Int

  init(bytesPerSecond: Int) {
    bucket = Mutex(TokenBucket(bytesPerSecond: bytesPerSecond, now: MonotonicClock.now()))
    piece = min(64 << 10, max(1024, bytesPerSecond / 50))
  }

  /// Waits for the turn of `bytes`; false when `isStopped` became true meanwhile.
  func wait(_ bytes: Int, isStopped: () -> Bool) -> Bool {
    while true {
      let left = bucket.withLock { bucket in
        let now = MonotonicClock.now()
        let seconds = bucket.secondsUntilReady(now: now)
        if seconds == 0 { bucket.spend(bytes) }
        return seconds
      }
      if left == 0 { break }
      if isStopped() { return false }
      usleep(UInt32(min(left, 0.1) * 1e6) + 1)
    }
    return !isStopped()
  }
}
