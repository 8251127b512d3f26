import ParcelCore

extension Engine {
  /// Bytes per second below which a time left would be a guess about nothing.
  private static let slowest = 1000.0

  // MARK: - Counters

  /// Reads what transfers have received since the last look, and feeds meters, tuners and machines.
  func readCounters(now: Instant) {
    for id in working {
      guard let entry = live[id] else { continue }
      let before = entry.incoming
      for attempt in entry.machine.attempts {
        guard let receiver = entry.receivers[attempt.id] else { continue }
        let position = receiver.position
        count(entry, attempt.id, position: position)
        entry.meters[attempt.id]?.observe(count: position, now: now)
        entry.machine.progress(
          attempt.id, position: position, rate: entry.meters[attempt.id]?.rate ?? 0, now: now)
      }
      entry.meter.observe(count: entry.incoming, now: now)
      entry.account(before: before, now: now)
      if entry.route?.isDisturbed == true || kind(of: entry) == .udt {
        entry.tuner.interrupt()
      } else {
        entry.tuner.observe(bytes: entry.incoming, connections: entry.machine.attempts.count, now: now)
      }
    }
    if filesWithTransfers == 0 {
      // Nothing comes: a rate that fades away would look as if something did.
      meter.reset()
      forecast.reset()
    }
    meter.observe(count: incoming, now: now)
    forecast.observe(count: incoming, now: now)
    history.observe(count: incoming, now: now)
    if totals.rate != meter.rate {
      totals.rate = meter.rate
      isDirty = true
    }
  }

  /// Adds what one transfer has received since it was counted last.
  func count(_ entry: Live, _ transfer: TransferID, position: Int) {
    guard let attempt = entry.machine.attempts.first(where: { $0.id == transfer }) else { return }
    let bytes = position - attempt.range.start
    let new = bytes - (entry.counted[transfer] ?? 0)
    guard new > 0 else { return }
    entry.counted[transfer] = bytes
    entry.incoming += new
    incoming += new
    entry.route?.received(new, over: attempt.kind)
    totals.fetched = incoming
  }

  // MARK: - Rows

  func refreshStatuses(now: Instant) {
    for id in working {
      if let entry = live[id] { refreshStatus(entry, now: now) }
    }
    totals.secondsLeft =
      forecast.rate > Self.slowest && totals.unsized == 0
      ? Double(totals.bytes - totals.received) / forecast.rate : nil
  }

  func refreshStatus(_ entry: Live, now: Instant) {
    let index = entry.id.index
    guard !isRemoved[index] else { return }
    let old = statuses[index]
    let new = status(of: entry, old: old, now: now)
    guard new != old else { return }
    count(old, -1)
    count(new, 1)
    statuses[index] = new
    if let report = new.repair, report.isNews(after: old.repair) {
      repairs.append(RepairChange(id: entry.id, time: now, report: report))
    }
    dirty.insert(entry.id)
    isDirty = true
    guard new.state != old.state else { return }
    if options.keepsTransitions {
      transitions.append(
        Transition(
          id: entry.id, time: now, from: old.state, to: new.state, failure: new.failure,
          received: new.received, fetched: entry.incoming))
      if new.state.isDone, !old.state.isDone { finished(entry, new, now: now) }
    }
  }

  private func status(of entry: Live, old: DownloadStatus, now: Instant) -> DownloadStatus {
    // Not a copy of the machine: that costs a retain for each of its parts, for every row in every turn.
    var status = DownloadStatus()
    status.state = entry.machine.state(now: now)
    status.size = entry.machine.size
    status.received = entry.machine.received
    status.connections = entry.machine.attempts.count
    status.failure = entry.machine.restFailure ?? entry.machine.failure
    status.choice = choice(of: entry.id)
    status.repair = entry.machine.repairReport
    if status.state.isDone {
      status.hashed = status.state == .verified ? status.received : 0
      status.transport = entry.lastKind
      status.failure = nil
      return status
    }
    if let part = entry.part, !entry.machine.isSmall { entry.hashed = part.progress().hashed }
    status.hashed = min(entry.hashed, status.received)
    if let heldBack = entry.machine.heldBack { status.failure = heldBack }
    status.audit = entry.audit
    if let audit = entry.audit { status.received = audit.safe }
    guard !entry.machine.isResting else {
      // Small files are kept in memory until they are complete: nothing of an unfinished one is on disk.
      if entry.machine.isSmall { status.received = 0 }
      return status
    }
    status.rate = status.connections > 0 ? entry.meter.rate : 0
    status.transport = entry.machine.attempts.last?.kind
    if status.state == .running { status.note = awaited(by: entry, now: now) }
    if status.rate > Self.slowest, let size = status.size {
      status.secondsLeft = Double(size - status.received) / status.rate
    }
    if status.state == .retrying, let notBefore = entry.machine.notBefore {
      status.note = "again in \(Int(max(1, (notBefore - now).rounded(.up)))) s"
    }
    return status
  }

