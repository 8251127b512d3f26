/// Everything a model-based controller can know of its path from UDT's signals: what was delivered and how fast, round
/// trips, losses, packets on their way.
///
/// Events go in, and `sample`, `roundTrip` and `roundEnded` say what the latest event taught. Times inside are microseconds from
/// the controller's start.
struct PathEstimate: Sendable {
  private(set) var count: DeliveredCount
  private(set) var minimum = MinimumRoundTrip()
  /// Smoothed round trip with its queue, microseconds.
  private(set) var smoothed: Int
  /// The latest round trip, microseconds.
  private(set) var latest: Int
  /// Of the running round.
  private(set) var losses = RoundLosses()
  /// Losses of the round that ended with the latest event, when `roundEnded`.
  private(set) var endedLosses = RoundLosses()
  private(set) var rounds = 0
  /// One past the newest packet sent.
  private(set) var next: Int
  /// When the delivered count was last known exactly.
  private(set) var exactTime = 0
  /// Microseconds between two exact counts, on average.
  private(set) var exactPause = 0
  /// The time of the latest event.
  private(set) var time = 0

  /// What the latest event taught.
  private(set) var sample: RateSample?
  private(set) var roundTrip: Int?
  /// The round trip without what the receiver's acknowledgement clock may have added.
  private(set) var shortestTrip: Int?
  private(set) var roundEnded = false
  private(set) var isExact = false

  private var sequences: SequenceUnwrapper
  private var ledger: PacketLedger
  private var credit: RepairCredit
  private var sampler = RateSampler()
  private var resending = 0
  private var roundEnd: Int
  private var roundTime = 0
  private var pauses: AcknowledgementPauses
  private var limitedUntil: Int
  private let start: Instant
  /// Samples shorter than this are noise of the senders' and receivers' clocks.
  private let shortest: Int
  /// Microseconds of the receiver's acknowledgement clock.
  private let clock: Int
  /// Microseconds by which packets leave in bunches.
  private let quantum: Int
  private var hasRoundTrip = false

  init(_ connection: CongestionPreset.Connection, now: Instant) {
    let first = Int(connection.first.value)
    sequences = SequenceUnwrapper(first: connection.first)
    count = DeliveredCount(first: first)
    next = first
    roundEnd = first
    limitedUntil = first
    ledger = PacketLedger(limit: connection.peerWindow)
    credit = RepairCredit(limit: 16_384)
    start = now
    smoothed = Int((connection.roundTrip ?? 0.1) * 1e6)
    latest = smoothed
    clock = Int(connection.acknowledgementClock * 1e6)
    quantum = Int(connection.sendQuantum * 1e6)
    pauses = AcknowledgementPauses(shortest: clock)
    shortest = Int(4e6 * min(connection.acknowledgementClock, 0.010))
  }

  /// Packets believed on their way: everything beyond the newest proof, and what was sent again and not yet credited.
  var flight: Int { next - count.proven + resending }
  /// Seconds; nil before the first sample.
  var minimumSeconds: Double? { minimum.value.map { Double($0) / 1e6 } }
  var smoothedSeconds: Double { Double(smoothed) / 1e6 }

  /// Seconds between the peer's acknowledgements, as they come: the peer's clock, longer when its machine is busy.
  var acknowledgementPause: Double { Double(pauses.longest) / 1e6 }
  /// Microseconds that clocks resolve: what happens in less looks like one moment, so no round is shorter.
  var resolution: Int { clock + pauses.longest + quantum }

  mutating func sent(_ sequence: PacketSequence, pace: PacketLedger.Pace, now: Instant) {
    let time = microseconds(now)
    let position = sequences.position(sequence)
    if position >= next {
      sentNew(position, pace: pace, time: time)
    } else if position >= count.acknowledged {
      sentAgain(position, time: time)
    }
  }

  mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {
    begin(now)
    let position = sequences.position(sequence)
    guard position > count.acknowledged, position <= next else { return }
    let proven = count.proven
    let passed = passHoles(upTo: min(position, proven))
    for fresh in proven..<max(proven, position) { losses.prove(ledger[fresh].pace, isLost: false) }
    isExact = count.acknowledge(upTo: position, passed: passed)
    sequences.advance(to: position)
    pauses.end(at: time)
    if !isExact { pauses.disturb() }
    if isExact { learn(newest: position - 1, isFresh: position > proven, wait: wait(before: position)) }
  }

  mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant) {
    begin(now)
    pauses.disturb()
    for range in ranges {
      let first = max(sequences.position(range.first), count.acknowledged)
      let last = min(sequences.position(range.last), next - 1)
      guard first <= last else { continue }
      reopen(first..<max(first, min(last + 1, count.proven)))
      if last >= count.proven { proveGap(first: max(first, count.proven), last: last) }
    }
    if isExact { learn(newest: count.proven - 1, isFresh: ranges.count == 1, wait: 0) }
  }

  /// A peer of ours told its newest packet: exact even while the acknowledgement stands before a hole.
  mutating func arrived(newest: PacketSequence, now: Instant) {
    begin(now)
    pauses.disturb()
    let end = sequences.position(newest) + 1
    guard end > count.proven, end <= next else { return }
    for fresh in count.proven..<end { losses.prove(ledger[fresh].pace, isLost: false) }
    isExact = count.prove(upTo: end, missing: 0)
    learn(newest: end - 1, isFresh: true, wait: wait(before: end))
  }

  /// Everything unacknowledged is as good as lost: its fate is known one round trip after it is sent again.
  mutating func timedOut(now: Instant) {
    begin(now)
    for position in count.acknowledged..<next {
      if ledger[position].marks.contains(.resent) { resending -= 1 }
      if position < count.proven, !ledger[position].marks.contains(.hole) { count.reopenHole() }
      ledger[position].marks.insert(.hole)
      ledger[position].marks.remove(.resent)
    }
    _ = count.prove(upTo: next, missing: next - count.proven)
  }

  mutating func applicationLimited(now: Instant) {
    begin(now)
    limitedUntil = next
  }

  mutating func tick(now: Instant) { begin(now) }

  mutating func beginRoundTripProbe() { minimum.beginProbe() }
  mutating func endRoundTripProbe() { minimum.endProbe(now: time) }

  // MARK: -

  private func microseconds(_ now: Instant) -> Int { Int((now.nanoseconds - start.nanoseconds) / 1000) }

  private mutating func begin(_ now: Instant) {
    time = max(time, microseconds(now))
    sample = nil
    roundTrip = nil
    shortestTrip = nil
    roundEnded = false
    isExact = false
    let clock = UInt32(truncatingIfNeeded: time)
    while let due = credit.due(now: clock, roundTrip: UInt32(latest)) {
      guard due.position >= count.acknowledged else { continue }
      let record = ledger[due.position]
      guard record.marks.contains([.hole, .resent]), record.sentAt == due.sentAt else { continue }
      ledger[due.position].marks.subtract([.hole, .resent])
      resending -= 1
      count.closeHole()
    }
  }

  private mutating func sentNew(_ position: Int, pace: PacketLedger.Pace, time: Int) {
    if next == count.acknowledged {
      sampler.restart(at: time, delivered: count.delivered)
      pauses.begin(at: time, roundTrip: minimum.value)
    }
    ledger.reserve(span: position + 2 - count.acknowledged, from: count.acknowledged)
    let isLimited = count.proven < limitedUntil
    ledger[position] = PacketLedger.Record(
      sentAt: UInt32(truncatingIfNeeded: time), point: sampler.mark, marks: isLimited ? .limited : [],
      pace: pace)
    next = position + 1
    sequences.advance(to: position)
  }

  private mutating func sentAgain(_ position: Int, time: Int) {
    let clock = UInt32(truncatingIfNeeded: time)
    var record = ledger[position]
    record.marks.insert(.repeated)
    record.sentAt = clock
    if record.marks.contains(.hole) {
      if !record.marks.contains(.resent) { resending += 1 }
      record.marks.insert(.resent)
      credit.resent(position, at: clock)
    }
    ledger[position] = record
  }

  /// Holes between the acknowledgement and `position`, which is about to be acknowledged.
  private mutating func passHoles(upTo position: Int) -> Int {
    var passed = 0
    guard count.holes > 0 else { return 0 }
    for old in count.acknowledged..<max(position, count.acknowledged) {
      let marks = ledger[old].marks
      if marks.contains(.hole) { passed += 1 }
      if marks.contains([.hole, .resent]) { resending -= 1 }
    }
    return passed
  }

  /// Packets counted as arrived, or sent again, are reported missing.
  private mutating func reopen(_ positions: Range<Int>) {
    let clock = UInt32(truncatingIfNeeded: time)
    let crossing = UInt32((minimum.value ?? 0) * 3 / 4)
    for position in positions {
      let record = ledger[position]
      if !record.marks.contains(.hole) {
        ledger[position].marks.insert(.hole)
        count.reopenHole()
      } else if record.marks.contains(.resent), clock &- record.sentAt >= crossing {
        // Younger ones cannot have been missed by the peer: its report crossed them on the way.
        ledger[position].marks.remove(.resent)
        resending -= 1
      }
    }
  }

  private mutating func proveGap(first: Int, last: Int) {
    for position in count.proven..<first { losses.prove(ledger[position].pace, isLost: false) }
    for position in first...last {
      losses.prove(ledger[position].pace, isLost: true)
      ledger[position].marks.insert(.hole)
    }
    losses.countGap()
    let end = min(last + 2, next)
    if end == last + 2 { losses.prove(ledger[last + 1].pace, isLost: false) }
    if count.prove(upTo: end, missing: last - first + 1) { isExact = true }
  }

  /// Microseconds that the packet before `position` may have waited at the receiver for its acknowledgement: not longer than a turn of
  /// the receiver's clock, and not longer than until the next packet came, which would have been acknowledged with it.
  private func wait(before position: Int) -> Int {
    guard position < next else { return clock }
    let apart = Int(Int32(bitPattern: ledger[position].sentAt &- ledger[position - 1].sentAt))
    return min(clock, max(0, apart))
  }

  /// The delivered count is exact, and `newest` is the newest packet that arrived.
  private mutating func learn(newest: Int, isFresh: Bool, wait: Int) {
    exactPause += (time - exactTime - exactPause) / 8
    exactTime = time
    let record = ledger[newest]
    if isFresh, !record.marks.contains(.repeated) {
      let trip = Int(UInt32(truncatingIfNeeded: time) &- record.sentAt)
      roundTrip = trip
      latest = trip
      shortestTrip = trip - wait
      smoothed = hasRoundTrip ? smoothed + (trip - smoothed) / 8 : trip
      hasRoundTrip = true
      minimum.include(trip, now: time)
      sample = sampler.sample(
        time: time, delivered: count.delivered, record: record,
        shortest: max(shortest, minimum.value ?? 0))
    }
    sampler.remember(
      time: time, delivered: count.delivered, sentAt: record.sentAt,
      spacing: max(1000, (minimum.value ?? 0) / 32))
    if count.proven > roundEnd, time - roundTime >= resolution {
      roundEnd = next
      roundTime = time
      pauses.advance()
      rounds += 1
      roundEnded = true
      endedLosses = losses
      losses = RoundLosses()
    }
  }
}
