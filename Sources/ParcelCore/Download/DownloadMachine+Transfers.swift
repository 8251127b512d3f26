/// Opening transfers, and what their answers and ends mean for the download.
extension DownloadMachine {
  /// Opens one more transfer, as `id`, when there is something for it to do.
  package mutating func openNext(id: TransferID, kind: TransportKind = .http, now: Instant)
    -> [DownloadEffect]
  {
    switch phase {
    case .probing:
      // Over udt one flow asks for everything, here too: a request boundary in start-up idles a round trip and leaves a burst behind it.
      // No file is longer than 2^40, and a server cuts the range to what it has.
      let length = kind == .udt ? 1 << 40 : policy.sizing.smallest
      let range = ByteRange(0, asksWhole ? .max : length)
      return open(id, kind, range: range, whole: asksWhole, now: now)
    case .asking: return openQuestion(id: id, kind: kind, now: now)
    case .fetching: return openSegment(id: id, kind, now: now)
    default: return []
    }
  }

  mutating func openSegment(id: TransferID, _ kind: TransportKind, now: Instant) -> [DownloadEffect] {
    guard let held = planner?.have.isEmpty else { return [] }
    if !held, attempts.isEmpty, !isRecognizable { return restartUnrecognizable(now: now) }
    if let range = assign(id, kind) { return open(id, kind, range: range, whole: isWhole(range), now: now) }
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

  mutating func assign(_ id: TransferID, _ kind: TransportKind) -> ByteRange? {
    // Over udt one flow asks for everything up to the next byte held: each request boundary idles one round trip.
    if kind == .udt { return planner?.assign(to: id, length: .max) }
    let rates = planner?.active.map(\.rate).filter { $0 > 0 } ?? []
    let rate = rates.isEmpty ? 0 : rates.reduce(0, +) / Double(rates.count)
    let single = isSmall || asksWhole || rangesSupported == false || planner?.size == .max
    let length = single ? Int.max : policy.sizing.length(rate: rate, roundTrip: roundTrip)
    return planner?.assign(to: id, length: length, window: policy.sizing.window)
  }

  /// A range that is asked for without a `Range` header.
  func isWhole(_ range: ByteRange) -> Bool {
    range.start == 0 && (isSmall || asksWhole || rangesSupported == false || range.end == .max)
  }

  /// The writer of `victim` now ends at `limit`; what it gave away goes to `heir`.
  package mutating func split(
    victim: TransferID, limit: Int, heir: TransferID, kind: TransportKind = .http, now: Instant
  ) -> [DownloadEffect] {
    guard let i = attempts.firstIndex(where: { $0.id == victim }), limit < attempts[i].range.end else {
      return []
    }
    let freed = ByteRange(limit, attempts[i].range.end)
    attempts[i].range.end = limit
    planner?.shrink(victim, to: limit)
    guard case .fetching = phase else { return [] }
    planner?.assign(freed, to: heir)
    return open(heir, kind, range: freed, whole: false, now: now)
  }

  mutating func open(
    _ id: TransferID, _ kind: TransportKind, range: ByteRange, whole: Bool, now: Instant
  ) -> [DownloadEffect] {
    attempts.append(
      Attempt(
        id: id, kind: kind, range: range, opened: now, lastMoved: now, position: range.start,
        retries: retriesAt[range.start] ?? 0))
    let address = resolvedURL ?? url
    return [
      .openTransfer(
        TransferPlan(
          id: id, kind: kind, url: address, range: range, whole: whole,
          trusted: Address.sameOrigin(address, url),
          shared: isSmall, writes: planner != nil,
          mayBeWhole: range.start == 0 && attempts.count == 1 && planner?.have.isEmpty ?? true,
          expected: identity, compares: isComparing, fresh: repair != nil && !isSmall))
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
    var remarks: [DownloadEffect] = []
    switch verdict {
    case .part(_, let identity):
      rangesSupported = true
      found = identity
    case .whole(let identity), .wholeInsteadOfPart(let identity):
      found = identity
      guard !isSmall else { break }
      rangesSupported = false
      guard !saidNoRanges else { break }
      saidNoRanges = true
      let text = "this server gives no ranges: one connection, and an interruption starts over"
      remarks.append(.log(.warning, "'\(spec.title)': \(text)"))
    case .empty(let identity): found = identity
    case .redirect, .refused: return []
    }
    if serverDigests.isEmpty { serverDigests = digests }
    if case .part = verdict, case .fetching = phase, !isSmall, !asksWhole, !isRecognizable(found) {
      return restartUnrecognizable(now: now)
    }
    return remarks + learn(found, from: attempts[i], verdict: verdict, head: head)
  }

  mutating func learn(
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

  /// Whether bytes of two answers may stand in one file: a validator tells that the object is the same, or its size and
  /// the whole file's digest do in the end.
  private func isRecognizable(_ identity: ObjectIdentity?) -> Bool {
    guard let identity else { return true }
    return identity.validator != nil
      || (identity.size != nil && !(spec.digests.isEmpty && serverDigests.isEmpty))
  }

  private var isRecognizable: Bool { isRecognizable(identity) }

  /// Nothing would tell whether a second answer belongs to the same object as the first: one answer must bring it all.
  private mutating func restartUnrecognizable(now: Instant) -> [DownloadEffect] {
    asksWhole = true
    let failure = Failure(
      .server, retry: .later(after: nil),
      "The server gives neither a strong ETag nor a date for '\(spec.title)', and no digest is known: parts of it cannot be "
        + "joined.", remedy: "It is fetched in one piece, and an interruption starts over.")
    let last = Failure(
      .server, retry: .never,
      "'\(spec.title)' broke off \(restarts + 1) times, and without ETag, date and digest it cannot be continued.",
      remedy: "Give its size and digest in a manifest, or try again when the connection is better.")
    return restart(because: failure, orEnd: last, now: now)
  }

  mutating func replaceRange(of id: TransferID, with range: ByteRange) {
    guard let i = attempts.firstIndex(where: { $0.id == id }) else { return }
    attempts[i].range = range
  }

  /// A 200 where a part was asked for, and bytes are already here: they cannot be joined.
  mutating func restartWithoutRanges(now: Instant) -> [DownloadEffect] {
    if isComparing {
      let text = "The server gives no ranges, and broke off '\(spec.title)': comparing it from its beginning."
      return compareFromStart(Failure(.server, retry: .later(after: nil), text), now: now)
    }
    let failure = Failure(
      .server, retry: .later(after: nil),
      "The server sent all of '\(spec.title)' where a part was asked for.",
      remedy: "It gives no ranges: the file is fetched from its beginning, in one piece.")
    let last = Failure(
      .server, retry: .never,
      "The server gives no ranges, and broke off '\(spec.title)' \(restarts + 1) times.",
      remedy: "Try again when the connection is better: without ranges nothing that arrived can be kept.")
    return restart(because: failure, orEnd: last, now: now)
  }

  /// Progress of an open transfer, from its counters.
  package mutating func progress(_ id: TransferID, position: Int, rate: Double, now: Instant) {
    guard let i = attempts.firstIndex(where: { $0.id == id }) else { return }
    planner?.advance(id, to: position, rate: rate)
    guard position > attempts[i].position else { return }
    attempts[i].position = position
    attempts[i].lastMoved = now
    // Bytes that still arrive while the download ends do not take away why it ends.
    if case .closing = phase { return }
    failures = 0
    failure = nil
    notBefore = nil
  }

  /// A connect took that long: about one round trip.
  package mutating func measured(roundTrip seconds: Double) {
    roundTrip = roundTrip > 0 ? min(roundTrip, seconds) : seconds
  }

  package mutating func ended(_ outcome: TransferOutcome, now: Instant) -> [DownloadEffect] {
    let effects = judge(outcome, now: now)
    return effects + holdIfDrained(now: now)
  }

  private mutating func judge(_ outcome: TransferOutcome, now: Instant) -> [DownloadEffect] {
    guard let i = attempts.firstIndex(where: { $0.id == outcome.id }) else { return [] }
    let attempt = attempts.remove(at: i)
    let progressed = outcome.position > attempt.range.start
    planner?.end(outcome.id, at: outcome.position)
    if progressed {
      failures = 0
      retriesAt[attempt.range.start] = nil
    }
    if phase.isRepairStep || repair?.asked[outcome.id] != nil {
      if case .asking = phase, !attempt.stopping || attempt.stalled {
        return asked(attempt, outcome, now: now)
      }
    } else if progressed {
      countRepair(ByteRange(attempt.range.start, min(outcome.position, attempt.range.end)))
    }
    if case .closing(let rest) = phase { return attempts.isEmpty ? suspend(rest) : [] }
    if phase.isRepairStep { return [] }
    if outcome.isFree, let failure = outcome.failure {
      return pass(over: failure, progressed: progressed, now: now)
    }
    switch outcome.reason {
    case .stopped:
      guard attempt.stalled else { return finishIfComplete() }
      return retryAt(
        outcome.position, Failure.stalled(spec.title, seconds: policy.stallTimeout), of: attempt,
        progressed: progressed, now: now)
    case .failed(let failure):
      return retryAt(outcome.position, failure, of: attempt, progressed: progressed, now: now)
    case .rejected: return rejected(attempt, outcome, now: now)
    case .completed: return completed(attempt, outcome, progressed: progressed, now: now)
    }
  }

  mutating func completed(
    _ attempt: Attempt, _ outcome: TransferOutcome, progressed: Bool, now: Instant
  ) -> [DownloadEffect] {
    if case .opening = phase { return [] }  // an empty object: nothing waited for the file
    if let planner, planner.size == .max {
      if case .part = outcome.verdict {
        asksWhole = true
        return restartWithoutRanges(now: now)
      }
      if let expected = size, outcome.position != expected {
        return endedElsewhere(attempt, outcome, expected: expected, progressed: progressed, now: now)
      }
      // The server gave no length; where its framing ended is where the file ends.
      self.planner = SegmentPlanner(size: outcome.position, blockSize: planner.blockSize, have: planner.have)
      identity?.size = outcome.position
      return finishIfComplete()
    }
    if outcome.position < attempt.range.end {
      return endedElsewhere(
        attempt, outcome, expected: attempt.range.end, progressed: progressed, now: now)
    }
    return finishIfComplete()
  }

  /// The answer was over, and not where it should have been.
  private mutating func endedElsewhere(
    _ attempt: Attempt, _ outcome: TransferOutcome, expected: Int, progressed: Bool, now: Instant
  ) -> [DownloadEffect] {
    guard outcome.position < expected else {
      let failure = Failure(
        .size, retry: .needsUser,
        "The server sent \(Grouped.text(outcome.position)) bytes of '\(spec.title)', and the manifest says "
          + "\(Grouped.text(expected)).",
        remedy: "The manifest may be older than the file: get a new one.")
      return fail(failure, now: now)
    }
    let text =
      "The server's answer for '\(spec.title)' ended at byte \(outcome.position), not at \(expected)."
    return retryAt(
      outcome.position, Failure(.server, retry: .later(after: nil), text), of: attempt,
      progressed: progressed, now: now)
  }

  mutating func rejected(_ attempt: Attempt, _ outcome: TransferOutcome, now: Instant) -> [DownloadEffect] {
    switch outcome.verdict {
    case .redirect(let location, _): return redirected(to: location, now: now)
    case .refused(let failure) where failure.code == .credentials && resolvedURL != nil && failures == 0:
      // An address that the server redirected to may be good for a while only: ask for a new one, once.
      let again = Failure(failure.code, retry: .now, failure.sentence, remedy: failure.remedy)
      return retryAt(outcome.position, again, of: attempt, progressed: false, now: now)
    case .refused(let failure):
      return retryAt(outcome.position, failure, of: attempt, progressed: false, now: now)
    case .wholeInsteadOfPart: return restartWithoutRanges(now: now)
    case .empty: return finishIfComplete()
    default: return []
    }
  }

  mutating func redirected(to location: String, now: Instant) -> [DownloadEffect] {
    let base = resolvedURL ?? url
    redirectsLeft -= 1
    guard redirectsLeft >= 0, let next = Address.resolve(location, against: base) else {
      let place = Printable.text(Redaction.url(location))
      let why = redirectsLeft < 0 ? "more than \(policy.redirects) redirects" : "a redirect to '\(place)'"
      return fail(Failure(.server, retry: .never, "Could not fetch '\(spec.title)': \(why)."), now: now)
    }
    if Address.isDowngrade(from: base, to: next), !policy.followsDowngrades {
      let failure = Failure(
        .tls, retry: .never,
        "Could not fetch '\(spec.title)': the server redirects from https to plain http.",
        remedy:
          "Anyone on the way could read and change the file; --allow-http-redirects follows such redirects.")
      return fail(failure, now: now)
    }
    resolvedURL = next
    return []
  }
}
