import ParcelCore
import Testing

/// One server with two paths, in virtual time: a download that always has enough to do follows the policy as the engine
/// does, with transfers that take a while to end.
private struct Path {
  var policy = TransportPolicy(choice: .auto, relayKnown: true)
  var counters = TransportCounters()
  var now = Instant(seconds: 50)
  /// Bytes per second; nil: no answer.
  var rate: (TransportKind, Double) -> Double?
  /// What the relay says of its connections while there are some.
  var path: PathStatistics?
  /// Seconds until transfers of the kind that is not wanted any more have ended.
  var ending = 0.4
  private var closing: [TransportKind: Instant] = [:]
  private var udtOpened: Instant?
  private(set) var changes: [(at: Double, change: TransportPolicy.Change)] = []
  private(set) var bothOpenWhileMeasuring = false
  private(set) var seconds: [TransportKind: Double] = [.http: 0, .udt: 0]
  private(set) var reasons: [String] = []
  private var fraction: [TransportKind: Double] = [:]

  init(_ rate: @escaping (TransportKind, Double) -> Double?) {
    self.rate = rate
    counters.left = 1 << 50
    counters.roundTrip = 0.1
  }

  var time: Double { now - Instant(seconds: 50) }

  mutating func run(_ length: Double) {
    let end = now + length
    while now < end { step() }
  }

  private mutating func step() {
    now = now + 0.1
    let wanted = policy.wanted
    if open(wanted.other) > 0 {
      let ends = closing[wanted.other] ?? now + ending
      closing[wanted.other] = ends
      if now >= ends { setOpen(wanted.other, 0) }
    }
    if open(wanted) == 0, !(policy.isExclusive && open(wanted.other) > 0) {
      setOpen(wanted, 1)
      closing[wanted] = nil
      if wanted == .udt { udtOpened = now }
    }
    if policy.isMeasuring, counters.openHTTP > 0, counters.openUDT > 0 { bothOpenWhileMeasuring = true }
    for kind in TransportKind.allCases where open(kind) > 0 { receive(kind) }
    counters.path = path == nil ? nil : counters.openUDT > 0 ? path : PathStatistics()
    take(policy.observe(counters, now: now, until: "14:12"))
    if reasons.last != policy.reason { reasons.append(policy.reason) }
  }

  private mutating func receive(_ kind: TransportKind) {
    guard let rate = rate(kind, time) else {
      // Three seconds, then the connect gives up.
      guard kind == .udt, let opened = udtOpened, now - opened > 3 else { return }
      counters.openUDT = 0
      take(policy.failed(opened: opened, now: now, until: "14:12"))
      return
    }
    seconds[kind, default: 0] += 0.1
    let bytes = rate / 10 + (fraction[kind] ?? 0)
    fraction[kind] = bytes - bytes.rounded(.down)
    if kind == .http { counters.http += Int(bytes) } else { counters.udt += Int(bytes) }
  }

  private mutating func take(_ new: [TransportPolicy.Change]) {
    for change in new { changes.append((time, change)) }
  }

  private func open(_ kind: TransportKind) -> Int { kind == .http ? counters.openHTTP : counters.openUDT }
  private mutating func setOpen(_ kind: TransportKind, _ count: Int) {
    if kind == .http { counters.openHTTP = count } else { counters.openUDT = count }
  }
  mutating func choose(_ choice: TransportChoice) { take(policy.choose(choice)) }
}

@Suite struct TransportPolicyTests {
  @Test func theFasterOneIsUsedAfterThreeLegs() {
    var path = Path { kind, _ in kind == .udt ? 51.5e6 : 7.6e6 }
    path.path = PathStatistics()
    path.path?.roundTrip = 0.142
    path.path?.loss = 0.003
    path.run(60)
    #expect(path.policy.wanted == .udt)
    #expect(path.changes.count == 1)
    #expect(path.changes.first?.change.from == .http)
    let words = "412 Mbit/s against 61 over http, loss 0.3 %, rtt 142 ms"
    #expect(path.changes.first?.change.reason == words)
    // Three legs of five seconds and their start-ups.
    #expect(path.changes.first.map { $0.at > 15 && $0.at < 32 } == true)
    #expect(path.reasons.contains { $0.hasPrefix("3 s more; http gave 61 Mbit/s") })
    // Whether and what it measures is a fact of its own, said beside the reason.
    #expect(path.reasons.allSatisfy { !$0.contains("measuring") })
  }

