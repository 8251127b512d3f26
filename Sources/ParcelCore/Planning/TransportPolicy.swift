/// Which transport one server's segments use, and why: measured, never assumed.
///
/// `auto` measures on real segments. The first time it runs three legs, one after the other: what is in use, the other
/// one, what is in use again, so that a path that changes meanwhile is not mistaken for a better transport. Later it
/// looks again now and then with one short leg of the other. While a leg runs the two never compete: `isExclusive` says
/// that transfers of `wanted` may open only when none of the other kind is open to this server.
///
///     unmeasured ─ enough left ─► leg 1 ─► leg 2 ─► leg 3 ─► settled ─ minutes passed, or the rate fell ─► look ─► settled
///     any of them ─ two tries over udt in a row without an answer ─► http for ten minutes ─► look
///
/// Times are arguments; `observe` is called a few times a second.
package struct TransportPolicy: Sendable {
  /// A decision. `from` and `to` are the same when a measurement confirmed what was in use.
  package struct Change: Hashable, Sendable {
    package var from: TransportKind
    package var to: TransportKind
    /// At most 80 characters.
    package var reason: String
  }

  package static let noAnswer = "no answer over UDP"

  package let rules: TransportRules
  /// As the user asked for this run.
  package private(set) var choice: TransportChoice
  /// A way to this server over UDT exists.
  package private(set) var relayKnown: Bool
  /// What the last decision says; legs go on both.
  package internal(set) var decided = TransportKind.http
  /// One line for the screen, at most 80 characters.
  package internal(set) var reason = "not measured yet"

  var series: MeasuringSeries?
  /// The rate of `decided` when it was decided, bytes per second; nil before the first measurement.
  var measured: Double?
  var decidedAt: Instant?
  /// Nothing is measured before that moment.
  var notBefore: Instant?
  var nextLook: Instant?
  /// Seconds between looks.
  var interval: Double
  /// One-second rates of `decided` since the last decision, the last ten.
  var recent: [Double] = []
  var sampler = LegSampler()
  var warmSince: Instant?

  var failures = 0
  var lastFailure: Instant?
  var deadUntil: Instant?
  private var lastUDT = 0
  /// Of the UDT path while something went over it: at the end of a leg over http nothing does.
  private(set) var lastPath: PathStatistics?

  package init(choice: TransportChoice, relayKnown: Bool, rules: TransportRules = TransportRules()) {
    self.choice = choice
    self.relayKnown = relayKnown
    self.rules = rules
    interval = rules.firstLook
    reason = standingReason
  }

  /// What new segments use now.
  package var wanted: TransportKind {
    guard relayKnown else { return .http }
    switch choice {
    case .http: return .http
    case .udt: return .udt
    case .auto: return series?.leg.kind ?? decided
    }
  }

  /// Transfers of `wanted` may open only when none of the other kind is open.
  package var isExclusive: Bool { isMeasuring }
  package var isMeasuring: Bool { series != nil }

  private var standingReason: String {
    if choice == .http { return "as chosen" }
    if !relayKnown { return "no relay is known" }
    return choice == .udt ? "as chosen" : "not measured yet"
  }

  // MARK: - What the user and the servers say

  /// Goes on with what is in use, and measures anew for `auto`.
  package mutating func choose(_ new: TransportChoice) -> [Change] {
    guard new != choice else { return [] }
    return rearrange { $0.choice = new }
  }

  package mutating func setRelayKnown(_ known: Bool) -> [Change] {
    guard known != relayKnown else { return [] }
    return rearrange { $0.relayKnown = known }
  }

  private mutating func rearrange(_ change: (inout Self) -> Void) -> [Change] {
    let before = series == nil ? wanted : decided
    decided = before
    series = nil
    change(&self)
    if !relayKnown { decided = .http }
    measured = nil
    notBefore = nil
    nextLook = nil
    warmSince = nil
    deadUntil = nil
    failures = 0
    forget()
    reason = standingReason
    return wanted == before ? [] : [Change(from: before, to: wanted, reason: reason)]
  }

  /// A udt transfer that was opened at `opened` ended without an answer. `words`: why, at most 40 characters. `isCertain`: another try would end so too. `until`:
  /// the time of day ten minutes (`rules.silence`) from now, for the reason. Transfers that were open together fail as
  /// one.
  package mutating func failed(
    opened: Instant, words: String = TransportPolicy.noAnswer, isCertain: Bool = false, now: Instant,
    until: @autoclosure () -> String
  ) -> [Change] {
    if let lastFailure, opened <= lastFailure { return [] }
    // The relay program asks once more before it says that nobody answers: then that was the second try.
    let wasAskedTwice = words == Self.noAnswer && now - opened >= rules.twoAnswers
    failures += wasAskedTwice || isCertain ? 2 : 1
    lastFailure = now
    if choice == .udt, relayKnown, failures > 1 { reason = "as chosen: " + words }
    guard choice == .auto, relayKnown, deadUntil == nil, failures > 1 else { return [] }
    return giveUpUDT(words, now: now, until: until())
  }

  // MARK: - Time

  /// Looks at the counters; returns a decision when one was made. `until` as in `failed`.
  package mutating func observe(
    _ counters: TransportCounters, now: Instant, until: @autoclosure () -> String
  ) -> [Change] {
    if counters.bytes(.udt) > lastUDT {
      if choice == .udt, failures > 1 { reason = standingReason }
      failures = 0
    }
    lastUDT = counters.bytes(.udt)
    if counters.path?.roundTrip != nil { lastPath = counters.path }
    guard choice == .auto, relayKnown else { return [] }
    if let deadUntil {
      guard now >= deadUntil else { return [] }
      self.deadUntil = nil
      failures = 0
    }
    if series != nil { return goOn(counters, now: now, until: until) }
    if let sample = sampler.take(counters.bytes(decided), now: now), counters.open(decided) > 0 {
      recent.append(sample)
      if recent.count > 10 { recent.removeFirst() }
    }
    if isDue(counters, now: now) { begin(now: now) }
    return []
  }

  /// Whether a measurement should begin now.
  private mutating func isDue(_ counters: TransportCounters, now: Instant) -> Bool {
    guard counters.canMeasure, counters.open(decided) > 0 else {
      warmSince = nil
      return false
    }
    if let notBefore, now < notBefore { return false }
    let rate = recent.median
    guard Double(counters.left) > rules.littleLeft * rate else { return false }
    guard let measured else {
      let since = warmSince ?? now
      warmSince = since
      return !(counters.isTuning && now - since < rules.warming)
    }
    guard recent.count >= 3 else { return false }
    if let nextLook, now >= nextLook { return true }
    let hasFallen = recent.count >= 5 && recent.suffix(5).allSatisfy { $0 < rules.fall * measured }
    return hasFallen && decidedAt.map { now - $0 >= rules.hold } ?? true
  }

  mutating func forget() {
    recent = []
    sampler = LegSampler()
  }
}

