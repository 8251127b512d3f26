import Synchronization

/// What a server has done since it started.
package struct ServerCounters: Hashable, Sendable {
  /// Connections that are open.
  package var open = 0
  /// Accepted, those that were turned away included.
  package var total = 0
  /// Turned away: not allowed, or too many.
  package var refused = 0
  /// Answers by their status.
  package var answers: [Int: Int] = [:]
  /// Of those, how many did not go out whole.
  package var brokenAnswers = 0
  /// Bytes of answers' bodies.
  package var sent = 0
}

/// Counts for all connections of a server. Any thread.
final class ServerFigures: Sendable {
  private let state = Mutex(ServerCounters())
  private let sent = Atomic<Int>(0)

  func accepted() { state.withLock { $0.total += 1 } }

  func refused() { state.withLock { $0.refused += 1 } }

  func answered(_ status: Int, isComplete: Bool) {
    state.withLock {
      $0.answers[status, default: 0] += 1
      if !isComplete { $0.brokenAnswers += 1 }
    }
  }

  func sent(_ bytes: Int) { sent.add(bytes, ordering: .relaxed) }

  func counters(open: Int) -> ServerCounters {
    var counters = state.withLock { $0 }
    counters.open = open
    counters.sent = sent.load(ordering: .relaxed)
    return counters
  }
}
