import ParcelCore

extension Engine {
  /// The download's entry, made when it begins.
  func liveEntry(_ id: DownloadID) -> Live {
    if let entry = live[id] { return entry }
    let spec = specs[id.index]
    let machine = DownloadMachine(
      spec: spec, url: address(of: spec), policy: options.policy,
      seed: options.seed &+ UInt64(id.index) &* 0x9E37_79B9_7F4A_7C15)
    let entry = Live(id: id, machine: machine, ceiling: options.perHost)
    live[id] = entry
    return entry
  }

  func address(of spec: DownloadSpec) -> String {
    switch spec.source {
    case .id(let id): Address.join(server: options.server, id: id)
    case .url(let url): url
    }
  }

  func origin(of id: DownloadID) -> String {
    live[id]?.origin ?? Address.origin(of: address(of: specs[id.index]))
  }

  // MARK: - Scheduling

  /// Begins downloads and opens transfers as far as files, connections and hosts allow.
  func fill(now: Instant) {
    guard hasStarted, !isStopping, !hasGivenUp else { return }
    admit(now: now)
    // Everyone gets a first connection before anyone gets a second.
    for first in [true, false] {
      for id in working {
        guard let entry = live[id] else { continue }
        openTransfers(entry, onlyFirst: first, now: now)
      }
    }
  }

  /// Who has a place, and who may get one.
  private struct Places {
    var large = 0
    var small = 0
    var largeOverUDT = 0
    /// Of each host, downloads that wait for another try: while some do, more of them would only wait, too.
    var retrying: [String: Int] = [:]
    /// The next in order has to wait for a place, and so do all behind it.
    var isFull = false
  }

  /// Of one host.
  private static let mostRetrying = 16

  private func admit(now: Instant) {
    guard !isPausedAll, !queue.isEmpty else { return }
    var places = takenPlaces(now: now)
    for lane in WaitingQueue.Lane.allCases where !places.isFull { admit(from: lane, &places, now: now) }
  }

  private func takenPlaces(now: Instant) -> Places {
    var places = Places()
    for id in working {
      guard let entry = live[id] else { continue }
      if entry.machine.state(now: now) == .retrying {
        places.retrying[entry.origin, default: 0] += 1
      }
      guard occupiesSlot(entry, now: now) else { continue }
      if entry.machine.isSmall { places.small += 1 } else { places.large += 1 }
      if !entry.machine.isSmall, kind(of: entry) == .udt { places.largeOverUDT += 1 }
    }
    return places
  }

  private func admit(from lane: WaitingQueue.Lane, _ places: inout Places, now: Instant) {
    // Small files are opened a little ahead of their connections, so that no connection waits for the disk.
    let ahead = options.perHost / 2 + 4
    let limit = options.files ?? options.perHost
    let largeLimit = options.files ?? max(4, options.perHost / 4)
    // Each is looked at once, and of a long queue not all in one turn.
    var looks = min(queue.count(of: lane), 65)
    while looks > 0, let id = queue.first(of: lane) {
      let isSmall = specs[id.index].size.map { $0 < smallFileLimit } ?? false
      // One flow carries one large file after the other.
      let overUDT = !isSmall && expectedKind(of: id, now: now) == .udt
      places.isFull =
        places.small + places.large >= limit + ahead || settling >= 8192
        || !isSmall && places.large >= largeLimit || overUDT && places.largeOverUDT >= options.files ?? 1
      if places.isFull { return }
      _ = queue.pop(from: lane)
      guard !isRemoved[id.index] else { continue }
      let origin = origin(of: id)
      if budget.isHeld(origin, now: now) || isHeld(id, origin)
        || places.retrying[origin, default: 0] >= Self.mostRetrying
      {
        // Its host wants to be left alone, or cannot be reached, or its disk is full: others go first.
        queue.append(id, to: lane)
        looks -= 1
        continue
      }
      if overUDT { places.largeOverUDT += 1 }
      let entry = liveEntry(id)
      run(entry.machine.start(now: now), for: entry, now: now)
      follow(entry, now: now)
      if isSmall { places.small += 1 } else { places.large += 1 }
    }
  }

