import ParcelCore

/// Full disks, and such as cannot be written to: everything that writes there pauses, and goes on when it can.
extension Engine {
  /// What the place looks like where a download could not write: the store knows.
  func askSpace(_ entry: Live) {
    guard !entry.isAskingSpace, let path = entry.path else { return }
    entry.isAskingSpace = true
    asksSpace += 1
    let id = entry.id
    store.space(of: Path.folder(path)) { [inbox] result in inbox.post(.refused(id, result)) }
  }

  func heldRows(of wait: VolumeWait) -> [DownloadID] {
    held { id, hold in
      hold.isOfDisk && live[id].map { $0.volume == wait.volume && $0.closedFolder == wait.folder } ?? false
    }
  }

  // MARK: - What the store said

  /// A look at what downloads wait for.
  func looked(
    _ volume: VolumeID, _ folder: String?, _ result: Result<VolumeSpace, Failure>, now: Instant
  ) {
    guard let index = volumeWaits.firstIndex(where: { $0.volume == volume && $0.folder == folder }) else {
      return
    }
    let wait = volumeWaits[index]
    let space = try? result.get()
    // Something else may be mounted there now.
    let isSame = space?.volume == volume
    let mayWrite = space.map { !isSame || !$0.isReadOnly && (folder == nil || $0.mayWrite) } ?? false
    let goes = volumeWaits[index].looked(
      free: isSame ? space?.free : space.map { _ in Int.max }, needed: missing(on: volume),
      least: least(of: wait),
      mayWrite: mayWrite, stored: totals.received, now: now)
    isDirty = true
    guard goes else { return }
    let rows = heldRows(of: wait)
    let status = volumeWaits[index].status(files: rows.count, now: now)
    if !rows.isEmpty { changed(.ended, status, Self.welcome(status), now: now) }
    goOn(rows, now: now)
  }

  /// What the place looks like where a download could not write.
  func refused(_ id: DownloadID, _ result: Result<VolumeSpace, Failure>, now: Instant) {
    asksSpace -= 1
    guard let entry = live[id] else { return }
    entry.isAskingSpace = false
    guard let kind = statuses[id.index].hold, kind.isOfDisk, var failure = statuses[id.index].failure else {
      return
    }
    let space: VolumeSpace
    switch result {
    case .success(let found) where !Self.isOpen(found, kind): space = found
    case .success:
      // The place is not to blame: nothing there to wait for.
      failure.retry = .needsUser
      return fail(entry, failure, now: now)
    case .failure(var trouble):
      // Not even a look is possible there.
      trouble.retry = .needsUser
      return fail(entry, trouble, now: now)
    }
    entry.volume = space.volume
    entry.closedFolder = kind == .permission ? space.folder : nil
    if let path = entry.path { learned(Path.folder(path), space) }
    let index = waitIndex(space, entry.closedFolder)
    let isNew = volumeWaits[index].began(
      kind, free: space.free, needed: missing(on: space.volume), stored: totals.received, now: now)
    guard isNew else { return }
    // Who writes already may go on where no new name may be made.
    if kind != .permission { pauseOthers(on: space.volume, kind, space.place, now: now) }
    let wait = volumeWaits[index]
    let status = wait.status(files: max(1, heldRows(of: wait).count), now: now)
    changed(.began, status, status.text, now: now)
  }

  private static func isOpen(_ space: VolumeSpace, _ kind: Failure.Hold) -> Bool {
    switch kind {
    case .readOnly: !space.isReadOnly
    case .permission: space.mayWrite
    case .space, .quota, .token: false
    }
  }

  private func fail(_ entry: Live, _ failure: Failure, now: Instant) {
    _ = entry.machine.rest(as: .failed(failure))
    entry.machine.remember(failure)
    note(.error, failure.text)
    refreshStatus(entry, now: now)
  }

  private func waitIndex(_ space: VolumeSpace, _ folder: String?) -> Int {
    if let index = volumeWaits.firstIndex(where: { $0.volume == space.volume && $0.folder == folder }) {
      return index
    }
    let place = folder.map { Printable.text($0) } ?? space.place
    volumeWaits.append(VolumeWait(volume: space.volume, folder: folder, place: place))
    return volumeWaits.count - 1
  }

  /// Whoever writes there would fail at the next byte: better now, with everything saved. Those that have all their bytes
  /// need no room any more.
  private func pauseOthers(on volume: VolumeID, _ kind: Failure.Hold, _ place: String, now: Instant) {
    for id in working {
      guard let entry = live[id], entry.volume == volume else { continue }
      pause(entry, kind, place, now: now)
    }
  }

  /// It was opened while others found out that nothing can be written there.
  func pauseIfFull(_ entry: Live, now: Instant) {
    guard
      let wait = volumeWaits.first(where: { $0.isOn && $0.folder == nil && $0.volume == entry.volume })
    else { return }
    pause(entry, wait.kind, wait.place, now: now)
  }

