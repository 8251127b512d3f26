import ParcelCore

/// Full disks: everything that writes there pauses, and goes on when there is room.
extension Engine {
  static func folder(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  /// Where a download that found no room was writing: the store knows.
  func askSpace(_ entry: Live) {
    guard !entry.isAskingSpace, let path = entry.path else { return }
    entry.isAskingSpace = true
    asksSpace += 1
    let id = entry.id
    store.space(of: Self.folder(path)) { [inbox] result in inbox.post(.space(id, nil, result)) }
  }

  func heldRows(on volume: VolumeID) -> [DownloadID] {
    held { id, hold in hold != .token && live[id]?.volume == volume }
  }

  // MARK: - What the store said

  func looked(
    _ id: DownloadID?, _ volume: VolumeID?, _ result: Result<VolumeSpace, Failure>, now: Instant
  ) {
    let space = try? result.get()
    if let id { return began(id, space, result, now: now) }
    guard let volume, let index = volumeWaits.firstIndex(where: { $0.volume == volume }) else { return }
    let wait = volumeWaits[index]
    // Something else may be mounted there now.
    let free = space?.volume == wait.volume ? space?.free : space.map { _ in Int.max }
    let goes = volumeWaits[index].looked(
      free: free, needed: missing(on: volume), least: least(on: volume), stored: totals.received, now: now)
    isDirty = true
    guard goes else { return }
    let rows = heldRows(on: volume)
    let status = volumeWaits[index].status(files: rows.count, now: now)
    if !rows.isEmpty { changed(.ended, status, Self.welcome(status), now: now) }
    goOn(rows, now: now)
  }

  private func began(
    _ id: DownloadID, _ space: VolumeSpace?, _ result: Result<VolumeSpace, Failure>, now: Instant
  ) {
    asksSpace -= 1
    guard let entry = live[id] else { return }
    entry.isAskingSpace = false
    guard let kind = statuses[id.index].hold, kind != .token else { return }
    guard let space else {
      // Not even a look is possible there: nothing to wait for.
      if case .failure(var failure) = result {
        failure.retry = .needsUser
        _ = entry.machine.rest(as: .failed(failure))
        entry.machine.remember(failure)
        note(.error, failure.text)
        refreshStatus(entry, now: now)
      }
      return
    }
    entry.volume = space.volume
    if let path = entry.path { learned(Self.folder(path), space.volume) }
    let index = waitIndex(space)
    let isNew = volumeWaits[index].began(
      kind, free: space.free, needed: missing(on: space.volume), stored: totals.received, now: now)
    guard isNew else { return }
    pauseOthers(on: space.volume, kind, space.place, now: now)
    let status = volumeWaits[index].status(files: max(1, heldRows(on: space.volume).count), now: now)
    changed(.began, status, status.text, now: now)
  }

  private func waitIndex(_ space: VolumeSpace) -> Int {
    if let index = volumeWaits.firstIndex(where: { $0.volume == space.volume }) { return index }
    volumeWaits.append(VolumeWait(volume: space.volume, place: space.place))
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

  /// It was opened while others found out that there is no room.
  func pauseIfFull(_ entry: Live, now: Instant) {
    guard let wait = volumeWaits.first(where: { $0.isOn && $0.volume == entry.volume }) else { return }
    pause(entry, wait.kind, wait.place, now: now)
  }

  private func pause(_ entry: Live, _ kind: Failure.Hold, _ place: String, now: Instant) {
    let machine = entry.machine
    guard !machine.isFinishing, !machine.isSmall, !machine.isComingToRest else { return }
    let failure = Failure(
      .disk, retry: .held(kind), "Paused '\(machine.spec.title)': no space left on \(place).",
      remedy: "Free some space: it goes on by itself then. Progress is kept.")
    entry.machine.remember(failure)
    run(entry.machine.rest(as: .failed(failure)), for: entry, now: now)
    follow(entry, now: now)
  }

  private static func welcome(_ hold: HoldStatus) -> String {
    let files = hold.files == 1 ? "1 file goes on" : "\(Grouped.text(hold.files)) files go on"
    return hold.kind == .quota
      ? "trying the quota of \(hold.place) again: \(files)" : "space on \(hold.place): \(files)"
  }

  // MARK: - Looking

  func lookAtVolumes(now: Instant) {
    for index in volumeWaits.indices where volumeWaits[index].isOn {
      let volume = volumeWaits[index].volume
      guard volumeWaits[index].takeLook(now: now) else { continue }
      guard let id = heldRows(on: volume).first, let path = live[id]?.path else {
        volumeWaits[index].end()
        isDirty = true
        continue
      }
      store.space(of: Self.folder(path)) { [inbox] result in inbox.post(.space(nil, volume, result)) }
    }
  }

  /// Bytes that unfinished downloads lack on that file system; those whose place is not known yet count where the target folder
  /// is.
  private func missing(on volume: VolumeID) -> Int {
    var sum = 0
    for index in statuses.indices where !isRemoved[index] {
      let status = statuses[index]
      guard !status.state.isSettled, status.state != .paused, let size = status.size else { continue }
      let id = DownloadID(index)
      guard (live[id]?.volume ?? volumeOf[folder(of: id)] ?? volume) == volume else { continue }
      sum += max(0, size - status.received)
    }
    return sum
  }

  /// Bytes that the held download there lacks that lacks least; nil when no size is known.
  private func least(on volume: VolumeID) -> Int? {
    heldRows(on: volume).compactMap { id in
      statuses[id.index].size.map { max(0, $0 - statuses[id.index].received) }
    }.min()
  }

  // MARK: - Which downloads would write there

  private func folder(of id: DownloadID) -> String {
    let spec = specs[id.index]
    var path = options.folder
    if !spec.folder.isEmpty { path += "/" + spec.folder }
    // A name may hold folders, too.
    if let name = spec.name { path = Self.folder(path + "/" + name) }
    return path
  }

  func isVolumeHeld(_ id: DownloadID) -> Bool {
    let folder = live[id]?.path.map(Self.folder) ?? folder(of: id)
    // Somebody found no room there a moment ago, and where that is is being asked.
    if asksSpace > 0, live.values.contains(where: { $0.isAskingSpace && $0.path.map(Self.folder) == folder })
    {
      return true
    }
    guard volumeWaits.contains(where: \.isOn) else { return false }
    guard let volume = volumeOf[folder] else {
      ask(folder)
      return true
    }
    return volumeWaits.contains { $0.isOn && $0.volume == volume }
  }

  private func ask(_ folder: String) {
    guard asking.count < 64, asking.insert(folder).inserted else { return }
    store.space(of: folder) { [inbox] result in inbox.post(.folder(folder, (try? result.get())?.volume)) }
  }

  func learned(_ folder: String, _ volume: VolumeID?) {
    asking.remove(folder)
    // Where nobody can look, opening says why.
    volumeOf[folder] = volume ?? VolumeID(.max)
  }
}
