/// What happens when all bytes are here and the whole file's digest is wrong (DESIGN: "Digest mismatch").
///
///     finishing ─ mismatch ─► asking ─ parts differ ─► dropping ─► fetching them ─► finishing
///                               │ no digests                                          │ mismatch: round 2, then failed
///                               └────────► preparing ─► fetching (compares) ──────────┘
extension DownloadMachine {
  /// The bytes on disk are compared with what arrives, instead of being new.
  var isComparing: Bool { comparing && repair?.step == .compare }

  /// What is told of it; nil: nothing was ever wrong.
  package var repairReport: RepairReport? {
    guard repair != nil || !damaged.isEmpty else { return nil }
    var report = RepairReport()
    report.blockSize = SegmentPlanner.blockSize(for: size ?? 0)
    var bad = damaged
    if let repair {
      report.round = repair.round
      report.step = repair.step ?? .disk
      report.fetched = repair.fetched
      bad.formUnion(repair.allBad)
    }
    report.fetched += damageFetched
    report.bad = bad.ranges
    return report
  }

  /// A repair is under way, or damaged blocks are on their way again.
  var isRepairing: Bool {
    if repair != nil { return true }
    guard mendsDamage, let planner, planner.size < .max else { return false }
    return planner.size - planner.have.count <= damaged.count
  }

  // MARK: Beginning

  /// Blocks went bad on the disk: the planner knows which. That is no failure of the network, so it is not one of
  /// those that `--retries` counts; a disk that does it again and again is not worth more rounds.
  mutating func fetchLost(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    damageRounds += 1
    guard damageRounds <= 10 else {
      var last = failure
      last.retry = .never
      last.remedy = "They changed \(damageRounds) times: check the disk and the memory of this machine."
      return fail(last, now: now)
    }
    comparing = false
    phase = .fetching
    return [.log(.warning, failure.text)]
  }

  /// The store found the digest wrong and all blocks as they were written.
  mutating func mend(_ mismatch: Failure, now: Instant) -> [DownloadEffect] {
    guard policy.repairs, let size = planner?.size, size > 0, size < .max else {
      return fail(mismatch, now: now)
    }
    comparing = false
    var repair = self.repair ?? Repair(size: size, mismatch: mismatch)
    repair.mismatch = mismatch
    self.repair = repair
    if isSmall { return fetchAgain(size, now: now) }
    guard self.repair?.beginRound() == true else { return giveUp(now: now) }
    failures = 0
    notBefore = nil
    if self.repair?.step == .compare { return prepareComparison() }
    phase = .asking
    let parts = "\(Grouped.text((size + Repair.pieceBytes - 1) / Repair.pieceBytes)) parts"
    let text = "\(mismatch.sentence) Asking the server for digests of \(parts) to find what differs"
    return [.log(.warning, text + " (round \(self.repair?.round ?? 1) of \(Repair.mostRounds)).")]
  }

  /// A small file was never on the disk: it comes again as a whole.
  private mutating func fetchAgain(_ size: Int, now: Instant) -> [DownloadEffect] {
    guard let before = repair?.round, before < Repair.mostRounds else { return giveUp(now: now) }
    let round = before + 1
    repair?.beginSmallRound()
    planner = SegmentPlanner(size: size, blockSize: SegmentPlanner.blockSize(for: size))
    phase = .fetching
    let text = "\(repair?.mismatch.sentence ?? "") Fetching its \(Grouped.text(size)) bytes again"
    return [.log(.warning, text + " (round \(round) of \(Repair.mostRounds)).")]
  }

  private mutating func prepareComparison() -> [DownloadEffect] {
    phase = .preparing
    guard let repair else { return [] }
    let rest = repair.size - repair.compared.count
    let text =
      "'\(spec.title)': the server gives no digests of parts. Fetching \(Grouped.text(rest)) bytes again over "
      + "another connection, to replace what differs (round \(repair.round) of \(Repair.mostRounds); --no-repair "
      + "would leave it as it is)."
    return [.log(.warning, text), .prepareComparison]
  }

  // MARK: Asking

