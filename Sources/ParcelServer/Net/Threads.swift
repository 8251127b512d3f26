import Glibc
import ParcelCore
import Synchronization

/// Threads of our own: blocking work never sits on Swift's shared pool.
enum OwnThread {
  private final class Box {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  /// Starts a detached thread that never sees SIGPIPE, SIGINT or SIGTERM. False when the system has no more.
  ///
  /// `stackSize` in bytes; the default is enough for a connection and small enough for thousands.
  static func start(stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, stackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        var signals = sigset_t()
        sigemptyset(&signals)
        for signal in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    if result != 0 { box.release() }
    return result == 0
  }
}

/// Counts things down to nothing and lets a thread wait for that.
final class Countdown: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var count = 0

  init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  func enter() {
    pthread_mutex_lock(mutex)
    count += 1
    pthread_mutex_unlock(mutex)
  }

  func leave() {
    pthread_mutex_lock(mutex)
    count -= 1
    if count == 0 { pthread_cond_broadcast(condition) }
    pthread_mutex_unlock(mutex)
  }

  /// Waits until nothing is left, at most `seconds`. True when nothing is.
  func wait(seconds: Double) -> Bool {
    let end = Clock.seconds() + seconds
    var deadline = timespec(tv_sec: Int(end), tv_nsec: Int((end - end.rounded(.down)) * 1e9))
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while count > 0 {
      if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT { return count == 0 }
    }
    return true
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
      let started = OwnThread.start {
        work()
        left.leave()
      }
      if !started { left.leave() }
    }
    work()
    while !left.wait(seconds: 3600) {}
  }
}

/// The clocks, in one place.
enum Clock {
  /// Seconds of the monotonic clock.
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Seconds since 1970.
  static func wall() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}

/// What the last failed call of the system said.
enum SystemError {
  static var text: String { strerror(errno).map { String(cString: $0) } ?? "error \(errno)" }
}