/// Numbers of the policy; seconds unless said otherwise. Tests may change them.
package struct TransportRules: Sendable {
  /// A leg lasts the longer of this and `roundTrips` round trips, after its start-up.
  package var leg = 5.0
  package var roundTrips = 20.0
  /// Start-up is over when a second brings less than this times the second before, and after `startUp`.
  package var growth = 1.10
  package var startUp = 5.0
  /// The other transport must bring more than this times the rate of the present one.
  package var gain = 1.25
  /// After a decision none is taken back for that long.
  package var hold = 30.0
  package var firstLook = 120.0
  package var longestLook = 600.0
  /// Below this share of what was measured, it looks again sooner.
  package var fall = 0.6
  /// As long as two tries take to connect over UDP when nobody answers, 3 s each, and a little less.
  package var twoAnswers = 5.5
  /// Without an answer over UDP: http for that long.
  package var silence = 600.0
  /// With less left than that at the present rate, nothing is measured.
  package var littleLeft = 10.0
  /// The longest wait for the other transport's transfers to end.
  package var clearing = 30.0
  /// The longest wait for the first byte of a leg.
  package var firstByte = 15.0
  /// The longest wait for the number of connections over http to settle, before the first leg.
  package var warming = 15.0

  package init() {}
}

/// What the policy is told about one server, a few times a second.
package struct TransportCounters: Sendable {
  /// Bytes received over each, growing only.
  package var http = 0
  package var udt = 0
  /// Open transfers.
  package var openHTTP = 0
  package var openUDT = 0
  /// Bytes that are still to be fetched from this server, of files large enough to be cut into segments.
  package var left = 0
  /// False: something else decides (transfers that cannot change, downloads set by hand, everything paused).
  package var canMeasure = true
  /// The number of connections over http is still growing.
  package var isTuning = false
  /// Seconds, the longer of both paths'; nil before one was measured.
  package var roundTrip: Double?
  /// Of the UDT path.
  package var path: PathStatistics?

  package init() {}

  func bytes(_ kind: TransportKind) -> Int { kind == .http ? http : udt }
  func open(_ kind: TransportKind) -> Int { kind == .http ? openHTTP : openUDT }
}

extension TransportKind {
  /// There are two.
  package var other: TransportKind { self == .http ? .udt : .http }
}