  mutating func openQuestion(id: TransferID, kind: TransportKind, now: Instant) -> [DownloadEffect] {
    guard let asked = repair?.ask(as: id) else { return [] }
    let effects = open(id, kind, range: asked.range, whole: false, now: now)
    return effects.map { effect in
      guard case .openTransfer(var plan) = effect else { return effect }
      plan.question = asked.question
      return .openTransfer(plan)
    }
  }

  /// A question's transfer ended.
  mutating func asked(_ attempt: Attempt, _ outcome: TransferOutcome, now: Instant) -> [DownloadEffect] {
    if let failure = outcome.failure, failure.code != .changed, isPatient(failure, attempt) {
      repair?.askAgain(attempt.id)
      return register(failure, opened: attempt.opened, progressed: false, now: now)
    }
    switch outcome.verdict {
    case .refused(let failure) where failure.code == .changed: return fail(failure, now: now)
    case .redirect(let location, _):
      repair?.askAgain(attempt.id)
      return redirected(to: location, now: now)
    case .part(let range, _) where range == attempt.range:
      return replied(repair?.answered(attempt.id, outcome.partDigests) ?? .goOn, now: now)
    case nil:
      repair?.askAgain(attempt.id)
      guard attempt.stalled else { return [] }
      let failure = Failure.stalled(spec.title, seconds: policy.stallTimeout)
      return register(failure, opened: attempt.opened, progressed: false, now: now)
    default: return replied(repair?.answered(attempt.id, []) ?? .goOn, now: now)
    }
  }

  /// Worth asking the same again: the network's trouble, or the server's for the moment, and not that it does not answer
  /// this kind of question.
  private func isPatient(_ failure: Failure, _ attempt: Attempt) -> Bool {
    switch failure.code {
    case .network, .stalled, .busy, .proxy, .tls: true
    case .server: repair?.serverAnswers == true
    default: false
    }
  }

  private mutating func replied(_ reply: Repair.Reply, now: Instant) -> [DownloadEffect] {
    failures = 0
    switch reply {
    case .check(let range, let algorithm): return [.digestPart(range, algorithm)]
    case .goOn: return []
    case .none:
      repair?.turnToComparing()
      return stopQuestions() + prepareComparison()
    }
  }

  private mutating func stopQuestions() -> [DownloadEffect] {
    for i in attempts.indices { attempts[i].stopping = true }
    return attempts.map { .stopTransfer($0.id) }
  }

  /// The digest of a part as the disk has it.
  package mutating func partDigested(_ range: ByteRange, _ result: Result<[UInt8], Failure>, now: Instant)
    -> [DownloadEffect]
  {
    guard case .asking = phase, var repair else { return [] }
    switch result {
    case .failure(let failure): return fail(failure, now: now)
    case .success(let bytes): repair.checked(range, bytes, blockSize: planner?.blockSize ?? Repair.leafBytes)
    }
    self.repair = repair
    guard repair.isAsked else { return [] }
    guard !repair.bad.isEmpty else { return giveUp(now: now) }
    phase = .dropping
    let report = repairReport ?? RepairReport()
    let names = RepairReport.blockNames(repair.bad.ranges, blockSize: report.blockSize)
    let text =
      "'\(spec.title)': by the server's digests, \(Grouped.text(repair.bad.count)) bytes differ (blocks \(names)): fetching them "
      + "again."
    return [.log(.warning, text), .drop(repair.bad.ranges)]
  }

  /// What differed is out of the journal.
  package mutating func dropped(_ failure: Failure?, now: Instant) -> [DownloadEffect] {
    guard case .dropping = phase, let repair else { return [] }
    if let failure { return fail(failure, now: now) }
    for range in repair.bad.ranges { planner?.lose(range) }
    phase = .fetching
    return []
  }

  // MARK: Comparing

  /// The store is ready to compare.
  package mutating func comparisonPrepared(_ failure: Failure?, now: Instant) -> [DownloadEffect] {
    guard case .preparing = phase, let repair else { return [] }
    if let failure { return fail(failure, now: now) }
    planner = SegmentPlanner(
      size: repair.size, blockSize: SegmentPlanner.blockSize(for: repair.size), have: repair.compared)
    comparing = true
    phase = .fetching
    return finishIfComplete()
  }