  @Test func whatIsInUseStaysUnlessTheGainIsWorthIt() {
    for factor in [0.3, 1.0, 1.2] {
      var path = Path { kind, _ in kind == .udt ? 1e7 * factor : 1e7 }
      path.run(100)
      #expect(path.policy.wanted == .http)
      #expect(path.changes.map(\.change.to) == [.http])
    }
  }

  @Test func aLegLastsTwentyRoundTripsWhenThatIsLonger() {
    var path = Path { _, _ in 1e7 }
    path.counters.roundTrip = 1
    path.run(62)
    #expect(path.changes.isEmpty && path.policy.isMeasuring)
    path.run(20)
    #expect(path.changes.count == 1)
  }

  @Test func aPathThatChangesMeanwhileIsNotMistakenForABetterTransport() {
    // http grows from 10 to 16 MB/s while udt, at 14, is measured: the mean of both http legs is 13.
    var path = Path { kind, time in kind == .udt ? 14e6 : time < 10 ? 10e6 : 16e6 }
    path.run(60)
    #expect(path.policy.wanted == .http)
  }

  @Test func withoutAnswerOverUDPItIsHTTPForTenMinutes() {
    var path = Path { kind, _ in kind == .udt ? nil : 1e7 }
    path.run(60)
    #expect(path.changes.map(\.change.reason) == ["no answer over UDP, http until 14:12"])
    #expect(path.policy.wanted == .http && !path.policy.isMeasuring)
    let dead = path.changes[0].at
    path.run(dead + 599 - path.time)
    #expect(path.changes.count == 1)
    path.run(60)
    #expect(path.changes.count == 2)
  }

  @Test func oneFailureIsTriedAgain() {
    var failing = true
    var path = Path { kind, time in kind == .udt ? (failing ? nil : 5e7) : 1e7 }
    while path.counters.openUDT == 0 { path.run(0.1) }
    while path.counters.openUDT == 1 { path.run(0.1) }
    failing = false
    path.rate = { kind, _ in kind == .udt ? 5e7 : 1e7 }
    path.run(60)
    #expect(path.policy.wanted == .udt)
  }

  @Test func aConnectionThatWasAskedForTwiceIsNotAskedForAThirdTime() {
    let begin = Instant(seconds: 50)
    var silent = TransportPolicy(choice: .auto, relayKnown: true)
    let changes = silent.failed(opened: begin, now: begin + 6.1, until: "14:12")
    #expect(changes.map(\.reason) == ["no answer over UDP, http until 14:12"])
    // What is refused sooner, or breaks behind the relay, may be another time's luck.
    for (words, seconds) in [(TransportPolicy.noAnswer, 3.1), ("nothing comes through the relay", 20)] {
      var policy = TransportPolicy(choice: .auto, relayKnown: true)
      #expect(policy.failed(opened: begin, words: words, now: begin + seconds, until: "14:12").isEmpty)
    }
  }

  @Test func udtThatDiesLaterGivesWayAtOnce() {
    var path = Path { kind, time in kind == .udt ? (time < 100 ? 5e7 : nil) : 1e7 }
    path.run(99)
    #expect(path.policy.wanted == .udt)
    path.run(2)
    // Its transfer breaks; the two that follow get no answer.
    path.run(10)
    #expect(path.policy.wanted == .http)
    #expect(path.changes.last?.change.reason == "no answer over UDP, http until 14:12")
  }

  @Test func aRateThatFellIsLookedAtSoon() {
    var path = Path { kind, time in kind == .udt ? (time < 80 ? 5e7 : 5e6) : 1e7 }
    path.run(79)
    #expect(path.policy.wanted == .udt)
    path.run(40)
    #expect(path.policy.wanted == .http)
    #expect(path.changes.count == 2)
  }

