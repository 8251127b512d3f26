import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// What a tunnel's thread and the others tell each other.
final class TunnelBoard: Sendable {
  /// A transfer whose end waits for an explanation.
  struct Pending: Sendable {
    var opened: Instant
    var original: Failure?
    var deliver: @Sendable (Failure?) -> Void
  }

  private struct State {
    var facts = SupervisorFacts()
    var pending: [Pending] = []
    var stop = false
    var isFinished = false
  }

  /// Nothing is left of the thread.
  let gone = Countdown()
  /// Readable when there is something to take.
  let wakeSocket: Int32
  private let wake: SocketPair
  private let state = Mutex(State())

  init(wake: SocketPair) {
    self.wake = wake
    wakeSocket = wake.ours
    gone.enter()
  }

  var facts: SupervisorFacts { state.withLock { $0.facts } }

  /// False when the thread has ended: nobody would take it.
  func post(_ pending: Pending) -> Bool {
    state.withLock { state in
      guard !state.isFinished else { return false }
      state.pending.append(pending)
      SocketPair.send("x", to: wake.theirs)
      return true
    }
  }

  func requestStop() {
    state.withLock { state in
      guard !state.isFinished, !state.stop else { return }
      state.stop = true
      SocketPair.send("x", to: wake.theirs)
    }
  }

  // MARK: For the tunnel's thread

  func publish(_ facts: SupervisorFacts) { state.withLock { $0.facts = facts } }

  func take() -> (pending: [Pending], stop: Bool) {
    _ = SocketPair.drain(wakeSocket) { _ in }
    return state.withLock { state in
      defer { state.pending = [] }
      return (state.pending, state.stop)
    }
  }

  /// The last call of the thread: from now on nothing is taken. Returns what came in the meantime.
  @discardableResult func finish() -> [Pending] {
    let left = state.withLock { state in
      state.isFinished = true
      defer { state.pending = [] }
      close(wake.ours)
      close(wake.theirs)
      return state.pending
    }
    gone.leave()
    return left
  }
}
