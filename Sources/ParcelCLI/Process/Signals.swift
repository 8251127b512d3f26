import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as an orderly stop; a second SIGINT or SIGTERM ends the program at once with 130.
///
/// A handler with a pipe and a thread, not `sigwait`: under an async main the main thread waits with an empty signal mask
/// and takes every signal, whatever other threads block. The second signal acts inside the handler, so it works even when
/// every thread hangs. SIGHUP never counts as the second: a closing terminal and its shell often both send it.
package enum Signals {
  /// Installs the handlers; call it once, early. `onStop` runs once, on a thread of its own, with the first signal's number.
  /// `lastWords` runs inside the handler before the program ends at once, so it may only do what is safe there (write,
  /// tcsetattr). SIGPIPE is ignored from now on: writes fail with EPIPE instead.
  package static func install(
    lastWords: (@convention(c) () -> Void)? = nil, onStop: @escaping @Sendable (Int32) -> Void
  ) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    state.lastWords = lastWords
    state.pipe.store(ends[1], ordering: .releasing)

    signal(SIGPIPE, SIG_IGN)
    for number in [SIGINT, SIGTERM, SIGHUP] { handle(number) }
    let readEnd = ends[0]
    // Without this thread the first signal does nothing, and the second still ends the program.
    try? OwnThread.start { waitForSignal(readEnd, onStop) }
  }

  /// Keeps an inherited "ignore": `nohup` and background jobs of a script mean it.
  private static func handle(_ number: Int32) {
    var old = sigaction()
    sigaction(number, nil, &old)
    // SIG_IGN is the pointer value 1; function pointers cannot be compared in Swift.
    if number != SIGTERM && unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) == 1 { return }
    var action = sigaction()
    action.__sigaction_handler.sa_handler = { Signals.received($0) }
    action.sa_flags = SA_RESTART
    sigemptyset(&action.sa_mask)
    sigaction(number, &action, nil)
  }

  /// In the handler: atomics and system calls only.
  private static func received(_ number: Int32) {
    let saved = errno
    let isFirst = state.count.add(number == SIGHUP ? 0 : 1, ordering: .relaxed).newValue <= 1
    if !isFirst {
      state.lastWords?()
      _exit(ExitCode.interrupted.rawValue)
    }
    var byte = UInt8(truncatingIfNeeded: number)
    _ = write(state.pipe.load(ordering: .acquiring), &byte, 1)
    errno = saved
  }

  private static func waitForSignal(_ descriptor: Int32, _ onStop: @Sendable (Int32) -> Void) {
    var byte: UInt8 = 0
    while true {
      let count = read(descriptor, &byte, 1)
      if count == 1 { break }
      if count == 0 || errno != EINTR { return }
    }
    onStop(Int32(byte))
  }

  /// What the handler reads. Made before any handler is installed, so the handler never runs an initializer.
  private final class HandlerState: @unchecked Sendable {
    let pipe = Atomic<Int32>(-1)
    let count = Atomic<Int>(0)
    /// Written once, before the handlers are there.
    nonisolated(unsafe) var lastWords: (@convention(c) () -> Void)?
  }

  private static let state = HandlerState()
}
