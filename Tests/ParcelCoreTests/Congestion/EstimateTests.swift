import Testing

@testable import ParcelCore

/// The four lessons of the trial about measuring delivery from UDT's signals, and the other parts of the estimate.
@Suite("What is known of a path")
struct EstimateTests {
  // MARK: - Lesson 1: when the delivered count is exact

  @Test(
    "The count is exact when a report advances the proof or an acknowledgement passes every hole, and not otherwise"
  )
  func exactness() {
    var count = DeliveredCount(first: 0)
    let first = count.acknowledge(upTo: 10, passed: 0)
    #expect(first)
    #expect(count.delivered == 10)
    // 20 and 21 are reported missing: 22 has come.
    let proof = count.prove(upTo: 23, missing: 2)
    #expect(proof)
    #expect(count.delivered == 21)
    // The acknowledgement that stands before the hole says nothing of what came after 22.
    let standing = count.acknowledge(upTo: 20, passed: 0)
    #expect(!standing)
    #expect(count.delivered == 21)
    // A repeated report proves nothing new.
    let repeated = count.prove(upTo: 23, missing: 2)
    #expect(!repeated)
    // Both holes are filled.
    let passing = count.acknowledge(upTo: 60, passed: 2)
    #expect(passing)
    #expect(count.delivered == 60)
    #expect(count.holes == 0)
  }

  @Test("A peer that tells its newest packet makes the count exact before an open hole")
  func arrivals() {
    var estimate = Self.estimate(roundTrip: 0.1)
    Self.send(0..<100, into: &estimate, from: 0, spacing: 0.001)
    Self.report(10...10, into: &estimate, at: 0.112)
    estimate.arrived(newest: PacketSequence(50), now: Instant(seconds: 0.151))
    #expect(estimate.isExact)
    #expect(estimate.count.delivered == 50)
    #expect(estimate.shortestTrip == 100_000)
    // Older word, and word of what was never sent, changes nothing.
    estimate.arrived(newest: PacketSequence(40), now: Instant(seconds: 0.152))
    estimate.arrived(newest: PacketSequence(500), now: Instant(seconds: 0.153))
    #expect(estimate.count.delivered == 50)
  }

  @Test("No rate sample is taller than the path while acknowledgements stand before holes")
  func samplesDoNotOverestimate() {
    // A path of 1000 packets/s and 100 ms; every 70th packet is lost once.
    var path = SteadyPath(rate: 1000, delay: 0.05, lost: { $0 % 70 == 49 })
    let rates = path.run(packets: 3000)
    #expect(rates.count > 50)
    // One packet more or less in the hundred of a sample is the clocks' grain.
    #expect(rates.allSatisfy { $0 <= 1020 })
    #expect(rates.contains { $0 > 950 })
  }

  // MARK: - Lesson 2: repaired holes count after a round trip

  @Test("A hole counts as delivered one round trip after it was sent again, unless it is reported again")
  func credit() {
    var credit = RepairCredit(limit: 64)
    credit.resent(7, at: 1000)
    credit.resent(8, at: 1500)
    #expect(credit.due(now: 1900, roundTrip: 1000) == nil)
    #expect(credit.due(now: 2000, roundTrip: 1000)?.position == 7)
    #expect(credit.due(now: 2000, roundTrip: 1000) == nil)
    #expect(credit.due(now: 2500, roundTrip: 1000)?.position == 8)
  }

  @Test("The delivered count does not leap when the first hole closes")
  func noLeap() {
    var estimate = Self.estimate(roundTrip: 0.1)
    Self.send(0..<200, into: &estimate, from: 0, spacing: 0.001)
    Self.report(10...10, into: &estimate, at: 0.112)
    Self.report(20...20, into: &estimate, at: 0.122)
    #expect(estimate.count.holes == 2)
    estimate.sent(PacketSequence(10), pace: .even, now: Instant(seconds: 0.2001))
    estimate.sent(PacketSequence(20), pace: .even, now: Instant(seconds: 0.2002))
    estimate.tick(now: Instant(seconds: 0.25))
    #expect(estimate.count.holes == 2)
    estimate.tick(now: Instant(seconds: 0.31))
    #expect(estimate.count.holes == 0)
    // The second was lost again: the credit is taken back.
    Self.report(20...20, into: &estimate, at: 0.32)
    #expect(estimate.count.holes == 1)
    let before = estimate.count.delivered
    estimate.acknowledged(upTo: PacketSequence(20), now: Instant(seconds: 0.33))
    #expect(estimate.count.delivered == before)
  }

