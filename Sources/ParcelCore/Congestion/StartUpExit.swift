/// When start-up has found the path's rate.
///
/// Waiting for three rounds without growth, as BBR does, sends twice the rate for three round trips: a buffer shorter than one
/// bandwidth-delay product loses thousands of packets. So a growing queue ends start-up within the round, and so does loss beyond
/// what the earlier rounds had.
struct StartUpExit: Sendable {
  enum Reason: Sendable {
    case queue
    case loss
    case plateau
  }

  private var seen = 0
  private var lost = 0
  private var best = 0.0
  private var flat = 0

  init() {}

  /// Loss of the rounds so far.
  private var background: Double { seen >= 128 ? Double(lost) / Double(seen) : 0 }

  /// Within a round: `queue` and `minimum` in microseconds, `slack` what clocks may add to a round trip.
  func reason(queue: Int?, minimum: Int, slack: Int, losses: RoundLosses, excess: Double) -> Reason? {
    if let queue, queue > max(minimum / 8, slack) { return .queue }
    return losses.exceeds(background + excess) ? .loss : nil
  }

  /// A round ended in which the path was known to deliver `rate`. Rounds in which the application gave too little say nothing.
  mutating func endRound(rate: Double, losses: RoundLosses, isLimited: Bool) -> Reason? {
    seen += losses.seen
    lost += losses.lost
    if rate >= best * 1.25 {
      best = rate
      flat = 0
    } else if !isLimited {
      flat += 1
    }
    return flat >= 3 ? .plateau : nil
  }
}