  /// Verifying and waiting for a retry cost no connection, so others may run meanwhile.
  private func occupiesSlot(_ entry: Live, now: Instant) -> Bool {
    switch entry.machine.state(now: now) {
    case .opening: true
    case .running, .repairing:
      !entry.receivers.isEmpty || !budget.isHeld(entry.origin, now: now)
    default: false
    }
  }

  private func openTransfers(_ entry: Live, onlyFirst: Bool, now: Instant) {
    let route = route(of: entry, now: now)
    let kind = kind(of: entry)
    guard route.mayOpen(kind) else { return }
    let adapted = kind == .udt ? 1 : entry.tuner.target
    let target = onlyFirst ? 1 : options.connections ?? adapted
    if let files = options.files, onlyFirst || entry.machine.isSmall {
      // With a number of files given, small ones opened ahead must not exceed it.
      guard entry.machine.attempts.isEmpty == false || filesWithTransfers < files else { return }
    }
    while entry.machine.wantsTransfer(now: now, target: target, kind: kind) {
      warnWithoutRelay(route, choice: choice(of: entry.id))
      guard let host = takeBudget(entry, route, kind, now: now) else { return }
      let before = entry.machine.attempts.count
      run(entry.machine.openNext(id: newTransfer(), kind: kind, now: now), for: entry, host: host, now: now)
      if entry.machine.attempts.count <= before {
        budget.give(back: host)
        return
      }
    }
  }

  private func newTransfer() -> TransferID {
    nextTransfer += 1
    return TransferID(nextTransfer)
  }

  /// Keeps the lists, the queue and the row in step with the machine.
  func follow(_ entry: Live, now: Instant) {
    let id = entry.id
    list(entry)
    if entry.machine.isResting {
      entry.part = nil
      if !isRemoved[id.index], entry.machine.state(now: now) == .waiting, !isStopping {
        enqueue(id, to: .begun)
      }
    }
    refreshStatus(entry, now: now)
    if statuses[id.index].state == .held { hold(entry, now: now) }
    // A finished download's machine and meters are not needed any more: 100,000 files stay small.
    if entry.machine.isResting, isRemoved[id.index] || statuses[id.index].state.isDone, selected != id {
      live[id] = nil
    }
  }

  private func list(_ entry: Live) {
    let isSettling = entry.machine.isSmall && entry.machine.isFinishing
    if isSettling != entry.isSettling {
      entry.isSettling = isSettling
      settling += isSettling ? 1 : -1
    }
    let position = working.firstIndex { $0 >= entry.id }
    let isListed = position.map { working[$0] == entry.id } ?? false
    let belongs = !entry.machine.isResting && !isSettling
    if belongs, !isListed { working.insert(entry.id, at: position ?? working.count) }
    if !belongs, isListed, let position { working.remove(at: position) }
  }

  // MARK: - Events

  func handle(_ event: EngineEvent, now: Instant) {
    switch event {
    case .opened(let id, let result):
      guard let entry = live[id] else { return }
      if case .success(.ready(let part)) = result {
        entry.part = part
        entry.volume = part.volumeID
        if let path = entry.path, let volume = entry.volume { wrote(in: Path.folder(path), volume) }
      }
      run(entry.machine.opened(result, now: now), for: entry, now: now)
      pauseIfFull(entry, now: now)
      follow(entry, now: now)
    case .audited(let id, let result): audited(id, result, now: now)
    case .answered(let id, let transfer, let head, let verdict):
      with(id, now) { entry in
        if let url = entry.receivers[transfer]?.url { answered.insert(entry.origin(of: url)) }
        learnRelay(head, transfer, of: entry, now: now)
        tokenWorked(transfer, of: entry)
        let digests = ServerDigest.all(in: head)
        return entry.machine.answered(transfer, head: head, verdict: verdict, digests: digests, now: now)
      }
    case .ended(let id, let transfer, let end, let verdict, let position):
      ended(id, transfer, end, verdict, position: position, now: now)
    case .part(let id, .lost(let range)): with(id, now) { $0.machine.lost(range) }
    case .part(let id, .replaced(let range)): with(id, now) { $0.machine.replaced(range) }
    case .partDigested(let id, let range, let result):
      with(id, now) { $0.machine.partDigested(range, result, now: now) }
    case .dropped(let id, let failure): with(id, now) { $0.machine.dropped(failure, now: now) }
    case .comparisonPrepared(let id, let failure):
      with(id, now) { $0.machine.comparisonPrepared(failure, now: now) }
    case .comparisonSettled(let id, let failure):
      with(id, now) { $0.machine.comparisonSettled(failure, now: now) }
    case .part(let id, .failed(let failure)): with(id, now) { $0.machine.partFailed(failure, now: now) }
    case .finished(let id, let result): with(id, now) { $0.machine.finished(result, now: now) }
    case .closed(let id, let failure, let kept): with(id, now) { $0.machine.closed(failure, kept: kept) }
    case .refused(let id, let result): refused(id, result, now: now)
    case .looked(let volume, let folder, let result): looked(volume, folder, result, now: now)
    case .folder(let folder, let space): learned(folder, space)
    case .discarded(let id, let failure): with(id, now) { $0.machine.discarded(failure, now: now) }
    }
  }

