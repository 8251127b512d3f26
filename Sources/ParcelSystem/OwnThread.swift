import Glibc

/// A POSIX thread for work that waits, which must never sit on Swift's shared pool.
package struct OwnThread: Sendable {
  /// Signals that are never delivered to a thread.
  package enum BlockedSignals: Sendable {
    /// Those that the starting thread blocks.
    case inherited
    /// Every signal, when signals belong to the program's own threads alone. A write to a broken connection then fails
    /// with EPIPE instead of ending the program with SIGPIPE.
    case all
    /// Those that the starting thread blocks, and these.
    case also([Int32])
  }

  private let handle: pthread_t

  /// Runs `body` on a new thread that nobody waits for. `stackSize` in bytes; nil is the system's own (often 8 MiB).
  /// Throws, and never runs `body`, when the system has no more threads or memory.
  package static func start(
    stackSize: Int? = nil, blocking signals: BlockedSignals = .inherited,
    _ body: @escaping @Sendable () -> Void
  ) throws(Errno) {
    _ = try create(stackSize, signals, isDetached: true, body)
  }

  /// `start` for a thread that must be joined exactly once.
  package static func startJoinable(
    stackSize: Int? = nil, blocking signals: BlockedSignals = .inherited,
    _ body: @escaping @Sendable () -> Void
  ) throws(Errno) -> OwnThread {
    OwnThread(handle: try create(stackSize, signals, isDetached: false, body))
  }

  /// Blocks until the thread has ended. Once, from any other thread.
  package func join() { pthread_join(handle, nil) }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func create(
    _ stackSize: Int?, _ signals: BlockedSignals, isDetached: Bool, _ body: @escaping @Sendable () -> Void
  ) throws(Errno) -> pthread_t {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let stackSize { pthread_attr_setstacksize(&attributes, stackSize) }
    if isDetached { pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED)) }

    // A thread inherits the mask: set here, there is no moment at which it is open.
    var old = sigset_t()
    var blocked = set(of: signals)
    pthread_sigmask(SIG_BLOCK, &blocked, &old)
    defer { pthread_sigmask(SIG_SETMASK, &old, nil) }

    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let result = pthread_create(
      &thread, &attributes,
      { argument in
        if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
        return nil
      }, box.toOpaque())
    if result != 0 {
      box.release()
      throw Errno(code: result)
    }
    return thread
  }

  private static func set(of signals: BlockedSignals) -> sigset_t {
    var set = sigset_t()
    sigemptyset(&set)
    switch signals {
    case .inherited: break
    case .all: sigfillset(&set)
    case .also(let numbers): for number in numbers { sigaddset(&set, number) }
    }
    return set
  }
}