  private func pause(_ entry: Live, _ kind: Failure.Hold, _ place: String, now: Instant) {
    let machine = entry.machine
    guard !machine.isFinishing, !machine.isSmall, !machine.isComingToRest else { return }
    let isReadOnly = kind == .readOnly
    let cause = isReadOnly ? "\(place) is read-only" : "no space left on \(place)"
    let failure = Failure(
      .disk, retry: .held(kind), "Paused '\(machine.spec.title)': \(cause).",
      remedy:
        "\(isReadOnly ? "Make it writable" : "Free some space"): it goes on by itself then. Progress is kept."
    )
    entry.closedFolder = nil
    entry.machine.remember(failure)
    run(entry.machine.rest(as: .failed(failure)), for: entry, now: now)
    follow(entry, now: now)
  }

  private static func welcome(_ hold: HoldStatus) -> String {
    let files = hold.files == 1 ? "1 file goes on" : "\(Grouped.text(hold.files)) files go on"
    switch hold.kind {
    case .quota: return "trying the quota of \(hold.place) again: \(files)"
    case .readOnly, .permission: return "\(hold.place) can be written to again: \(files)"
    case .space, .token: return "space on \(hold.place): \(files)"
    }
  }

  // MARK: - Looking

  func lookAtVolumes(now: Instant) {
    for index in volumeWaits.indices where volumeWaits[index].isOn {
      guard volumeWaits[index].takeLook(now: now) else { continue }
      let wait = volumeWaits[index]
      guard let id = heldRows(of: wait).first, let path = live[id]?.path else {
        volumeWaits[index].end()
        isDirty = true
        continue
      }
      store.space(of: wait.folder ?? Path.folder(path)) { [inbox] result in
        inbox.post(.looked(wait.volume, folder: wait.folder, result))
      }
    }
  }

  /// Bytes that unfinished downloads lack on that file system; those whose place is not known yet count where the target folder
  /// is.
  private func missing(on volume: VolumeID) -> Int {
    var sum = 0
    for index in statuses.indices where !isRemoved[index] {
      let status = statuses[index]
      let id = DownloadID(index)
      guard !status.state.isSettled, status.state != .paused, let lack = lack(of: id) else { continue }
      guard (live[id]?.volume ?? homes[folder(of: id)]?.volume ?? volume) == volume else { continue }
      sum += lack
    }
    return sum
  }

  /// Bytes that the held download there lacks that lacks least; nil when no size is known.
  private func least(of wait: VolumeWait) -> Int? {
    heldRows(of: wait).compactMap(lack).min()
  }

  /// Bytes; nil when its size is unknown.
  private func lack(of id: DownloadID) -> Int? {
    statuses[id.index].size.map { max(0, $0 - statuses[id.index].received) }
  }

  // MARK: - Which downloads would write there

  private func folder(of id: DownloadID) -> String {
    let spec = specs[id.index]
    var path = options.folder
    if !spec.folder.isEmpty { path += "/" + spec.folder }
    // A name may hold folders, too.
    if let name = spec.name { path = Path.folder(path + "/" + name) }
    return path
  }

  func isVolumeHeld(_ id: DownloadID) -> Bool {
    let folder = live[id]?.path.map(Path.folder) ?? folder(of: id)
    // Somebody could not write there a moment ago, and what the place looks like is being asked.
    if asksSpace > 0, live.values.contains(where: { $0.isAskingSpace && $0.path.map(Path.folder) == folder })
    {
      return true
    }
    guard volumeWaits.contains(where: \.isOn) else { return false }
    guard let home = homes[folder] else {
      ask(folder)
      return true
    }
    return volumeWaits.contains {
      $0.isOn && $0.volume == home.volume && ($0.folder == nil || $0.folder == home.folder)
    }
  }

  private func ask(_ folder: String) {
    guard asking.count < 64, asking.insert(folder).inserted else { return }
    store.space(of: folder) { [inbox] result in inbox.post(.folder(folder, try? result.get())) }
  }

  func learned(_ folder: String, _ space: VolumeSpace?) {
    asking.remove(folder)
    // Where nobody can look, opening says why.
    homes[folder] =
      space.map { Home(volume: $0.volume, folder: $0.folder) } ?? Home(volume: VolumeID(.max), folder: "")
  }

  /// A file of that folder could be opened.
  func wrote(in folder: String, _ volume: VolumeID) {
    if homes[folder]?.volume != volume { homes[folder] = Home(volume: volume, folder: folder) }
  }
}

extension Engine {
  /// Where a folder is, or will be made.
  struct Home {
    var volume: VolumeID
    /// The folder itself, or the nearest one above it that was there.
    var folder: String
  }
}
