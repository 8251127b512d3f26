import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// What all files of one store share.
final class StoreContext: Sendable {
  let options: FileStore.Options
  let pool: BufferPool
  let volumes: Volumes
  private let environment: StoreEnvironment
  let ticker: Ticker
  let isShuttingDown = Atomic(false)
  let freshFolders = FreshFolders()
  /// Folders that are there, so that no call is spent on them again.
  let knownFolders = Mutex<Set<String>>([])

  init(_ options: FileStore.Options, _ environment: StoreEnvironment) {
    self.options = options
    self.environment = environment
    ticker = Ticker(runs: environment.ticks)
    pool = BufferPool(buffers: options.buffers, smallBytes: options.smallBytes)
    volumes = Volumes(
      pool: pool, system: environment.system, clock: environment.clock, ledger: options.ledger)
  }

  var system: System { environment.system }
  var boot: String { environment.boot }
  var holder: LockFile.Holder { environment.holder }

  /// Nanoseconds on the store's clock.
  func now() -> Int64 { environment.clock() }
}

/// What wants to be called a few times a second while it is open.
protocol Ticking: AnyObject, Sendable {
  /// `now` in nanoseconds on the monotonic clock. Must not block.
  func tick(_ now: Int64)
}

/// A thread that calls open files five times a second, and sleeps when there are none.
final class Ticker: @unchecked Sendable {
  private static let interval: Int64 = 200_000_000

  private let runs: Bool
  private let monitor = Monitor()
  private var members: [any Ticking] = []
  private var thread: OwnThread?
  private var stopping = false

  /// `runs` false: no thread, no calls but those of `tick`.
  init(runs: Bool) { self.runs = runs }

  /// Calls everyone as of `now`, as the thread does.
  func tick(_ now: Int64) { for member in monitor.locked({ members }) { member.tick(now) } }

  func add(_ member: any Ticking) {
    monitor.locked {
      guard !stopping, !members.contains(where: { $0 === member }) else { return }
      members.append(member)
      if runs, thread == nil { thread = startThread { [self] in run() } }
      monitor.wakeAll()
    }
  }

  func remove(_ member: any Ticking) {
    monitor.locked { members.removeAll { $0 === member } }
  }

  func stop() {
    let running = monitor.locked {
      stopping = true
      monitor.wakeAll()
      return thread
    }
    if let running { running.join() }
  }

  private func run() {
    var due = MonotonicClock.nanoseconds() + Self.interval
    while let current = next(&due) {
      let now = MonotonicClock.nanoseconds()
      for member in current { member.tick(now) }
    }
  }

  /// Waits for the next tick; nil at the end.
  private func next(_ due: inout Int64) -> [any Ticking]? {
    monitor.locked {
      while !stopping {
        let now = MonotonicClock.nanoseconds()
        if members.isEmpty {
          monitor.wait()
          due = MonotonicClock.nanoseconds() + Self.interval
        } else if now < due {
          monitor.wait(until: due)
        } else {
          due = now + Self.interval
          return members
        }
      }
      return nil
    }
  }
}
