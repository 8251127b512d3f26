import Glibc
import ParcelCore
import ParcelEngine
import ParcelSystem
import Synchronization

/// A token file as it was when it was read.
struct WatchedToken: Sendable {
  /// Absolute.
  var path: String
  var token: String
  var stamp: TokenFileWatch.Stamp?
}

/// Looks at a token file every second, on a thread of its own (network file systems may make it wait), and gives the
/// engine the new token when it changed.
final class TokenFileWatcher: Sendable {
  private static let interval: Double = 1

  private let monitor = Monitor()
  private let isStopped = Atomic(false)

  /// Nil when there is no file.
  static func follow(_ file: WatchedToken?, _ engine: Engine) -> TokenFileWatcher? {
    guard let file else { return nil }
    let watcher = TokenFileWatcher()
    Thread.start("parcel-token") { watcher.run(file, engine) }
    return watcher
  }

  /// Nothing more is told afterwards, except what is on its way already. Does not wait.
  func stop() {
    isStopped.store(true, ordering: .releasing)
    monitor.locked { monitor.wakeAll() }
  }

  private func run(_ file: WatchedToken, _ engine: Engine) {
    var watch = TokenFileWatch(path: file.path, token: file.token, stamp: file.stamp)
    while wait() {
      guard watch.saw(Self.stamp(file.path)) else { continue }
      let content: Result<[UInt8], Failure>
      do throws(Failure) {
        content = .success(try Documents.read(file.path, what: "the token file"))
      } catch {
        content = .failure(error)
      }
      let answer = watch.read(content, after: Self.stamp(file.path))
      if isStopped.load(ordering: .acquiring) { return }
      tell(answer, file.path, engine)
    }
  }

  private func tell(_ answer: TokenFileWatch.Answer, _ path: String, _ engine: Engine) {
    switch answer {
    case .nothing: break
    case .remark(let text): Task { await engine.report(.warning, text) }
    case .token(let token):
      Task {
        await engine.report(.info, "The token file changed: the new token is in use from now on.")
        await engine.setToken(token, file: path)
      }
    }
  }

  /// One interval; false when the watch is over.
  private func wait() -> Bool {
    let due = MonotonicClock.nanoseconds() + Int64(Self.interval * 1e9)
    return monitor.locked {
      while !isStopped.load(ordering: .acquiring), MonotonicClock.nanoseconds() < due {
        monitor.wait(until: due)
      }
      return !isStopped.load(ordering: .acquiring)
    }
  }

  /// Nil when there is no file. May block.
  static func stamp(_ path: String) -> TokenFileWatch.Stamp? {
    var info = stat()
    guard stat(path, &info) == 0 else { return nil }
    return TokenFileWatch.Stamp(
      seconds: info.st_mtim.tv_sec, nanoseconds: info.st_mtim.tv_nsec, inode: UInt64(info.st_ino),
      size: Int(info.st_size))
  }
}

/// The session's watch: the file can be changed, or given up for a token that was typed.
final class TokenWatches: Sendable {
  private let engine: Engine
  private let current = Mutex<TokenFileWatcher?>(nil)

  init(_ engine: Engine) { self.engine = engine }

  func follow(_ file: WatchedToken?) {
    let new = TokenFileWatcher.follow(file, engine)
    swap(new)?.stop()
  }

  func stop() { swap(nil)?.stop() }

  private func swap(_ new: TokenFileWatcher?) -> TokenFileWatcher? {
    current.withLock { current in
      defer { current = new }
      return current
    }
  }
}