  /// Bytes on disk were not what came now, and were replaced.
  package mutating func replaced(_ range: ByteRange) -> [DownloadEffect] {
    guard repair != nil else { return [] }
    repair?.note(bad: range, blockSize: planner?.blockSize ?? Repair.leafBytes)
    return [.log(.info, "'\(spec.title)': bytes \(range) came differently and were replaced.")]
  }

  /// What a transfer brought for the repair.
  mutating func countRepair(_ range: ByteRange) {
    guard !range.isEmpty else { return }
    if isComparing { repair?.compared.insert(range) }
    if repair != nil { repair?.fetched += range.count } else { damageFetched += damaged.count(in: range) }
  }

  /// All that was to be fetched is here. Nil: verify; else what to do instead.
  mutating func afterFetching() -> [DownloadEffect]? {
    guard let repair, repair.step == .compare, !isSmall else { return nil }
    guard comparing else {
      // Taken up again after a pause: what is here was compared only in part.
      return repair.isInterrupted && repair.compared.prefixEnd < repair.size ? resumeComparison() : nil
    }
    comparing = false
    phase = .settling
    return [.settleComparison]
  }

  private mutating func resumeComparison() -> [DownloadEffect] {
    repair?.isInterrupted = false
    return prepareComparison()
  }

  /// Every byte that was compared is written. Without a difference nothing new would come of the digest.
  package mutating func comparisonSettled(_ failure: Failure?, now: Instant) -> [DownloadEffect] {
    guard case .settling = phase, let repair else { return [] }
    if let failure { return fail(failure, now: now) }
    guard !repair.bad.isEmpty else { return giveUp(now: now) }
    phase = .finishing
    return [.finish(size: repair.size, digests: knownDigests)]
  }

  /// Without ranges a break means that the pass begins again; the file stays.
  mutating func compareFromStart(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    repair?.compared = ByteRangeSet()
    planner = SegmentPlanner(size: repair?.size ?? 0, blockSize: planner?.blockSize ?? Repair.leafBytes)
    return register(failure, opened: now, progressed: false, now: now)
  }

  // MARK: The end

  /// Nothing more helps: the part file stays, and the sentence says what was tried.
  mutating func giveUp(now: Instant) -> [DownloadEffect] {
    guard let repair else { return [] }
    let blockSize = SegmentPlanner.blockSize(for: repair.size)
    var failure = repair.mismatch
    failure.sentence += " " + repair.verdict(blockSize: blockSize, isSmall: isSmall)
    failure.remedy = repair.advice(isSmall: isSmall)
    return fail(failure, now: now)
  }
}

extension Repair {
  mutating func beginSmallRound() { addRound(Round(step: .compare, bad: ByteRangeSet([ByteRange(0, size)]))) }

  /// What is known at the end, in words.
  func verdict(blockSize: Int, isSmall: Bool) -> String {
    if isSmall {
      return "It was fetched \(Self.mostRounds + 1) times, and no time was it right."
    }
    if bad.isEmpty {
      return step == .server
        ? "The server's own digests agree with every byte on the disk, so the server's file is not the one of the manifest."
        : "All of it was fetched again, and the same bytes came: the server's file is not the one of the manifest."
    }
    if unstable.isEmpty {
      let names = RepairReport.blockNames(allBad.ranges, blockSize: blockSize)
      return "Repair replaced blocks \(names) in \(rounds.count) rounds, and the digest is still wrong."
    }
    let names = RepairReport.blockNames(unstable.ranges, blockSize: blockSize)
    return
      "Blocks \(names) (of \(Grouped.text(blockSize)) bytes, counted from 0) kept changing: each of "
      + "\(rounds.count) rounds of repair got other bytes for them."
  }

  func advice(isSmall: Bool) -> String {
    if bad.isEmpty {
      return "The bytes are kept in the .part file. Get a new manifest, or ask who runs the server."
    }
    let kept = isSmall ? "" : "The bytes are kept in the .part file. "
    return kept
      + "Something between here and the server changes bytes: try https, another network, or without a proxy."
  }
}
