import ParcelSystem

/// A detached POSIX thread for work that waits, which must never sit on the threads that tasks share.
enum Thread {
  /// Runs `body` on a new thread. Stops the program when the system refuses a thread: nothing works then.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    do { try OwnThread.start(body) } catch { fatalError("no thread for \(name): \(error.message)") }
  }
}
