import ParcelCore

extension Engine {
  /// Adds rows; they wait for their turn (or for `start`), `unchecked` ones for `release` before that.
  package func add(_ new: [DownloadSpec], title: String? = nil, unchecked: Bool = false) {
    let first = specs.count
    if specs.isEmpty { specs = new } else { specs += new }
    infos.reserveCapacity(specs.count)
    statuses.reserveCapacity(specs.count)
    for (offset, spec) in new.enumerated() {
      let id = DownloadID(first + offset)
      infos.append(
        DownloadInfo(id: id, name: Printable.text(spec.title), source: spec.source, size: spec.size))
      var status = infos[id.index].firstStatus
      status.choice = options.transport
      if status.choice != .auto { dirty.insert(id) }
      statuses.append(status)
      isRemoved.append(false)
      isUnchecked.append(unchecked)
      if unchecked { uncheckedRows += 1 }
      enqueue(id, to: .new)
      count(status, 1)
    }
    if let title, !title.isEmpty { names(title) }
    tableChanged = true
    isDirty = true
    continueWork()
  }

  /// The first manifest's name, and how many more.
  private func names(_ title: String) {
    manifests += 1
    if manifests == 1 { firstTitle = title }
    self.title = manifests == 1 ? title : "\(firstTitle) +\(manifests - 1)"
  }

  package func perform(_ command: Command) {
    let now = self.now
    switch command {
    case .start:
      hasStarted = true
      isPausedAll = false
    case .pause(let ids): for id in ids { rest(id, as: .paused, now: now) }
    case .resume(let ids): for id in ids { resume(id, now: now) }
    case .pauseAll:
      isPausedAll = true
      for id in working { rest(id, as: .paused, now: now) }
    case .resumeAll:
      isPausedAll = false
      hasStarted = true
      // To the front, in their order: what has begun goes on before anything else begins.
      for index in statuses.indices.reversed() where statuses[index].state == .paused {
        resume(DownloadID(index), now: now)
      }
    case .retry(let ids): for id in ids { retry(id, now: now) }
    case .remove(let ids): for id in ids { remove(id, now: now) }
    case .setConnections(let count):
      options.connections = count
      if let count, count > options.perHost { setPerHost(count) }
    case .select(let id): selected = id
    case .setTransport(let ids, let choice): setTransport(ids.filter(exists), choice, now: now)
    case .setTransportAll(let choice): setTransportAll(choice, now: now)
    case .openManifest, .add, .setTokenFile, .useToken, .setFolder, .setServer, .answer, .quit:
      break  // done by the session's owner, who reads files and then calls `add` and the setters
    }
    isDirty = true
    refreshStatuses(now: now)
    continueWork()
    publishIfDue(now: now, force: true)
  }

  /// For downloads that have not begun.
  package func setFolder(_ path: String) {
    options.folder = path
    isDirty = true
    continueWork()
  }

  /// For downloads that have not begun.
  package func setServer(_ url: String) {
    options.server = url
    isDirty = true
    continueWork()
  }

  package func setRateLimit(_ bytesPerSecond: Int?) {
    options.rateLimit = bytesPerSecond
    shareRateLimit()
    isDirty = true
    continueWork()
  }

  /// A line for the log from outside (a manifest's remarks, a wrong path).
  package func report(_ level: LogLine.Level, _ text: String) {
    note(level, text)
    settle(now: now)
  }

  func setPerHost(_ count: Int) {
    options.perHost = count
    budget.perHost = count
    for entry in live.values { entry.tuner.ceiling = count }
  }

  func continueWork() {
    fill(now: now)
    settle(now: now)
  }

  // MARK: - One download

  func exists(_ id: DownloadID) -> Bool { specs.indices.contains(id.index) && !isRemoved[id.index] }

  private func rest(_ id: DownloadID, as rest: DownloadMachine.Rest, now: Instant) {
    guard exists(id), !statuses[id.index].state.isSettled else { return }
    queue.remove(id)
    let entry = liveEntry(id)
    run(entry.machine.rest(as: rest), for: entry, now: now)
    follow(entry, now: now)
  }

  private func resume(_ id: DownloadID, now: Instant) {
    guard exists(id), statuses[id.index].state == .paused else { return }
    let entry = liveEntry(id)
    _ = entry.machine.rest(as: .waiting)
    refreshStatus(entry, now: now)
    if isUnchecked[id.index] { return }
    hasStarted = true
    isPausedAll = false
    queue.prepend(id)
  }

  func retry(_ id: DownloadID, now: Instant) {
    guard exists(id) else { return }
    let state = statuses[id.index].state
    guard [.failed, .needsUser, .retrying, .held].contains(state), let entry = live[id] else { return }
    hasStarted = true
    run(entry.machine.retry(now: now), for: entry, now: now)
    follow(entry, now: now)
  }

  private func remove(_ id: DownloadID, now: Instant) {
    guard exists(id) else { return }
    queue.remove(id)
    forgetCheck(id)
    count(statuses[id.index], -1)
    isRemoved[id.index] = true
    newRemoved.append(id)
    dirty.remove(id)
    if selected == id { selected = nil }
    choices[id] = nil
    guard let entry = live[id] else { return }
    run(entry.machine.rest(as: .waiting), for: entry, now: now)
    follow(entry, now: now)
  }
}
