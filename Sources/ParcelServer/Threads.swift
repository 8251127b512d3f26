import Glibc
import ParcelSystem
import Synchronization

/// Work spread over as many threads as there are processors.
enum Workers {
  /// Calls `body` for every item, each once; returns when all are done.
  static func forEach(_ items: [Int], _ body: @escaping @Sendable (Int) -> Void) {
    let next = Turn()
    let work: @Sendable () -> Void = {
      while true {
        let turn = next.number.add(1, ordering: .relaxed).oldValue
        guard turn < items.count else { return }
        body(items[turn])
      }
    }
    run(work, threads: min(items.count, max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))), Countdown())
  }

  private final class Turn: Sendable {
    let number = Atomic<Int>(0)
  }

  private static func run(_ work: @escaping @Sendable () -> Void, threads: Int, _ left: Countdown) {
    for _ in 1..<max(1, threads) {
      left.enter()
      let started = ServiceThread.start {
        work()
        left.leave()
      }
      if !started { left.leave() }
    }
    work()
    while !left.wait(seconds: 3600) {}
  }
}

/// The time of day, for logs and dates.
enum Clock {
  /// Seconds since 1970.
  static func wall() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
