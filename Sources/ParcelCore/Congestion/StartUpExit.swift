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
  /// The latest round trips, newest first, in microseconds.
  private var trips = (Int.max, Int.max, Int.max)
  /// When the newest of them began to be measured, in microseconds.
  private var tripTime = Int.min / 2
  /// What round trips exceeded the minimum by, on average, in the rounds that have ended: the path's jitter.
  private var noise = 0
  private var excessSum = 0
  private var excessCount = 0

  /// The loss expected as long as little was seen: of 40 packets.
  private let prior: Double

  /// `background` is what the path is known to lose anyway; a few percent are not held against it.
  init(background: Double = 0) { prior = max(background, 0.05) * 40 }

  /// Loss of the rounds so far.
  private var background: Double { (Double(lost) + prior) / (Double(seen) + 40) }

  /// A round trip was measured at `now`. `minimum` and the others in microseconds.
  ///
  /// A machine that was busy elsewhere handles everything that waited at one moment: three round trips too long by as much as it
  /// was away. So what is measured at one moment counts once, with the smallest.
  mutating func include(_ trip: Int, minimum: Int, now: Int) {
    if now - tripTime < minimum / 32 {
      trips.0 = min(trips.0, trip)
    } else {
      trips = (trip, trips.0, trips.1)
      tripTime = now
    }
    excessSum += trip - minimum
    excessCount += 1
  }

  /// The latest round trip is longer than it should be: growth waits until the next ones tell jitter from a queue.
  ///
  /// Half of what ends start-up is enough, because what is seen is a round trip old and the rate has grown since. But on a
  /// slow path a few packets that left together are no queue. `packet`: microseconds that one takes at the rate known so far.
  func isHinted(minimum: Int, slack: Int, packet: Double) -> Bool {
    let few = slack + Int(min(4 * packet, 1e6))
    return trips.0 != Int.max
      && trips.0 - minimum > min(threshold(minimum, slack), max(minimum / 32, few) + noise)
  }

  /// Within a round. Three round trips in a row that are too long are a queue.
  func reason(minimum: Int, slack: Int, losses: RoundLosses, excess: Double) -> Reason? {
    let smallest = min(trips.0, trips.1, trips.2)
    if max(trips.1, trips.2) != Int.max, smallest - minimum > threshold(minimum, slack) { return .queue }
    return losses.exceeds(background + excess) ? .loss : nil
  }

  private func threshold(_ minimum: Int, _ slack: Int) -> Int { max(minimum / 16, slack) + noise }

  /// A round ended in which the path was known to deliver `rate`. Rounds in which the application gave too little say nothing.
  mutating func endRound(rate: Double, losses: RoundLosses, isLimited: Bool) -> Reason? {
    noise = excessCount > 0 ? max(0, excessSum / excessCount) : 0
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

/// Lets a rate at most double in each round trip.
///
/// When the acknowledgement has stood before a hole and then leaps, the known rate doubles at once, and start-up would send at twice that: four times
/// what it sent a moment ago.
struct DoublingLimit: Sendable {
  /// The largest rate allowed so far.
  private var rate = 0.0
  private var time = 0

  /// `wanted` or what is allowed of it. `time` in microseconds, `roundTrip` in seconds.
  mutating func limit(_ wanted: Double, at time: Int, roundTrip: Double) -> Double {
    let rounds = min(1, Double(time - self.time) / 1e6 / roundTrip)
    self.time = time
    // e^0.7 is 2.
    if wanted > rate { rate = rate == 0 ? wanted : min(wanted, rate * (1 + 0.7 * rounds)) }
    return min(wanted, rate)
  }
}
