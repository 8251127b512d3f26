import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// Threads of the server: blocking work never sits on Swift's shared pool.
enum ServerThread {
  /// Starts a detached thread that never sees SIGPIPE, SIGINT, SIGTERM or SIGHUP: a client that leaves must not end the
  /// program, and stopping it is the main thread's work. False when the system has no more threads.
  static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    do {
      // Enough stack for a connection and small enough for thousands.
      try OwnThread.start(stackSize: 512 << 10, blocking: .also([SIGPIPE, SIGINT, SIGTERM, SIGHUP]), body)
      return true
    } catch {
      return false
    }
  }
}

/// Counts things down to nothing and lets a thread wait for that.
final class Countdown: @unchecked Sendable {
  private let monitor = Monitor()
  /// Only inside `monitor`.
  private var count = 0

  func enter() {
    monitor.locked { count += 1 }
  }

  func leave() {
    monitor.locked {
      count -= 1
      if count == 0 { monitor.wakeAll() }
    }
  }

  /// Waits until nothing is left, at most `seconds`. True when nothing is.
  func wait(seconds: Double) -> Bool {
    let deadline = (MonotonicClock.now() + seconds).nanoseconds
    return monitor.locked {
      while count > 0 {
        if !monitor.wait(until: deadline) { return count == 0 }
      }
      return true
    }
  }
}

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
      let started = ServerThread.start {
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
