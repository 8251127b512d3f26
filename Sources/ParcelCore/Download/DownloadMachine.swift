/// One download from "wanted" to "done", as a state machine: events in, effects out, nothing done by itself.
///
///     idle ─ start ─► probing ─ answered ─► opening ─ opened ─► fetching ─► finishing ─► resting(done)
///       └─ start, name known ───────────────►┘                   ▲   │         │
///                                                                └─ lost ──────┘
///     any of them ─ pause, failure, remove ─► closing(rest) ─ last transfer ended, part closed ─► resting(rest)
///     resting(not done) ─ start, retry ─► as from idle
///
/// `probing`: the name is not known before the first answer, so the first transfer's bytes wait for the file.
/// Times are arguments; the driver calls `tick` a few times a second. Late events of ended transfers are ignored.
package struct DownloadMachine: Sendable {
  /// What a download rests as.
  package enum Rest: Hashable, Sendable {
    case waiting
    case paused
    case failed(Failure)
    case done(verified: Digest?)
  }

  package enum Phase: Sendable {
    case idle
    /// The first transfer is open or about to be; no file yet.
    case probing
    /// The store looks at the target; `then` is set when the download is to rest as soon as that is over.
    case opening(then: Rest?)
    case fetching
    case finishing
    /// The file is emptied to start over.
    case discarding
    /// Waiting for transfers to end and for the part file to close.
    case closing(Rest)
    case resting(Rest)
  }

  /// What the machine remembers of an open transfer.
  package struct Attempt: Sendable {
    package var id: TransferID
    package var range: ByteRange
    package var opened: Instant
    package var lastMoved: Instant
    package var position: Int
    package var retries: Int
    package var answered = false
    package var stopping = false
    /// It was stopped for silence, which counts as a failure when it ends.
    package var stalled = false
  }

  /// How a machine is set up; the same for all downloads of a run.
  package struct Policy: Sendable {
    package var retry = RetryPolicy()
    package var sizing = SegmentSizing()
    /// Seconds without a byte after which a transfer is ended and tried again.
    package var stallTimeout = 30.0
    /// Seconds without a byte after which a free connection may take a segment's place.
    package var suspicion = 5.0
    /// Redirects in a row.
    package var redirects = 10

    package init() {}
  }

  package let url: String
  package let spec: DownloadSpec
  package let policy: Policy

  package private(set) var phase = Phase.idle
  package private(set) var planner: SegmentPlanner?
  package private(set) var attempts: [Attempt] = []
  package private(set) var identity: ObjectIdentity?
  /// False: one segment, no resume. Nil before the first answer of this run.
  package private(set) var rangesSupported: Bool?
  /// The URL that answered, after redirects; forgotten at the first failure (signed URLs expire).
  package private(set) var resolvedURL: String?
  /// The last failure, until a byte arrives.
  package private(set) var failure: Failure?
  /// No transfer is opened before this moment.
  package private(set) var notBefore: Instant?
  /// Digests the server gave, used when the spec has none.
  package private(set) var serverDigests: [Digest] = []

  private var hasPart = false
  private var redirectsLeft: Int
  private var failures = 0
  private var retriesAt: [Int: Int] = [:]
  private var startOver = false
  private var random: SeededRandom
  /// Seconds of one round trip, as far as a connect has shown it.
  private var roundTrip = 0.0

  package init(spec: DownloadSpec, url: String, policy: Policy, seed: UInt64) {
    self.spec = spec
    self.url = url
    self.policy = policy
    redirectsLeft = policy.redirects
    random = SeededRandom(seed: seed)
  }

  // MARK: - What the driver asks

  /// Bytes, as far as known.
  package var size: Int? {
    if let size = identity?.size ?? spec.size { return size }
    return planner.flatMap { $0.size == .max ? nil : $0.size }
  }

  package var received: Int {
    if case .resting(.done) = phase { return size ?? 0 }
    return planner?.received ?? 0
  }

  /// Small files travel whole and may share connections.
  package var isSmall: Bool { spec.size.map { $0 < smallFileLimit } ?? false }

  /// Whether the next call of `openNext` could open a transfer, as far as can be said without trying.
  package func wantsTransfer(now: Instant, target: Int) -> Bool {
    if let notBefore, now < notBefore { return false }
    switch phase {
    case .probing: return attempts.isEmpty
    case .fetching:
      // The first answer of a run shows whether ranges work and whether the object is still the same.
      if rangesSupported != true || isSmall { return attempts.isEmpty }
      return attempts.count < target
    default: return false
    }
  }

  /// The state as a person sees it.
  package func state(now: Instant) -> DownloadState {
    switch phase {
    case .idle: return .waiting
    case .probing, .fetching:
      if attempts.isEmpty, let notBefore, now < notBefore { return .retrying }
      return .running
    case .opening, .discarding: return .opening
    case .finishing: return .verifying
    case .closing(let rest), .resting(let rest):
      switch rest {
      case .waiting: return .waiting
      case .paused: return .paused
      case .failed(let failure): return failure.retry == .needsUser ? .needsUser : .failed
      case .done(let verified): return verified == nil ? .complete : .verified
      }
    }
  }

  /// Nothing is open and nothing will happen without an event from outside.
  package var isResting: Bool {
    switch phase {
    case .idle, .resting: true
    default: false
    }
  }

  /// All bytes are here; the store verifies, syncs and renames.
  package var isFinishing: Bool {
    if case .finishing = phase { true } else { false }
  }

  // MARK: - Commands

  /// Begin, or go on after a rest. A download that runs or is done ignores it.
  package mutating func start(now: Instant) -> [DownloadEffect] {
    switch phase {
    case .resting(.done): return []
    case .idle, .resting: break
    default: return []
    }
    failures = 0
    failure = nil
    notBefore = nil
    resolvedURL = nil
    rangesSupported = nil
    redirectsLeft = policy.redirects
    planner = nil
    guard spec.name != nil else {
      phase = .probing
      return []
    }
    phase = .opening(then: nil)
    return [.openStore(nameFrom: nil)]
  }

  /// The same as `start`, asked for by the user after a failure: where the object changed or its digest was wrong,
  /// going on would end in the same place, so everything is fetched anew.
  package mutating func retry(now: Instant) -> [DownloadEffect] {
    if case .resting(.failed(let failure)) = phase, [.changed, .digest, .size].contains(failure.code) {
      startOver = true
    }
    if case .fetching = phase {  // waiting for a retry: do not wait
      notBefore = nil
      return []
    }
    return start(now: now)
  }

  /// Stop and rest. Bytes are saved; a verification that runs is given up and done again later.
  package mutating func rest(as rest: Rest) -> [DownloadEffect] {
    switch phase {
    case .idle:
      phase = .resting(rest)
      return []
    case .resting(.done): return []
    case .finishing:
      phase = .closing(rest)
      return [.suspend]
    case .resting:
      phase = .resting(rest)
      return []
    case .opening:
      phase = .opening(then: rest)
      return attempts.map { .stopTransfer($0.id) }
    case .probing, .fetching, .discarding: return close(rest)
    case .closing:
      phase = .closing(rest)
      return []
    }
  }

  // MARK: - The store's events

  package mutating func opened(_ result: Result<OpenResult, Failure>, now: Instant) -> [DownloadEffect] {
    guard case .opening(let then) = phase else { return [] }
    switch result {
    case .failure(let failure):
      self.failure = failure
      return close(.failed(failure))
    case .success(.alreadyDone(let size, let verified)):
      identity = ObjectIdentity(size: size)
      return close(.done(verified: verified ? spec.digests.first : nil))
    case .success(.ready(let part)):
      hasPart = true
      if let then { return close(then) }
      return take(part.recovered, now: now)
    }
  }

  /// Plans with what an earlier run left.
  private mutating func take(_ recovered: Recovered, now: Instant) -> [DownloadEffect] {
    var effects: [DownloadEffect] = []
    if let remark = recovered.remark { effects.append(.log(.warning, remark)) }
    if !recovered.ranges.isEmpty {
      if startOver { return effects + beginDiscard() }
      // Without a validator nobody can tell whether the server still has the same object.
      if recovered.identity?.validator == nil {
        let text = "the server gave neither a strong ETag nor a date, so the partial file cannot be continued"
        return effects + [.log(.warning, "'\(spec.title)': \(text): starting over")] + beginDiscard()
      }
      if let known = identity, let old = recovered.identity, known.size != old.size || known.etag != old.etag
      {
        let failure = Failure(
          .changed, retry: .needsUser,
          "Could not resume '\(spec.title)': the file on the server changed since the partial file was begun.",
          remedy: "Retry to start over, or keep the partial file by moving it away.")
        self.failure = failure
        return effects + close(.failed(failure))
      }
      identity = recovered.identity
    }
    startOver = false
    return effects + begin(have: recovered.ranges, now: now)
  }

  private mutating func beginDiscard() -> [DownloadEffect] {
    phase = .discarding
    startOver = false
    return [.discard]
  }

  package mutating func discarded(_ failure: Failure?, now: Instant) -> [DownloadEffect] {
    guard case .discarding = phase else { return [] }
    if let failure { return fail(failure, now: now) }
    if attempts.isEmpty { identity = nil }
    return begin(have: ByteRangeSet(), now: now)
  }

  /// The file is open: plan, and let a first transfer that waits for it write.
  private mutating func begin(have: ByteRangeSet, now: Instant) -> [DownloadEffect] {
    phase = .fetching
    let size = self.size ?? .max
    var planner = SegmentPlanner(
      size: size, blockSize: SegmentPlanner.blockSize(for: size == .max ? 0 : size), have: have)
    var effects: [DownloadEffect] = []
    if let identity, have.isEmpty, attempts.contains(where: \.answered) {
      effects.append(.identify(identity))
    }
    for i in attempts.indices {
      let attempt = attempts[i]
      let wanted = ByteRange(attempt.range.start, min(attempt.range.end, size))
      if attempt.stopping { continue }
      if have.count(in: wanted) > 0 {
        attempts[i].stopping = true
        effects.append(.stopTransfer(attempt.id))
      } else {
        attempts[i].range = wanted
        planner.assign(wanted, to: attempt.id)
        effects.append(.attach(attempt.id, wanted))
      }
    }
    self.planner = planner
    return effects + finishIfComplete()
  }

  package mutating func lost(_ range: ByteRange) -> [DownloadEffect] {
    planner?.lose(range)
    let text = "\(range.count) bytes at \(range.start) on disk are not what was written: fetching them again"
    return [.log(.warning, "'\(spec.title)': \(text)")]
  }

  package mutating func partFailed(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    guard hasPart, !isResting else { return [] }
    return fail(failure, now: now)
  }

  package mutating func finished(_ result: Result<Finished, Failure>, now: Instant) -> [DownloadEffect] {
    switch (phase, result) {
    case (.finishing, _), (.closing, .success): break  // the rename may have come before the wish to stop
    default: return []
    }
    switch result {
    case .success(let done):
      hasPart = false
      failure = nil
      phase = .resting(.done(verified: done.verified))
      return []
    case .failure(let failure):
      if failure.retry == .now, planner?.isComplete == false {
        phase = .fetching
        return register(failure, progressed: false, now: now)
      }
      return fail(failure, now: now)
    }
  }

  package mutating func closed(_ failure: Failure?) -> [DownloadEffect] {
    guard case .closing(let rest) = phase else { return [] }
    hasPart = false
    phase = .resting(rest)
    guard let failure else { return [] }
    if case .failed = rest { return [] }
    self.failure = failure
    phase = .resting(.failed(failure))
    return []
  }

  // MARK: - Transfers

  /// Opens one more transfer, as `id`, when there is something for it to do.
  package mutating func openNext(id: TransferID, now: Instant) -> [DownloadEffect] {
    switch phase {
    case .probing:
      let range = ByteRange(0, policy.sizing.smallest)
      return open(id, range: range, whole: false, now: now)
    case .fetching: return openSegment(id: id, now: now)
    default: return []
    }
  }

  private mutating func openSegment(id: TransferID, now: Instant) -> [DownloadEffect] {
    guard planner != nil else { return [] }
    if let range = assign(id) { return open(id, range: range, whole: isWhole(range), now: now) }
    guard rangesSupported == true, let planner else { return [] }
    if let takeover = planner.takeover(minimum: 4 << 20, minimumSeconds: max(1, 4 * roundTrip)) {
      return [.shrink(victim: takeover.victim, offset: takeover.offset, heir: id)]
    }
    // Less than two blocks with a silent connection: end it, another one fetches the rest.
    if let i = attempts.firstIndex(where: { !$0.stopping && now - $0.lastMoved > policy.suspicion }),
      attempts.count > 1 || planner.received > 0
    {
      attempts[i].stopping = true
      return [.stopTransfer(attempts[i].id)]
    }
    return []
  }

  private mutating func assign(_ id: TransferID) -> ByteRange? {
    let rates = planner?.active.map(\.rate).filter { $0 > 0 } ?? []
    let rate = rates.isEmpty ? 0 : rates.reduce(0, +) / Double(rates.count)
    let single = isSmall || rangesSupported == false || planner?.size == .max
    let length = single ? Int.max : policy.sizing.length(rate: rate, roundTrip: roundTrip)
    return planner?.assign(to: id, length: length, window: policy.sizing.window)
  }

  /// A range that is asked for without a `Range` header.
  private func isWhole(_ range: ByteRange) -> Bool {
    range.start == 0 && (isSmall || rangesSupported == false || range.end == .max)
  }

  /// The writer of `victim` now ends at `limit`; what it gave away goes to `heir`.
  package mutating func split(victim: TransferID, limit: Int, heir: TransferID, now: Instant)
    -> [DownloadEffect]
  {
    guard let i = attempts.firstIndex(where: { $0.id == victim }), limit < attempts[i].range.end else {
      return []
    }
    let freed = ByteRange(limit, attempts[i].range.end)
    attempts[i].range.end = limit
    planner?.shrink(victim, to: limit)
    guard case .fetching = phase else { return [] }
    planner?.assign(freed, to: heir)
    return open(heir, range: freed, whole: false, now: now)
  }

  private mutating func open(_ id: TransferID, range: ByteRange, whole: Bool, now: Instant)
    -> [DownloadEffect]
  {
    attempts.append(
      Attempt(
        id: id, range: range, opened: now, lastMoved: now, position: range.start,
        retries: retriesAt[range.start] ?? 0))
    let address = resolvedURL ?? url
    return [
      .openTransfer(
        TransferPlan(
          id: id, url: address, range: range, whole: whole, trusted: Address.sameOrigin(address, url),
          shared: isSmall, writes: planner != nil,
          mayBeWhole: range.start == 0 && attempts.count == 1 && planner?.have.isEmpty ?? true,
          expected: identity))
    ]
  }

  /// An answer's head passed the rules; its bytes may come now (they come on another thread).
  package mutating func answered(
    _ id: TransferID, head: ResponseHead, verdict: ResponseVerdict, digests: [Digest], now: Instant
  ) -> [DownloadEffect] {
    guard let i = attempts.firstIndex(where: { $0.id == id }), !attempts[i].stopping else { return [] }
    attempts[i].answered = true
    attempts[i].lastMoved = now
    let found: ObjectIdentity
    switch verdict {
    case .part(_, let identity):
      rangesSupported = true
      found = identity
    case .whole(let identity), .wholeInsteadOfPart(let identity):
      if !isSmall { rangesSupported = false }
      found = identity
    case .empty(let identity): found = identity
    case .redirect, .refused: return []
    }
    if serverDigests.isEmpty { serverDigests = digests }
    return learn(found, from: attempts[i], verdict: verdict, head: head)
  }

  private mutating func learn(
    _ found: ObjectIdentity, from attempt: Attempt, verdict: ResponseVerdict, head: ResponseHead
  ) -> [DownloadEffect] {
    if identity == nil || identity?.validator == nil { identity = found }
    if case .probing = phase {
      // Without ranges this one answer carries everything.
      if rangesSupported == false { replaceRange(of: attempt.id, with: ByteRange(0, found.size ?? .max)) }
      phase = .opening(then: nil)
      return [.openStore(nameFrom: head)]
    }
    guard case .fetching = phase, var planner else { return [] }
    if case .wholeInsteadOfPart = verdict {
      // No ranges here: this answer carries everything, and its receiver lets it, so it becomes the one segment.
      let whole = ByteRange(0, found.size ?? .max)
      planner = SegmentPlanner(size: whole.end, blockSize: planner.blockSize)
      planner.assign(whole, to: attempt.id)
      replaceRange(of: attempt.id, with: whole)
    } else if planner.size == .max, let size = found.size {
      planner = SegmentPlanner(size: size, blockSize: SegmentPlanner.blockSize(for: size), have: planner.have)
      let range = ByteRange(attempt.range.start, min(attempt.range.end, size))
      planner.assign(range, to: attempt.id)
      replaceRange(of: attempt.id, with: range)
    }
    self.planner = planner
    return [.identify(found)]
  }

  private mutating func replaceRange(of id: TransferID, with range: ByteRange) {
    guard let i = attempts.firstIndex(where: { $0.id == id }) else { return }
    attempts[i].range = range
  }

  /// A 200 where a part was asked for, and bytes are already here: they cannot be joined.
  private mutating func restartWithoutRanges() -> [DownloadEffect] {
    startOver = true
    let failure = Failure(
      .server, retry: .now, "The server sent all of '\(spec.title)' where a part was asked for.",
      remedy: "It gives no ranges: the file is fetched from its beginning, in one piece.")
    self.failure = failure
    return [.log(.warning, failure.text)] + close(.waiting)
  }

  /// Progress of an open transfer, from its counters.
  package mutating func progress(_ id: TransferID, position: Int, rate: Double, now: Instant) {
    guard let i = attempts.firstIndex(where: { $0.id == id }) else { return }
    planner?.advance(id, to: position, rate: rate)
    guard position > attempts[i].position else { return }
    attempts[i].position = position
    attempts[i].lastMoved = now
    failures = 0
    failure = nil
    notBefore = nil
  }

  /// A connect took that long: about one round trip.
  package mutating func measured(roundTrip seconds: Double) {
    roundTrip = roundTrip > 0 ? min(roundTrip, seconds) : seconds
  }

  package mutating func ended(_ outcome: TransferOutcome, now: Instant) -> [DownloadEffect] {
    guard let i = attempts.firstIndex(where: { $0.id == outcome.id }) else { return [] }
    let attempt = attempts.remove(at: i)
    let progressed = outcome.position > attempt.range.start
    planner?.end(outcome.id, at: outcome.position)
    if progressed {
      failures = 0
      retriesAt[attempt.range.start] = nil
    }
    if case .closing(let rest) = phase { return attempts.isEmpty ? suspend(rest) : [] }
    switch outcome.reason {
    case .stopped:
      guard attempt.stalled else { return finishIfComplete() }
      return retryAt(
        outcome.position, Failure.stalled(spec.title, seconds: policy.stallTimeout), progressed: progressed,
        now: now)
    case .failed(let failure): return retryAt(outcome.position, failure, progressed: progressed, now: now)
    case .rejected: return rejected(outcome.verdict, at: outcome.position, now: now)
    case .completed: return completed(attempt, outcome, progressed: progressed, now: now)
    }
  }

  private mutating func completed(
    _ attempt: Attempt, _ outcome: TransferOutcome, progressed: Bool, now: Instant
  ) -> [DownloadEffect] {
    if case .opening = phase { return [] }  // an empty object: nothing waited for the file
    if let planner, planner.size == .max {
      // The server gave no length; where its framing ended is where the file ends.
      self.planner = SegmentPlanner(size: outcome.position, blockSize: planner.blockSize, have: planner.have)
      identity?.size = outcome.position
      return finishIfComplete()
    }
    if outcome.position < attempt.range.end {
      let text =
        "The server's answer for '\(spec.title)' ended at byte \(outcome.position), not at \(attempt.range.end)."
      return retryAt(
        outcome.position, Failure(.server, retry: .later(after: nil), text), progressed: progressed, now: now)
    }
    return finishIfComplete()
  }

  private mutating func rejected(_ verdict: ResponseVerdict?, at position: Int, now: Instant)
    -> [DownloadEffect]
  {
    switch verdict {
    case .redirect(let location, _): return redirected(to: location, now: now)
    case .refused(let failure): return retryAt(position, failure, progressed: false, now: now)
    case .wholeInsteadOfPart: return restartWithoutRanges()
    case .empty: return finishIfComplete()
    default: return []
    }
  }

  private mutating func redirected(to location: String, now: Instant) -> [DownloadEffect] {
    let base = resolvedURL ?? url
    redirectsLeft -= 1
    guard redirectsLeft >= 0, let next = Address.resolve(location, against: base) else {
      let why = redirectsLeft < 0 ? "more than \(policy.redirects) redirects" : "a redirect to '\(location)'"
      return fail(Failure(.server, retry: .never, "Could not fetch '\(spec.title)': \(why)."), now: now)
    }
    if Address.isDowngrade(from: base, to: next) {
      let failure = Failure(
        .tls, retry: .never,
        "Could not fetch '\(spec.title)': the server redirects from https to plain http.",
        remedy: "Anyone on the way could change the file; ask for the http address itself if that is wanted.")
      return fail(failure, now: now)
    }
    resolvedURL = next
    return []
  }

  // MARK: - Failures

  private mutating func retryAt(_ position: Int, _ failure: Failure, progressed: Bool, now: Instant)
    -> [DownloadEffect]
  {
    retriesAt[position] = (retriesAt[position] ?? 0) + 1
    return register(failure, progressed: progressed, now: now)
  }

  /// Waits, or gives up, after a failure of one transfer.
  private mutating func register(_ failure: Failure, progressed: Bool, now: Instant) -> [DownloadEffect] {
    let after: Double?
    switch failure.retry {
    case .needsUser, .never: return fail(failure, now: now)
    case .now: after = nil
    case .later(let seconds): after = seconds
    }
    self.failure = failure
    resolvedURL = nil
    redirectsLeft = policy.redirects
    failures += 1
    if policy.retry.givesUp(after: failures) {
      var last = failure
      last.remedy = "Given up after \(failures) failures in a row. " + failure.remedy
      return fail(last, now: now)
    }
    let delay = policy.retry.delay(failures: failures, retryAfter: after, random: random.unit())
    if !progressed || after != nil { notBefore = now + delay }
    return [.log(.warning, failure.text)]
  }

  private mutating func fail(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    self.failure = failure
    return [.log(.error, failure.text)] + close(.failed(failure))
  }

  private mutating func close(_ rest: Rest) -> [DownloadEffect] {
    phase = .closing(rest)
    guard attempts.isEmpty else {
      for i in attempts.indices { attempts[i].stopping = true }
      return attempts.map { .stopTransfer($0.id) }
    }
    return suspend(rest)
  }

  private mutating func suspend(_ rest: Rest) -> [DownloadEffect] {
    guard hasPart else {
      phase = .resting(rest)
      return []
    }
    return [.suspend]
  }

  private mutating func finishIfComplete() -> [DownloadEffect] {
    guard case .fetching = phase, let planner, planner.isComplete, attempts.isEmpty else { return [] }
    phase = .finishing
    return [.finish(size: planner.size, digests: spec.digests.isEmpty ? serverDigests : spec.digests)]
  }

  // MARK: - Time

  /// Watches for silent transfers. `slack` is added to the allowed silence: seconds that a rate limit of our own may
  /// keep a transfer waiting.
  package mutating func tick(now: Instant, slack: Double) -> [DownloadEffect] {
    var effects: [DownloadEffect] = []
    guard case .fetching = phase else { return [] }
    for i in attempts.indices where !attempts[i].stopping {
      guard now - attempts[i].lastMoved > policy.stallTimeout + slack else { continue }
      attempts[i].stopping = true
      attempts[i].stalled = true
      effects.append(.stopTransfer(attempts[i].id))
    }
    return effects
  }
}

extension Failure {
  static func stalled(_ title: String, seconds: Double) -> Failure {
    Failure(
      .stalled, retry: .later(after: nil),
      "Nothing arrived for '\(title)' in \(Int(seconds)) s, though the connection is open.")
  }
}