  // MARK: - Lesson 3: the window is a span

  @Test("The window is the wanted flight and what was proven beyond the acknowledgement")
  func span() {
    #expect(SpanWindow.packets(flight: 100, acknowledged: 0, proven: 0, unseen: 0, peer: 65_536) == 100)
    #expect(SpanWindow.packets(flight: 100, acknowledged: 50, proven: 400, unseen: 10, peer: 65_536) == 460)
    #expect(SpanWindow.packets(flight: 100, acknowledged: 0, proven: 400, unseen: 0, peer: 256) == 256)
    #expect(SpanWindow.packets(flight: 0, acknowledged: 0, proven: 0, unseen: 0, peer: 65_536) == 16)
  }

  // MARK: - Lesson 4: leaving start-up

  @Test("Three long round trips in a row end start-up; one is a hint, and jitter of earlier rounds is none")
  func startUpQueue() {
    var exit = StartUpExit()
    for turn in 1...10 { exit.include(103_000, minimum: 100_000, now: turn * 10_000) }
    _ = exit.endRound(rate: 1000, losses: RoundLosses(), isLimited: false)
    // 3 ms are jitter; a thirty-second of the minimum beyond them hints, and a sixteenth ends.
    exit.include(106_000, minimum: 100_000, now: 200_000)
    #expect(!exit.isHinted(minimum: 100_000, slack: 2000, packet: 60))
    exit.include(106_500, minimum: 100_000, now: 205_000)
    #expect(exit.isHinted(minimum: 100_000, slack: 2000, packet: 60))
    // At 5 Mbit/s three packets that left together are as late.
    #expect(!exit.isHinted(minimum: 100_000, slack: 2000, packet: 2400))
    exit.include(112_000, minimum: 100_000, now: 210_000)
    #expect(Self.reason(exit, RoundLosses()) == nil)
    exit.include(113_000, minimum: 100_000, now: 220_000)
    exit.include(114_000, minimum: 100_000, now: 230_000)
    #expect(Self.reason(exit, RoundLosses()) == .queue)
  }

  @Test("Long round trips that are measured at one moment are one: the machine was away")
  func startUpPause() {
    var exit = StartUpExit()
    for turn in 1...10 { exit.include(103_000, minimum: 100_000, now: turn * 10_000) }
    _ = exit.endRound(rate: 1000, losses: RoundLosses(), isLimited: false)
    for later in 0..<6 { exit.include(145_000 + later, minimum: 100_000, now: 250_000 + later) }
    #expect(Self.reason(exit, RoundLosses()) == nil)
  }

  @Test("Loss beyond that of the earlier rounds ends start-up, the same loss as ever does not")
  func startUpLoss() {
    var exit = StartUpExit()
    _ = exit.endRound(rate: 1000, losses: Self.losses(50, of: 1000), isLimited: false)
    #expect(Self.reason(exit, Self.losses(50, of: 1000)) == nil)
    #expect(Self.reason(exit, Self.losses(120, of: 1000)) == .loss)
    // One burst is not a flood.
    #expect(Self.reason(exit, Self.losses(120, of: 1000, gaps: 2)) == nil)
  }

