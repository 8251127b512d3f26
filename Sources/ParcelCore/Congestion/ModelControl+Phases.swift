extension ModelControl {
  mutating func enter(_ next: Phase) {
    phase = next
    phaseTime = estimate.time
    phasePosition = estimate.next
    phaseRounds = 0
  }

  /// Seconds in the running phase.
  private var phaseAge: Double { Double(estimate.time - phaseTime) / 1e6 }

  /// What the latest event changes within a round.
  mutating func step() {
    switch phase {
    case .startUp: stepStartUp()
    case .drain, .down: stepDown()
    case .up: stepUp()
    case .roundTrip: stepRoundTrip()
    case .cruise:
      if estimate.minimum.age(now: estimate.time) > parameters.roundTripExpiry {
        estimate.beginRoundTripProbe()
        enter(.roundTrip)
      }
    }
  }

  /// A round ended in the running phase.
  mutating func endRound() {
    let losses = estimate.endedLosses
    switch phase {
    case .startUp:
      let reason = startUp.endRound(
        rate: maximum.value, losses: losses, isLimited: estimate.sample?.isLimited ?? true)
      if reason != nil { leaveStartUp() }
    case .cruise:
      learnBackground(losses)
      answerLosses(losses)
      if isQueueStanding {
        enter(.down)
      } else if rateBeforeProbe > 0, estimate.count.proven > probeEnd {
        judgeProbe()
      } else if phaseRounds >= cruiseLength {
        beginProbe()
      }
    case .down, .drain:
      learnBackground(losses)
      answerLosses(losses)
      answerStubbornQueue()
    case .up, .roundTrip: break
    }
  }

  // MARK: - Start-up

  private mutating func stepStartUp() {
    guard estimate.isExact, maximum.value > 0 else { return }
    let minimum = estimate.minimum.value ?? 0
    if let trip = estimate.shortestTrip { startUp.include(trip, minimum: minimum, now: estimate.time) }
    let reason = startUp.reason(
      minimum: minimum, slack: slack, losses: estimate.losses, excess: parameters.startUpLoss)
    if reason != nil { leaveStartUp() }
  }

  private mutating func leaveStartUp() {
    cruiseLength = 2
    enter(.drain)
  }

  // MARK: - Probing for more

  private mutating func beginProbe() {
    bound = .infinity
    rateBeforeProbe = rate
    let minimum = estimate.minimum.value ?? 0
    probeEffect.begin(
      trip: minimum + (queue ?? 0), excess: probeExcess, duration: max(minimum, Int(probeTime * 1e6)))
    enter(.up)
  }

  /// Seconds for which a probe sends faster: a round trip, and as long as a rate sample on paths that clocks do not resolve.
  private var probeTime: Double { minimumTrip + 2 * unresolved + unseenTime }

  /// Seconds that a probe takes longer because exact counts are rare: a stock receiver tells nothing new while its acknowledgement
  /// stands before a hole. A rate sample lies between two exact counts, and a shorter probe would drown in it.
  private var unseenTime: Double {
    max(0, min(2e-6 * Double(estimate.exactPause), 2 * minimumTrip) - minimumTrip / 4)
  }

  /// One round trip, less when losses or a queue appear that cannot be of before.
  private mutating func stepUp() {
    probeEnd = estimate.next
    if estimate.count.proven > phasePosition,
      estimate.losses.exceeds(background.floor + parameters.excessLoss)
    {
      // The last probe cost packets: the next is gentler and later.
      probeCaution = max(0.2, probeCaution / 2)
      enter(.down)
    } else if phaseAge >= probeTime {
      enter(.down)
    }
  }

  // MARK: - Emptying the queue

  /// Ends when no more is on its way than the path holds. Looked at only when the count is exact: then no packet that has arrived
  /// is taken for one on its way.
  private mutating func stepDown() {
    guard estimate.isExact else { return }
    let clock = rate * (connection.sendQuantum + unresolved / 20)
    guard Double(estimate.flight) <= product + clock else { return }
    endDown()
  }

  private mutating func endDown() {
    probeEffect.end()
    if rateBeforeProbe == 0 || hasFoundMore || estimate.count.proven > probeEnd && phaseRounds >= 1 {
      return judgeProbe()
    }
    // Without a queue to empty, the packets that left fastest are still on their way: what they show is judged in cruise.
    if phase == .down { drawCruise() }
    enter(.cruise)
  }

  private var hasFoundMore: Bool { rateBeforeProbe > 0 && rate > rateBeforeProbe * 1.1 }

  /// What the probe has shown is known.
  private mutating func judgeProbe() {
    let found = hasFoundMore
    rateBeforeProbe = 0
    guard found else {
      growingProbes = 0
      if phase == .down { drawCruise() }
      if phase != .cruise { enter(.cruise) }
      return
    }
    growingProbes += 1
    probeCaution = 1
    if growingProbes >= 2 {
      growingProbes = 0
      startUp = StartUpExit(background: background.floor)
      startUpPace = DoublingLimit()
      startUpDelivered = estimate.count.delivered
      enter(.startUp)
    } else {
      beginProbe()
    }
  }

  private mutating func drawCruise() {
    let range = parameters.cruiseRounds
    cruiseLength = range.lowerBound + Int(random.unit() * Double(range.count))
    if probeCaution < 1 { cruiseLength *= 2 }
  }

  private var isQueueStanding: Bool {
    guard !hasCompany, let queue, let minimum = estimate.minimum.value else { return false }
    return queue > max(minimum / 12, slack)
  }

  /// A queue that does not drain at three quarters of the believed rate disproves the belief.
  /// But when the path delivers what is sent, the queue is another's, and yielding to it would only feed it.
  private mutating func answerStubbornQueue() {
    guard phaseRounds >= 2 else { return }
    if !hasCompany || lastSampleRate < 0.9 * gain * rate { maximum.forget(allBut: 2) }
    if hasCompany { return endDown() }
    if phaseRounds >= 4 { endDown() }
  }

  // MARK: - The minimum round trip

  private mutating func stepRoundTrip() {
    guard phaseAge >= 0.2, phaseRounds >= 1 else { return }
    estimate.endRoundTripProbe()
    drawCruise()
    enter(.cruise)
  }

  // MARK: - Loss

  private mutating func learnBackground(_ losses: RoundLosses) {
    guard !isQueueStanding else { return }
    background.include(seen: losses.calmSeen, lost: losses.calmLost)
  }

  private mutating func answerLosses(_ losses: RoundLosses) {
    // What was sent faster was lost by probing, not by what is believed now.
    floodedRounds = losses.share > 0.2 ? floodedRounds + 1 : 0
    let isTooMuch = losses.calmExceeds(background.floor + parameters.excessLoss)
    let hasEvidence = !parameters.needsEvidence || isQueueStanding || deliveredRate < 0.85 * rate
    guard isTooMuch && hasEvidence || floodedRounds >= 3 else { return }
    bound = max(deliveredRate, parameters.lossResponse * rate)
  }
}
