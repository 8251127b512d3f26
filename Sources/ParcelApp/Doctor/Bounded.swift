import ParcelSystem
import Synchronization

/// Work that may hang, with a limit to the wait for it.
enum Bounded {
  /// Runs all at once, each on its own thread, and waits at most `seconds`. Nil for what was not done in time; it goes on
  /// by itself, and nobody looks at it again.
  static func all<R: Sendable>(seconds: Double, _ work: [@Sendable () -> R]) -> [R?] {
    let results = Results<R>(count: work.count)
    let countdown = Countdown()
    for (index, body) in work.enumerated() {
      countdown.enter()
      Thread.start("parcel-doctor") {
        results.set(index, body())
        countdown.leave()
      }
    }
    _ = countdown.wait(seconds: seconds)
    return results.values
  }

  static func one<R: Sendable>(seconds: Double, _ body: @escaping @Sendable () -> R) -> R? {
    all(seconds: seconds, [body])[0]
  }

  private final class Results<R: Sendable>: Sendable {
    private let mutex: Mutex<[R?]>
    init(count: Int) { mutex = Mutex(Array(repeating: nil, count: count)) }
    func set(_ index: Int, _ value: R) { mutex.withLock { $0[index] = value } }
    var values: [R?] { mutex.withLock { $0 } }
  }
}
