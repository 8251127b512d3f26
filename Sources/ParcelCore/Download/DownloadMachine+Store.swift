/// What the store tells a download's machine.
extension DownloadMachine {
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
  mutating func take(_ recovered: Recovered, now: Instant) -> [DownloadEffect] {
    var effects: [DownloadEffect] = []
    wantsOrder = recovered.wantsOrder
    if let remark = recovered.remark { effects.append(.log(.warning, remark)) }
    if !recovered.ranges.isEmpty {
      if startOver { return effects + beginDiscard() }
      if let known = identity, let old = recovered.identity, known.differs(from: old) {
        let failure = Failure(
          .changed, retry: .needsUser,
          "Could not resume '\(spec.title)': the file on the server changed since the partial file was begun.",
          remedy:
            "Fetch it anew (--restart; r in the session), or keep what is here by moving its .part file away."
        )
        return effects + fail(failure, now: now)
      }
      // Without a validator nobody can tell whether the server still has the same object.
      if recovered.identity?.validator == nil {
        let text = "the server gave neither a strong ETag nor a date, so the partial file cannot be continued"
        return effects + [.log(.warning, "'\(spec.title)': \(text): starting over")] + beginDiscard()
      }
      identity = recovered.identity
    } else if let old = recovered.identity, identity?.differs(from: old) ?? true {
      // A journal without bytes: nothing is lost, and its object must not be taken for the new one.
      return effects + beginDiscard()
    }
    startOver = false
    return effects + begin(have: recovered.ranges, now: now)
  }

  mutating func beginDiscard() -> [DownloadEffect] {
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
  mutating func begin(have: ByteRangeSet, now: Instant) -> [DownloadEffect] {
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
    damaged.insert(range)
    mendsDamage = true
    let text = "\(range.count) bytes at \(range.start) on disk are not what was written: fetching them again"
    return [.log(.warning, "'\(spec.title)': \(text)")]
  }

  package mutating func partFailed(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    guard hasPart, !isResting else { return [] }
    if case .closing(let rest) = phase {
      // On its way out already. A failure that stays is worth more than the wish to wait or to pause.
      if case .held = failure.retry { return [] }
      if case .failed(let earlier) = rest, earlier.retry == .never || earlier.retry == .needsUser {
        return []
      }
      self.failure = failure
      phase = .closing(.failed(failure))
      return [.log(.error, failure.text)]
    }
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
        return fetchLost(failure, now: now)
      }
      if failure.code == .digest, failure.retry == .never, case .finishing = phase {
        return mend(failure, now: now)
      }
      return fail(failure, now: now)
    }
  }

  /// `kept`: what of it is on disk and in the journal; nil when nobody knows better than the counters.
  package mutating func closed(_ failure: Failure?, kept: ByteRangeSet? = nil) -> [DownloadEffect] {
    guard case .closing(let rest) = phase else { return [] }
    hasPart = false
    heldBack = nil
    phase = .resting(rest)
    // What was received and could not be written is not here.
    if let kept, let planner {
      self.planner = SegmentPlanner(size: planner.size, blockSize: planner.blockSize, have: kept)
    }
    guard let failure else { return [] }
    if case .failed = rest { return [] }
    self.failure = failure
    // A full disk does not turn a pause into something that goes on by itself.
    if case .held = failure.retry { return [.log(.warning, failure.text)] }
    phase = .resting(.failed(failure))
    return []
  }
}