  @Test(
    "Three rounds without growth end start-up, rounds in which the application gave too little do not count")
  func startUpPlateau() {
    var exit = StartUpExit()
    #expect(exit.endRound(rate: 1000, losses: RoundLosses(), isLimited: false) == nil)
    for _ in 0..<5 { #expect(exit.endRound(rate: 1000, losses: RoundLosses(), isLimited: true) == nil) }
    #expect(exit.endRound(rate: 1100, losses: RoundLosses(), isLimited: false) == nil)
    #expect(exit.endRound(rate: 1100, losses: RoundLosses(), isLimited: false) == nil)
    #expect(exit.endRound(rate: 1100, losses: RoundLosses(), isLimited: false) == .plateau)
  }

  // MARK: - The other parts

  @Test("The background loss is the lower quartile, and capped")
  func background() {
    var background = BackgroundLoss(cap: 0.1)
    for share in [1, 1, 1, 8, 1, 8, 1, 1] { background.include(seen: 1000, lost: share * 10) }
    #expect(background.floor == 0.01)
    for _ in 0..<8 { background.include(seen: 1000, lost: 300) }
    #expect(background.floor == 0.1)
  }

  @Test("The largest rate is forgotten after its rounds")
  func maximum() {
    var maximum = WindowedMaximum(rounds: 3)
    maximum.include(10)
    maximum.advance()
    maximum.include(5)
    #expect(maximum.value == 10)
    maximum.advance()
    maximum.advance()
    #expect(maximum.value == 5)
    maximum.include(7)
    maximum.forget(allBut: 1)
    #expect(maximum.value == 7)
  }

  @Test("The minimum round trip rises only by a probe, and knows when it was last confirmed")
  func minimum() {
    var minimum = MinimumRoundTrip()
    minimum.include(100_000, now: 0)
    minimum.include(130_000, now: 5_000_000)
    #expect(minimum.value == 100_000)
    #expect(minimum.age(now: 5_000_000) == 5)
    minimum.include(103_000, now: 6_000_000)
    #expect(minimum.age(now: 6_000_000) == 0)
    minimum.beginProbe()
    minimum.include(120_000, now: 7_000_000)
    minimum.endProbe(now: 7_000_000)
    #expect(minimum.value == 120_000)
  }

  @Test(
    "An acknowledgement's wait at the receiver is taken off the round trip, at most one turn of its clock")
  func acknowledgementWait() {
    var estimate = Self.estimate(roundTrip: 0.1)
    Self.send(0..<10, into: &estimate, from: 0, spacing: 0.001)
    Self.send(10..<11, into: &estimate, from: 0.020, spacing: 0.001)
    // Packet 9 left at 9 ms; nothing followed for 11 ms, so it may have waited 10.
    estimate.acknowledged(upTo: PacketSequence(10), now: Instant(seconds: 0.119))
    #expect(estimate.roundTrip == 110_000)
    #expect(estimate.shortestTrip == 100_000)
  }

  @Test("A silence that makes everything lost leaves nothing on its way until it is sent again")
  func timeout() {
    var estimate = Self.estimate(roundTrip: 0.1)
    Self.send(0..<50, into: &estimate, from: 0, spacing: 0.001)
    #expect(estimate.flight == 50)
    estimate.timedOut(now: Instant(seconds: 0.5))
    #expect(estimate.flight == 0)
    #expect(estimate.count.delivered == 0)
    for packet in 0..<50 {
      estimate.sent(PacketSequence(Int32(packet)), pace: .even, now: Instant(seconds: 0.6))
    }
    #expect(estimate.flight == 50)
    estimate.acknowledged(upTo: PacketSequence(50), now: Instant(seconds: 0.7))
    #expect(estimate.flight == 0)
    #expect(estimate.count.delivered == 50)
  }

  @Test("Samples of packets that left while the application gave too little are marked")
  func limited() {
    var estimate = Self.estimate(roundTrip: 0.1)
    Self.send(0..<100, into: &estimate, from: 0, spacing: 0.001)
    estimate.applicationLimited(now: Instant(seconds: 0.1))
    Self.send(100..<200, into: &estimate, from: 0.1, spacing: 0.001)
    estimate.acknowledged(upTo: PacketSequence(100), now: Instant(seconds: 0.2))
    estimate.acknowledged(upTo: PacketSequence(150), now: Instant(seconds: 0.25))
    #expect(estimate.sample?.isLimited == true)
    Self.send(200..<300, into: &estimate, from: 0.3, spacing: 0.001)
    estimate.acknowledged(upTo: PacketSequence(200), now: Instant(seconds: 0.31))
    estimate.acknowledged(upTo: PacketSequence(300), now: Instant(seconds: 0.5))
    #expect(estimate.sample?.isLimited == false)
  }

  @Test(
    "A probe that makes half the queue it would make alone shows half the path; one jittery round trip shows nothing"
  )
  func probeShare() {
    var effect = ProbeEffect()
    for _ in 0..<30 {
      effect.begin(trip: 100_000, excess: 0.25, duration: 100_000)
      effect.include(112_500)
      effect.include(112_500)
      effect.include(140_000)
      effect.end()
    }
    #expect(effect.share > 0.49 && effect.share < 0.51)
  }

  @Test("Start-up at most doubles its pace in a round trip, however far the known rate leaps")
  func doubling() {
    var limit = DoublingLimit()
    #expect(limit.limit(100, at: 0, roundTrip: 0.1) == 100)
    var pace = 0.0
    for step in 1...100 { pace = limit.limit(10_000, at: step * 1000, roundTrip: 0.1) }
    #expect(pace > 190 && pace < 205)
    #expect(limit.limit(50, at: 100_000, roundTrip: 0.1) == 50)
  }

  @Test("The queue is what the smallest of several round trips has over the minimum")
  func gauge() {
    var gauge = QueueGauge()
    for trip in [120_000, 150_000, 110_000] { gauge.include(trip, now: 0, width: 20_000) }
    #expect(gauge.queue(minimum: 100_000) == nil)
    gauge.include(130_000, now: 1000, width: 20_000)
    #expect(gauge.queue(minimum: 100_000) == 10_000)
    for _ in 0..<4 { gauge.include(125_000, now: 50_000, width: 20_000) }
    #expect(gauge.queue(minimum: 100_000) == 25_000)
  }

  // MARK: -

  static func estimate(roundTrip: Double) -> PathEstimate {
    PathEstimate(
      CongestionPreset.Connection(first: PacketSequence(0), peerWindow: 65_536, roundTrip: roundTrip),
      now: .zero)
  }

  static func send(_ packets: Range<Int>, into estimate: inout PathEstimate, from: Double, spacing: Double) {
    for packet in packets {
      estimate.sent(
        PacketSequence(position: packet), pace: .even,
        now: Instant(seconds: from + Double(packet - packets.lowerBound) * spacing))
    }
  }

  static func report(_ range: ClosedRange<Int>, into estimate: inout PathEstimate, at time: Double) {
    let ranges = [
      SequenceRange(PacketSequence(position: range.lowerBound), PacketSequence(position: range.upperBound))
    ]
    ranges.withUnsafeBufferPointer { estimate.lost($0, now: Instant(seconds: time)) }
  }

  private static func reason(_ exit: StartUpExit, _ losses: RoundLosses) -> StartUpExit.Reason? {
    exit.reason(minimum: 100_000, slack: 4000, losses: losses, excess: 0.03)
  }

  private static func losses(_ lost: Int, of seen: Int, gaps: Int = 20) -> RoundLosses {
    var losses = RoundLosses()
    for packet in 0..<seen { losses.prove(.faster, isLost: packet < lost) }
    for _ in 0..<gaps { losses.countGap() }
    return losses
  }
}

/// Sends at exactly the path's rate; the receiver reports and acknowledges as libudt does. Losses are repaired on the second
/// transmission.
private struct SteadyPath {
  let rate: Double
  let delay: Double
  let lost: (Int) -> Bool

