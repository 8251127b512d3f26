import Glibc

/// A detached POSIX thread for work that waits, which must never sit on the threads that tasks share.
enum Thread {
  /// Runs `body` on a new thread. Stops the program when the system refuses a thread: nothing works then.
  static func start(_ name: String, _ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let status = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    guard status == 0 else { fatalError("no thread for \(name): \(String(cString: strerror(status)))") }
    pthread_detach(thread)
  }

  private final class Box: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
