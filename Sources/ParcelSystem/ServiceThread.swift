import Glibc

/// Threads of servers and relays, one for each thing that blocks: such work never sits on Swift's shared pool.
package enum ServiceThread {
  /// Starts a detached thread that never sees SIGPIPE, SIGINT, SIGTERM or SIGHUP: a peer that leaves must not end the
  /// program, and stopping it is the main thread's work. False when the system has no more threads.
  ///
  /// `stackSize` in bytes: enough for a connection and small enough for thousands.
  package static func start(stackSize: Int = 512 << 10, _ body: @escaping @Sendable () -> Void) -> Bool {
    do {
      try OwnThread.start(stackSize: stackSize, blocking: .also([SIGPIPE, SIGINT, SIGTERM, SIGHUP]), body)
      return true
    } catch {
      return false
    }
  }
}