  @Test func itLooksAgainSeldomAndWithOneLegOnly() {
    var path = Path { kind, _ in kind == .udt ? 5e6 : 1e7 }
    path.run(3600)
    let times = path.changes.map(\.at)
    #expect(times.count >= 6 && times.count <= 10)
    for (a, b) in zip(times, times.dropFirst()) { #expect(b - a > 119) }
    // All its looks cost a few per cent of the time.
    #expect((path.seconds[.udt] ?? 0) < 90)
    #expect(path.policy.wanted == .http)
  }

  @Test func littleLeftIsNotMeasured() {
    var path = Path { _, _ in 1e7 }
    path.counters.left = 90_000_000
    path.run(100)
    #expect(path.seconds[.udt] == 0)
    path.counters.left = 0  // only small files
    path.run(100)
    #expect(path.seconds[.udt] == 0 && path.changes.isEmpty)
  }

  @Test func nothingIsMeasuredWhileOthersDecide() {
    var path = Path { _, _ in 1e7 }
    path.counters.canMeasure = false
    path.run(100)
    #expect(path.seconds[.udt] == 0)
    path.counters.canMeasure = true
    while path.policy.wanted == .http { path.run(0.1) }
    path.counters.canMeasure = false
    path.run(1)
    #expect(path.policy.wanted == .http && !path.policy.isMeasuring)
  }

  @Test func withoutARelayItIsHTTPWhateverIsChosen() {
    var policy = TransportPolicy(choice: .udt, relayKnown: false)
    #expect(policy.wanted == .http)
    #expect(policy.reason == "no relay is known")
    #expect(policy.setRelayKnown(true).map(\.to) == [.udt])
    #expect(policy.setRelayKnown(false).map(\.to) == [.http])
    #expect(policy.choose(.http).isEmpty)
    #expect(policy.setRelayKnown(true).isEmpty)
  }

  @Test func aChoiceHoldsAtOnceAndAutoGoesOnFromThere() {
    var path = Path { kind, _ in kind == .udt ? 1e7 : 5e7 }
    path.choose(.udt)
    #expect(path.policy.wanted == .udt)
    path.run(600)
    #expect(path.policy.wanted == .udt && path.seconds[.http] == 0)
    path.choose(.auto)
    #expect(path.policy.wanted == .udt)
    path.run(60)
    #expect(path.policy.wanted == .http)
  }

  @Test func aChosenUDTIsNotGivenUp() {
    var path = Path { kind, _ in kind == .udt ? nil : 1e7 }
    path.choose(.udt)
    path.run(100)
    #expect(path.policy.wanted == .udt)
  }

  @Test func segmentsThatDoNotEndStopTheMeasurement() {
    var path = Path { _, _ in 1e7 }
    path.ending = 40
    path.run(50)
    #expect(path.policy.wanted == .http && !path.policy.isMeasuring)
    #expect(path.policy.reason == "not measured: segments take too long to end")
    #expect(path.seconds[.udt] == 0)
  }

  /// Whatever the rates do, decisions hold for 30 s, the two never compete while one is measured, and the words fit.
  @Test(arguments: 0..<40) func itNeverFlaps(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var rates: [[Double]] = []
    let pace = 1 + Double(random.next() % 40)
    for _ in 0..<1000 { rates.append([random.unit() * random.unit() * 1e8, random.unit() * 1e8]) }
    var path = Path { kind, time in rates[Int(time / pace) % 1000][kind == .http ? 0 : 1] }
    path.counters.roundTrip = random.unit() * 0.4
    path.ending = random.unit() * 3
    path.run(1500)
    #expect(!path.bothOpenWhileMeasuring)
    let switches = path.changes.filter { $0.change.from != $0.change.to }.map(\.at)
    for (a, b) in zip(switches, switches.dropFirst()) { #expect(b - a >= 30) }
    #expect(path.reasons.allSatisfy { $0.count <= 80 })
    #expect(!path.changes.isEmpty)
  }
}
