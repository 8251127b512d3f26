/// Sends at the rate the path delivers, as measured, instead of at the rate at which it begins to lose (BBR's family; Cardwell et
/// al., CACM 2017; draft-ietf-ccwg-bbr).
///
/// It believes a rate (the most delivered in the last rounds) and a minimum round trip. Start-up doubles the rate each round until
/// a queue or losses appear; drain empties that queue; then it cruises at the believed rate, and every few rounds
/// sends a quarter faster for one round trip to find more (`up`) and slower until what that queued is gone (`down`). Loss that
/// the path always has is measured and made up for; only loss beyond it, with a second sign of congestion, slows it down.
package struct ModelControl: CongestionControl {
  enum Phase: String, Sendable {
    case startUp = "startup"
    case drain
    case cruise
    case up
    case down
    case roundTrip = "roundtrip"
  }

  var phase = Phase.startUp
  var estimate: PathEstimate
  var background: BackgroundLoss
  var maximum: WindowedMaximum
  var startUp = StartUpExit()
  var startUpPace = DoublingLimit()
  /// The delivered count when start-up began.
  var startUpDelivered = 0
  var gauge = QueueGauge()
  /// Packets per second at most for now, after too much loss or a queue that would not drain.
  var bound = Double.infinity
  /// When the phase began: microseconds, and the packet that was next.
  var phaseTime = 0
  var phasePosition = 0
  var phaseRounds = 0
  /// The believed rate when the last probe began, and how many probes in a row found more.
  var rateBeforeProbe = 0.0
  var growingProbes = 0
  /// One past the last packet that the probe sent faster.
  var probeEnd = 0
  /// What is left of the probes' excess after probes that cost packets: 1, halved each time.
  var probeCaution = 1.0
  var probeEffect = ProbeEffect()
  var cruiseLength = 2
  /// Rounds in a row with more than 20 % loss.
  var floodedRounds = 0
  var lastSampleRate = 0.0
  /// Of the running round, and the best that the last round with samples delivered.
  var roundRates = RoundRates()
  var deliveredRate = 0.0
  /// The queue was not seen empty for a dozen rounds, in spite of our drains: other flows keep it, and yielding to them would only
  /// feed them.
  var hasCompany: Bool {
    estimate.minimum.crowdedTime(now: estimate.time) > max(1, 12 * estimate.smoothedSeconds)
  }
  var random: SeededRandom
  let parameters: ModelParameters
  let connection: CongestionPreset.Connection

  package private(set) var interval = 0.0
  package private(set) var window = 16

  init(_ connection: CongestionPreset.Connection, parameters: ModelParameters, now: Instant) {
    self.connection = connection
    self.parameters = parameters
    estimate = PathEstimate(connection, now: now)
    background = BackgroundLoss(cap: parameters.backgroundCap)
    maximum = WindowedMaximum(rounds: parameters.rateRounds)
    random = SeededRandom(seed: connection.seed)
    setOutputs()
  }

  package var condition: ControlCondition {
    ControlCondition(
      phase: phase.rawValue, rate: rate, minimumRoundTrip: estimate.minimumSeconds, flight: estimate.flight,
      backgroundLoss: background.floor)
  }

  package mutating func sent(
    _ sequence: PacketSequence, size: Int, isRetransmission: Bool, now: Instant
  ) {
    estimate.sent(sequence, pace: pace, now: now)
  }

  package mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {
    estimate.acknowledged(upTo: sequence, now: now)
    respond()
  }

  package mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant) {
    estimate.lost(ranges, now: now)
    respond()
  }

  package mutating func arrived(newest: PacketSequence, now: Instant) {
    estimate.arrived(newest: newest, now: now)
    respond()
  }

  package mutating func timedOut(now: Instant) {
    estimate.timedOut(now: now)
    respond()
  }

  package mutating func applicationLimited(now: Instant) {
    estimate.applicationLimited(now: now)
    setOutputs()
  }

  package mutating func tick(now: Instant) {
    estimate.tick(now: now)
    respond()
  }

  // MARK: - What is believed

  /// Packets per second.
  var rate: Double { min(maximum.value, bound) }
  /// Seconds without queue, never 0.
  var minimumTrip: Double { max(50e-6, estimate.minimumSeconds ?? connection.roundTrip ?? 0.1) }
  /// Seconds in which this controller thinks: a round trip, but no less than the clocks at both ends resolve.
  ///
  /// The peer acknowledges every 10 ms: on a path of 0.1 ms everything between two acknowledgements is one moment. Phases, growth and floors of a
  /// tenth of a millisecond would be noise; so a near path is treated as one of 21 ms, but for its product.
  var trip: Double { max(minimumTrip, Double(estimate.resolution) / 1e6) }
  /// Seconds of that which are the clocks' and not the path's.
  var unresolved: Double { trip - minimumTrip }
  /// Packets on their way that keep the path full without a queue.
  var product: Double { rate * minimumTrip }
  /// Microseconds of queue, nil when unknown.
  var queue: Int? { gauge.queue(minimum: estimate.minimum.value ?? 0) }
  /// Microseconds that senders' and receivers' clocks may add to a round trip.
  var slack: Int { Int((connection.sendQuantum + 0.0015 + unresolved / 10) * 1e6) }

  /// How much faster than believed the next probe sends.
  var probeExcess: Double {
    min(parameters.mostExcess, (parameters.upGain - 1) / probeEffect.share.squareRoot()) * probeCaution
  }

  var gain: Double {
    switch phase {
    case .startUp: parameters.startUpGain
    case .drain: parameters.drainGain
    case .cruise: parameters.cruiseGain
    case .up: 1 + probeExcess
    case .down: parameters.downGain
    case .roundTrip: parameters.cruiseGain
    }
  }

  private var pace: PacketLedger.Pace {
    switch phase {
    case .startUp, .up: .faster
    case .cruise, .roundTrip: .even
    case .drain, .down: .slower
    }
  }

  // MARK: - Outputs

  private mutating func setOutputs() {
    var speed = gain * rate / (1 - background.floor)
    if phase == .startUp {
      speed = startUpPace.limit(startUpSpeed, at: estimate.time, roundTrip: trip)
    }
    interval = 1e6 / max(speed, 4 / trip)
    window = SpanWindow.packets(
      flight: max(wantedFlight, initialWindow), acknowledged: estimate.count.acknowledged,
      proven: estimate.count.proven, unseen: unseen, peer: connection.peerWindow)
  }

  /// Slow start's window: one packet more for each delivered. While it is small, packets that have probably arrived count too.
  private var grown: Double {
    let known = initialWindow + Double(estimate.count.delivered - startUpDelivered)
    return known < blindLimit ? known + unseen : known
  }

  /// As fast as slow start: every packet delivered lets two leave. While a round trip hints at a queue, no faster than delivered.
  private var startUpSpeed: Double {
    let slowStart = 2 * grown / trip
    let wanted = max(parameters.startUpGain * rate, min(slowStart, 4 * max(rate, initialWindow / trip)))
    guard rate > 0 else { return wanted }
    let isHinted = startUp.isHinted(
      minimum: estimate.minimum.value ?? 0, slack: slack, packet: 1e6 / rate)
    return isHinted || isBlind ? rate : wanted
  }

  /// Nothing exact was heard for a while: the acknowledgement stands before a hole.
  private var isBlind: Bool {
    estimate.count.holes > 0 && grown > blindLimit
      && Double(estimate.time - estimate.exactTime) / 1e6
        > 2 * connection.acknowledgementClock + minimumTrip / 8
  }

  /// Packets in start-up's window up to which it may grow without knowing exactly what arrived.
  private var blindLimit: Double { max(512, 10_000 * minimumTrip) }

  /// Packets in the first round trip: as much as TCP gives within two of its own, or about 8 Mbit/s.
  private var initialWindow: Double { max(32, 640 * minimumTrip) }

  /// What clocks need besides the product: acknowledgements come in steps, packets leave in bunches.
  private var wantedFlight: Double {
    let pauses = connection.acknowledgementClock + 1.25 * estimate.acknowledgementPause
    let clocks = rate * (pauses + connection.sendQuantum)
    switch phase {
    case .startUp:
      // Before the first sample nothing else is known.
      let most = rate > 0 ? 4 * rate * trip + clocks : grown
      return max(parameters.startUpGain * product + clocks, min(grown, most))
    case .roundTrip: return 0.5 * product
    default: return parameters.flightGain * product + clocks
    }
  }

  /// Packets that have probably arrived since the last exact count, while the acknowledgement stands before a hole.
  private var unseen: Double {
    guard estimate.count.holes > 0 else { return 0 }
    let silent = Double(estimate.time - estimate.exactTime) / 1e6
    return rate * min(silent, 1.5 * estimate.smoothedSeconds + 0.02)
  }

  private mutating func respond() {
    if let trip = estimate.shortestTrip {
      probeEffect.include(trip)
      gauge.include(trip, now: estimate.time, width: max(Int(minimumTrip * 1e6 / 8), 20_000))
    }
    if let sample = estimate.sample {
      lastSampleRate = sample.rate
      roundRates.include(sample.rate)
      // Beyond start-up, not what one late event shows; a probe shows more in few samples.
      let isProbing = rateBeforeProbe > 0
      let shown = phase == .startUp ? sample.rate : isProbing ? roundRates.second : roundRates.third
      if !sample.isLimited || shown > maximum.value { maximum.include(shown) }
    }
    step()
    if estimate.roundEnded {
      if let best = roundRates.best {
        deliveredRate = best
        if phase != .startUp, estimate.sample?.isLimited != true { maximum.include(best) }
      }
      roundRates = RoundRates()
      maximum.advance()
      phaseRounds += 1
      endRound()
    }
    setOutputs()
  }
}
