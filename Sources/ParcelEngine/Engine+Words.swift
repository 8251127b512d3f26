import ParcelCore

/// What the log says in sum, and what rows say while nothing comes.
extension Engine {
  // MARK: - The log

  func trouble(_ failure: Failure, of entry: Live, now: Instant) {
    let place =
      failure.code == .proxy ? entry.route?.relay.map { "the relay " + $0.text } : nil
    outages.add(
      failure, of: entry.id, title: infos[entry.id.index].name,
      at: place ?? URLReference(entry.machine.url)?.hostAndPort ?? entry.origin, isRelay: place != nil,
      now: now)
  }

  /// Writes the lines that are due; with `isLast` all that are left.
  func sumUp(now: Instant, isLast: Bool) {
    if !outages.isEmpty {
      let lines = outages.lines(now: now, isLast: isLast) { progress(of: $0, since: $1) }
      for line in isStopping ? [] : lines { note(line.level, line.text, topic: line.topic) }
    }
    for line in finishLog.lines(now: now, isLast: isLast) { note(.info, line, topic: .rows) }
  }

  private func progress(of id: DownloadID, since: Instant) -> Outages.Progress {
    if statuses[id.index].state.isDone { return goesOn(statuses[id.index].transport) }
    guard let entry = live[id], !isRemoved[id.index], !entry.machine.isResting else { return .left }
    let goesOn = goesOn(entry.lastKind)
    if entry.machine.isFinishing { return goesOn }
    return entry.moved.map { $0 > since } ?? false ? goesOn : .stuck
  }

  private func goesOn(_ last: TransportKind?) -> Outages.Progress { last == .udt ? .goesOn : .goesOnDirect }

  func finished(_ entry: Live, _ status: DownloadStatus, now: Instant) {
    let report = entry.report
    if !entry.machine.isSmall { reports[entry.id] = report }
    finishLog.add(
      FinishLog.File(
        name: infos[entry.id.index].name, bytes: status.size ?? status.received,
        isVerified: status.state == .verified, fetched: report.bytes > 0 ? report : nil),
      now: now)
    isDirty = true
  }

  // MARK: - Rows

  /// Seconds without a byte before a row says so: a connection that takes its usual time is nothing to talk about.
  private static let quiet = 0.5

  /// What a running download waits for while nothing comes; nil while something does.
  func awaited(by entry: Live, now: Instant) -> String? {
    // After a failure there is no usual time any more.
    let quiet = entry.machine.failure == nil ? Self.quiet : 0
    // First, because this is asked of every running file in every turn, and bytes come to most.
    guard now - entry.silentSince > quiet else { return nil }
    let attempts = entry.machine.attempts
    let opened = attempts.lazy.map(\.opened).min() ?? entry.silentSince
    guard now - min(opened, now) > quiet else { return nil }
    guard !attempts.isEmpty else {
      return kind(of: entry) == .udt ? "for its turn over udt" : "for a connection"
    }
    if attempts.contains(where: \.answered) {
      let silence = now - (attempts.lazy.map(\.lastMoved).max() ?? now)
      return silence > options.policy.suspicion ? "for the next byte" : nil
    }
    guard attempts.allSatisfy({ $0.kind == .udt }), let relay = entry.route?.relay else {
      return "for the server"
    }
    // Until its connections carry something nobody is known to be there.
    let path = tunnel?.path(to: relay)
    return path.map { $0.connections > 0 } ?? false ? "for the server" : "for the relay"
  }
}
