import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// The way to one relay: an AF_UNIX socket that clients connect to, and a program behind it that carries each connection on
/// over UDT and is started again whenever it ends. The socket stays the same all the while: connections that come between
/// two programs wait for the next one.
package final class Tunnel: Sendable {
  package let relay: Endpoint
  /// What clients connect to.
  package let path: String
  private let board: TunnelBoard
  private let listener: PrivateListener

  /// Makes the socket and starts the program, on a thread of the tunnel's. `program`: its path; nil: looked for by each start.
  /// `version`: this program's, to be compared. `log` gets lines, the program's error output among them, on that thread.
  /// Throws when there can be no socket; a program that cannot be started is in `facts`.
  package init(
    relay: Endpoint, program: String? = nil, version: String = "",
    now: @escaping @Sendable () -> Instant = { MonotonicClock.now() },
    log: (@Sendable (String) -> Void)? = nil
  ) throws(Failure) {
    self.relay = relay
    listener = try PrivateListener.make()
    path = listener.path
    do throws(Errno) {
      board = TunnelBoard(wake: try SocketPair())
    } catch {
      listener.removeFolder()
      close(listener.descriptor)
      throw Self.noResources(relay, error.message)
    }
    let (board, listener) = (board, listener)
    let started = ServiceThread.start {
      let loop = TunnelLoop(
        Supervisor(relay: relay, version: version), relay: relay, program: program, listener: listener,
        board: board, now: now, log: log)
      loop.run()
    }
    guard started else {
      listener.removeFolder()
      close(listener.descriptor)
      board.finish()
      throw Self.noResources(relay, "the system has no more threads")
    }
  }

  deinit { shutDown() }

  /// What is known of program and path now. Never waits.
  package var facts: SupervisorFacts { board.facts }

  /// Calls `deliver` with what the tunnel did to a transfer that was opened at `opened` and failed with `original` (nil: may
  /// have ended too early), or with nil. Soon, after the program's last words were read, on the tunnel's thread; at once
  /// and here when that has ended.
  package func settle(
    opened: Instant, original: Failure?, _ deliver: @escaping @Sendable (Failure?) -> Void
  ) {
    let pending = TunnelBoard.Pending(opened: opened, original: original, deliver: deliver)
    if !board.post(pending) {
      deliver(board.facts.failure(relay: relay, opened: opened, original: original))
    }
  }

  /// Removes socket and folder and lets the program end. Does not wait. May be called again.
  package func shutDown() {
    listener.removeFolder()
    board.requestStop()
  }

  /// Waits until program and thread are gone, at most `seconds`. True when they are. After `shutDown`.
  package func waitUntilGone(seconds: Double) -> Bool { board.gone.wait(seconds: seconds) }

  private static func noResources(_ relay: Endpoint, _ cause: String) -> Failure {
    Failure(
      .proxy, retry: .later(after: nil),
      "Could not set up the way to the relay '\(Printable.text(relay.text))': \(cause).")
  }
}