  /// Adds (+1) or takes away (-1) a row's part of the totals.
  func count(_ status: DownloadStatus, _ sign: Int) {
    totals.files += sign
    if status.state.isDone { totals.done += sign }
    if status.state == .verified {
      totals.verified += sign
      totals.verifiedBytes &+= sign &* (status.size ?? 0)
    }
    if status.state == .failed { totals.failed += sign }
    if status.state == .needsUser { totals.needsUser += sign }
    if status.state == .held { totals.held += sign }
    if status.state.isActive { totals.active += sign }
    if status.state == .paused { totals.paused += sign }
    if let size = status.size { totals.bytes &+= sign &* size } else { totals.unsized += sign }
    totals.received &+= sign &* status.received
    totals.connections += sign * status.connections
  }

  // MARK: - Detail

  /// Where the bytes of unfinished downloads are, for the summary. Small ones have none on disk.
  package func partPaths() -> [DownloadID: String] {
    live.compactMapValues { entry in
      guard !entry.machine.isSmall, entry.machine.received > 0 || entry.audit != nil else { return nil }
      return entry.path.map { $0 + ".part" }
    }
  }

  func detail(of id: DownloadID, now: Instant) -> DownloadDetail? {
    guard specs.indices.contains(id.index), !isRemoved[id.index] else { return nil }
    let spec = specs[id.index]
    let entry = live[id]
    let name = spec.name.map { spec.folder.isEmpty ? $0 : spec.folder + "/" + $0 }
    var detail = DownloadDetail(
      id: id, target: Printable.text(entry?.path ?? options.folder + "/" + (name ?? "(named by the server)")))
    detail.digests = spec.digests
    detail.fetched = reports[id]
    guard let entry else { return detail }
    if !statuses[id.index].state.isDone, entry.incoming > 0 { detail.fetched = entry.report }
    if detail.digests.isEmpty { detail.digests = entry.machine.serverDigests }
    detail.resolvedURL = entry.machine.resolvedURL.map { Redaction.url($0) }
    detail.validator = (entry.machine.identity?.validator).map { Printable.text($0) }
    detail.rangesSupported = entry.machine.rangesSupported
    detail.history = entry.history.values
    detail.route = entry.route.map { routeStatus($0) }
    detail.stored =
      entry.part?.progress().stored.ranges
      ?? (entry.machine.isSmall ? nil : entry.machine.planner?.have.ranges)
      ?? []
    detail.segments = entry.machine.attempts.map { segment($0, of: entry, now: now) }
      .sorted { $0.range.start < $1.range.start }
    return detail
  }

  private func segment(_ attempt: DownloadMachine.Attempt, of entry: Live, now: Instant) -> SegmentStatus {
    let silent = now - attempt.lastMoved
    let activity: SegmentStatus.Activity =
      !attempt.answered && attempt.position == attempt.range.start
      ? .connecting : silent > options.policy.suspicion ? .stalled : .receiving
    let end = min(attempt.range.end, entry.machine.size ?? attempt.range.end)
    return SegmentStatus(
      range: ByteRange(attempt.range.start, max(end, attempt.range.start)),
      received: attempt.position - attempt.range.start, rate: entry.meters[attempt.id]?.rate ?? 0,
      age: now - attempt.opened, retries: attempt.retries, activity: activity, transport: attempt.kind)
  }
}