  private func with(_ id: DownloadID, _ now: Instant, _ step: (Live) -> [DownloadEffect]) {
    guard let entry = live[id] else { return }
    run(step(entry), for: entry, now: now)
    follow(entry, now: now)
  }

  private func ended(
    _ id: DownloadID, _ transfer: TransferID, _ end: TransferEnd, _ verdict: ResponseVerdict?, position: Int,
    now: Instant
  ) {
    guard let entry = live[id], let receiver = entry.receivers.removeValue(forKey: transfer) else { return }
    if entry.receivers.isEmpty { filesWithTransfers -= 1 }
    opened(receiver.kind, for: entry, -1)
    count(entry, transfer, position: position)
    entry.meters[transfer] = nil
    entry.counted[transfer] = nil
    budget.give(back: receiver.host)
    // Connecting to the tunnel's own socket says nothing about the path.
    if receiver.kind == .http, let seconds = end.connectSeconds { entry.machine.measured(roundTrip: seconds) }
    var verdict = verdict
    if case .refused(var failure) = verdict {
      failure = FailureText.explain(
        failure, head: end.head, body: end.errorBody, title: entry.machine.spec.title, url: receiver.url,
        redirected: receiver.url != entry.machine.url,
        hasToken: hasCredentials && Address.sameOrigin(receiver.url, entry.machine.url))
      failure = aboutToken(failure, receiver, end, of: entry, now: now)
      // Whatever it says: some servers throw back what they were sent.
      let secrets = Redaction.secrets(in: options.headers, url: entry.machine.url) + [options.token ?? ""]
      failure.sentence = Redaction.values(failure.sentence, secrets)
      verdict = .refused(failure)
      if failure.code == .busy, case .later(let after) = failure.retry {
        budget.busy(Address.origin(of: receiver.url), retryAfter: after, now: now)
      }
    }
    var outcome = TransferOutcome(
      id: transfer, position: position, reason: judged(end.reason, receiver), verdict: verdict)
    outcome.partDigests = end.head.map { ServerDigest.part(in: $0) } ?? []
    if receiver.kind == .udt {
      judge(&outcome, receiver, of: entry, answered: end.head != nil, now: now)
      if case .failed(let failure) = outcome.reason, failure.code == .proxy, position == receiver.start,
        !entry.receivers.isEmpty
      {
        // Others get through: the relay takes fewer connections than these.
        budget.busy(receiver.host, retryAfter: nil, now: now)
      }
    }
    run(entry.machine.ended(outcome, now: now), for: entry, now: now)
    if let resolved = entry.machine.resolvedURL, !Address.sameOrigin(resolved, entry.machine.url) {
      entry.leavesRelay = true
    }
    follow(entry, now: now)
  }

  /// A name that nobody knows any more, of a server that answered before: the network that knew it is away (a VPN, a name
  /// server that restarts), and comes back.
  private func judged(_ reason: TransferEnd.Reason, _ receiver: Receiver) -> TransferEnd.Reason {
    guard case .failed(var failure) = reason, failure.code == .network, failure.retry == .needsUser,
      answered.contains(Address.origin(of: receiver.url))
    else { return reason }
    failure.retry = .later(after: nil)
    return .failed(failure)
  }
}
