import ParcelCore

/// Counts things down to nothing and lets a thread wait for that.
package final class Countdown: @unchecked Sendable {
  private let monitor = Monitor()
  /// Only inside `monitor`.
  private var count = 0

  package init() {}

  package func enter() {
    monitor.locked { count += 1 }
  }

  package func leave() {
    monitor.locked {
      count -= 1
      if count == 0 { monitor.wakeAll() }
    }
  }

  /// Waits until nothing is left, at most `seconds`. True when nothing is.
  package func wait(seconds: Double) -> Bool {
    let deadline = (MonotonicClock.now() + seconds).nanoseconds
    return monitor.locked {
      while count > 0 {
        if !monitor.wait(until: deadline) { return count == 0 }
      }
      return true
    }
  }
}