  /// The rate samples that the estimate takes.
  mutating func run(packets: Int) -> [Double] {
    var estimate = EstimateTests.estimate(roundTrip: 2 * delay)
    var rates: [Double] = []
    var missing: [(packet: Int, back: Double)] = []
    var received = 0
    var clock = 0.0
    var acknowledged = 0
    for slot in 0..<packets {
      let now = Double(slot) / rate
      estimate.sent(PacketSequence(position: slot), pace: .even, now: Instant(seconds: now))
      // What arrived a delay ago is known here two delays after it was sent.
      let newest = slot - Int(2 * delay * rate)
      guard newest > 0 else { continue }
      if lost(newest - 1) {
        EstimateTests.report((newest - 1)...(newest - 1), into: &estimate, at: now)
        missing.append((newest - 1, now + 2 * delay))
        estimate.sent(PacketSequence(position: newest - 1), pace: .even, now: Instant(seconds: now))
      } else if now - clock >= 0.01 {
        clock = now
        while let first = missing.first, first.back <= now { missing.removeFirst() }
        received = missing.first.map { $0.packet } ?? (lost(newest) ? newest : newest + 1)
        if received > acknowledged {
          acknowledged = received
          estimate.acknowledged(upTo: PacketSequence(position: received), now: Instant(seconds: now))
        }
      } else {
        continue
      }
      if let sample = estimate.sample { rates.append(sample.rate) }
    }
    return rates
  }
}
