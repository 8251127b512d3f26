/// How many connections one file gets when the user did not say: it grows while more of them bring more.
///
/// Every `period` the goodput of the period is compared with what it was before the last step. A step up that brought
/// less than `gain` is taken back, and no further step is tried for `rest` seconds: paths change, slowly.
package struct ConnectionTuner: Sendable {
  /// Connections wanted now, 1 ... `ceiling`.
  package private(set) var target: Int
  /// The most it may want; the per-host budget.
  package var ceiling: Int { didSet { target = max(1, min(target, ceiling)) } }

  /// Seconds a step is observed; the first second of it, when connections start up, does not count.
  private let period = 4.0
  private let settling = 1.0
  private let gain = 1.10
  private let rest = 30.0
  private let step = 2

  private enum State: Sendable {
    /// Waiting for new connections to come up to speed.
    case settling(until: Instant, before: Double)
    /// Counting; `before` is the rate before the step, 0 for the first.
    case measuring(from: Instant, bytes: Int, before: Double)
    /// No step is tried until then.
    case resting(until: Instant)
    case idle
  }
  private var state = State.idle

  package init(start: Int = 4, ceiling: Int) {
    self.ceiling = max(1, ceiling)
    target = max(1, min(start, ceiling))
  }

  /// Steps are still being tried.
  package var isGrowing: Bool {
    if case .resting = state { return false }
    return target < ceiling
  }

  /// Other things move the rate now: what was being observed says nothing. The number of connections stays.
  package mutating func interrupt() {
    if case .resting = state { return }
    state = .idle
  }

  /// Tells the bytes received so far (a growing count); call a few times a second while bytes are wanted.
  package mutating func observe(bytes: Int, connections: Int, now: Instant) {
    switch state {
    case .idle:
      state = .settling(until: now + settling, before: 0)
    case .settling(let until, let before):
      if now >= until { state = .measuring(from: now, bytes: bytes, before: before) }
    case .measuring(let from, let first, let before):
      guard now - from >= period else { return }
      conclude(rate: Double(bytes - first) / (now - from), before: before, connections: connections, now: now)
    case .resting(let until):
      if now >= until { state = .idle }
    }
  }

  private mutating func conclude(rate: Double, before: Double, connections: Int, now: Instant) {
    if before > 0, rate < before * gain {
      target = max(1, target - step)
      state = .resting(until: now + rest)
    } else if connections >= target, target < ceiling, rate > 0 {
      target = min(ceiling, target + step)
      state = .settling(until: now + settling, before: rate)
    } else {
      state = .resting(until: now + rest)
    }
  }
}
