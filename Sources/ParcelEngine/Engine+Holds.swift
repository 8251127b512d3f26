import ParcelCore

/// Downloads that wait for the world around them: who waits for what, when they go on, and when the run gives up.
extension Engine {
  /// A download came to rest because it has to wait. Told once for each rest.
  func hold(_ entry: Live, now: Instant) {
    switch statuses[entry.id.index].hold {
    case .space, .quota, .readOnly, .permission: askSpace(entry)
    case .token, nil: break
    }
  }

  /// Not before something changed: its server takes no token, or its folder's disk is full.
  func isHeld(_ id: DownloadID, _ origin: String) -> Bool {
    if tokenWaits.contains(where: { $0.isClosed && $0.origin == origin }) { return true }
    return isVolumeHeld(id)
  }

  /// Rows that wait for `hold`, ascending.
  func held(_ matches: (DownloadID, Failure.Hold) -> Bool) -> [DownloadID] {
    guard totals.held > 0 else { return [] }
    return live.keys.sorted().filter { id in
      guard exists(id), let hold = statuses[id.index].hold else { return false }
      return matches(id, hold)
    }
  }

  /// Held downloads go on, in their order and before those that have not begun.
  func goOn(_ ids: [DownloadID], now: Instant) {
    for id in ids.reversed() {
      guard let entry = live[id], statuses[id.index].state == .held else { continue }
      _ = entry.machine.rest(as: .waiting)
      refreshStatus(entry, now: now)
      queue.prepend(id)
    }
    hasGivenUp = false
  }

  /// In every tick: looks at file systems that could not be written to, tells the screen what changed, and gives up when nothing else is left.
  func followHolds(now: Instant) {
    guard !isStopping, !volumeWaits.isEmpty || !tokenWaits.isEmpty else { return }
    if hasStarted, !isPausedAll { lookAtVolumes(now: now) }
    endEmptyTokenWaits()
    if !isDirty, holds(now: now) != lastHolds { isDirty = true }
    giveUpIfAlone(now: now)
  }

  /// Those that waited were removed or paused, or had all their bytes after all: the others may try.
  private func endEmptyTokenWaits() {
    for index in tokenWaits.indices where tokenWaits[index].isOn {
      let origin = tokenWaits[index].origin
      if heldRows(of: origin).isEmpty, draining(origin).isEmpty { tokenWaits[index].end() }
    }
  }

  /// Downloads whose open transfers flow on although nothing new may be asked for.
  private func draining(_ origin: String) -> [DownloadID] {
    working.filter { id in
      live[id].map { $0.machine.heldBack != nil && $0.origin == origin } ?? false
    }
  }

  /// What is waited for now.
  func holds(now: Instant) -> [HoldStatus] {
    let volumes = volumeWaits.filter(\.isOn).map { wait in
      wait.status(files: heldRows(of: wait).count, now: now)
    }
    let tokens = tokenWaits.filter(\.isOn).map { wait in
      wait.status(
        files: heldRows(of: wait.origin).count + draining(wait.origin).count,
        renewal: options.tokenRenewal ?? "")
    }
    return (volumes + tokens).filter { $0.files > 0 }
  }

  func changed(_ what: HoldChange.What, _ hold: HoldStatus, _ text: String, now: Instant) {
    holdChanges.append(HoldChange(time: now, what: what, hold: hold, text: Printable.text(text)))
    // For the session's log.
    note(.info, text)
  }

  // MARK: - The end of a run that does not wait for ever

  /// Only held downloads, and such as would be held, are left: they need somebody.
  private func giveUpIfAlone(now: Instant) {
    guard !options.waitsForEver, !hasGivenUp, hasNothingOpen, totals.held > 0, now >= nextHoldCheck,
      asksSpace == 0, asking.isEmpty
    else { return }
    // The whole queue is looked at: not in every tick.
    nextHoldCheck = now + 0.5
    let isAlone = queue.next(.max).allSatisfy { id in
      isRemoved[id.index] || isHeld(id, origin(of: id))
    }
    guard isAlone else { return }
    let left = holds(now: now)
    for id in held({ _, _ in true }) { giveUp(id, now: now) }
    for hold in left {
      changed(.givenUp, hold, Self.farewell(hold), now: now)
    }
    for index in volumeWaits.indices { volumeWaits[index].end() }
    for index in tokenWaits.indices { tokenWaits[index].end() }
    hasGivenUp = true
    settle(now: now)
  }

  private func giveUp(_ id: DownloadID, now: Instant) {
    guard let entry = live[id], var failure = statuses[id.index].failure else { return }
    let hold = statuses[id.index].hold
    failure.retry = .needsUser
    let (act, what) =
      switch hold {
      case .token: ("Get a new token", "one")
      case .readOnly, .permission: ("Make the folder writable, or choose another one,", "that")
      case .space, .quota, nil: ("Free some space", "space")
      }
    failure.remedy =
      "\(act) and run the same command again: it continues. With --until-done it waits for \(what)."
    _ = entry.machine.rest(as: .failed(failure))
    entry.machine.remember(failure)
    refreshStatus(entry, now: now)
  }

  private static func farewell(_ hold: HoldStatus) -> String {
    let what =
      switch hold.kind {
      case .space: "space on \(hold.place)"
      case .quota: "disk quota on \(hold.place)"
      case .readOnly, .permission: "write access to \(hold.place)"
      case .token: "a new token for \(hold.place)"
      }
    let files = hold.files == 1 ? "1 file that waits" : "\(Grouped.text(hold.files)) files that wait"
    return "only \(files) for \(what) are left: ended, progress is kept (--until-done waits)"
  }
}
