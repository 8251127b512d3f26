import Glibc
import ParcelCore
import Synchronization

/// A rate that several threads share.
final class Throttle: Sendable {
  private let bucket: Mutex<TokenBucket>
  /// Bytes to send at a time: about a fiftieth of a second's worth.
  let piece: Int

  init(bytesPerSecond: Int) {
    bucket = Mutex(TokenBucket(bytesPerSecond: bytesPerSecond))
    piece = min(64 << 10, max(1024, bytesPerSecond / 50))
  }

  /// Waits for the turn of `bytes`; false when `isStopped` became true meanwhile.
  func wait(_ bytes: Int, isStopped: () -> Bool) -> Bool {
    var left = bucket.withLock { $0.reserve(bytes, at: Clock.now()) }
    let end = Clock.seconds() + left
    while left > 0 {
      if isStopped() { return false }
      usleep(UInt32(min(left, 0.1) * 1e6))
      left = end - Clock.seconds()
    }
    return !isStopped()
  }
}
