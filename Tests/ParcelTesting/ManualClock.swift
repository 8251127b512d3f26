import ParcelCore
import Synchronization

/// A clock that stands still until the test moves it.
package final class ManualClock: Sendable {
  private let time = Mutex(Instant(seconds: 1000))

  package init() {}

  package var now: Instant { time.withLock { $0 } }
  package func advance(by seconds: Double) { time.withLock { $0 = $0 + seconds } }
}
