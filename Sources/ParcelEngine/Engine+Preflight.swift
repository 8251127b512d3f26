import ParcelCore

/// What a check before the start needs to know.
package struct PreflightInput: Sendable {
  package var specs: [DownloadSpec]
  /// Index in `specs` of each row to check, ascending; nil: all of them.
  package var rows: [Int]?
  /// Downloads of the run that are not to be checked: what has a place already.
  package var others: [DownloadSpec] = []
  /// Bytes that other downloads of the run still need of the disk.
  package var promised = 0
  /// The run fetches already: the rows were added to it.
  package var hasStarted = false
  /// Absolute path of the target folder.
  package var folder: String
  package var server: String
  package var token: String?
  package var tokenFile: String?
  package var headers: [HTTPHeader]
  package var overwrite: Bool
  package var transport: TransportChoice
  package var relay: RelayRule

  package init(
    specs: [DownloadSpec], folder: String, server: String, token: String?, tokenFile: String?,
    headers: [HTTPHeader], overwrite: Bool, transport: TransportChoice, relay: RelayRule
  ) {
    self.specs = specs
    self.folder = folder
    self.server = server
    self.token = token
    self.tokenFile = tokenFile
    self.headers = headers
    self.overwrite = overwrite
    self.transport = transport
    self.relay = relay
  }
}

/// Rows of a session are checked before they begin: until then they are in the list and not in the queue.
extension Engine {
  /// For a check of all rows that had none, but for those that `isKnown` knows about: somebody is being asked about them.
  package func preflightInput(except isKnown: Set<DownloadID> = []) -> PreflightInput {
    var input = PreflightInput(
      specs: specs, folder: options.folder, server: options.server, token: options.token,
      tokenFile: options.tokenFile, headers: options.headers, overwrite: options.overwrite,
      transport: options.transport, relay: options.relay)
    input.rows = []
    input.hasStarted = hasStarted
    guard uncheckedRows > 0 else { return input }
    var rows: [Int] = []
    for index in specs.indices where !isRemoved[index] {
      if isUnchecked[index] {
        if !isKnown.contains(DownloadID(index)) { rows.append(index) }
        continue
      }
      input.others.append(specs[index])
      if !statuses[index].state.isSettled, let size = statuses[index].size {
        input.promised = Self.sum(input.promised, max(0, size - statuses[index].received))
      }
    }
    input.rows = rows
    return input
  }

  private static func sum(_ a: Int, _ b: Int) -> Int {
    let (sum, isOver) = a.addingReportingOverflow(b)
    return isOver ? .max : sum
  }

  /// Puts a waiting row into the queue, unless its check is still to come.
  func enqueue(_ id: DownloadID, to lane: WaitingQueue.Lane) {
    if !isUnchecked[id.index] { queue.append(id, to: lane) }
  }

  func forgetCheck(_ id: DownloadID) {
    guard isUnchecked[id.index] else { return }
    isUnchecked[id.index] = false
    uncheckedRows -= 1
  }

  /// These rows may begin from now on. One that was paused meanwhile stays paused.
  package func release(_ rows: [DownloadID]) {
    for id in rows where exists(id) && isUnchecked[id.index] {
      forgetCheck(id)
      if statuses[id.index].state == .waiting { queue.append(id, to: .new) }
    }
    isDirty = true
    continueWork()
  }

  /// Something that a 401 may be about was sent with requests to the hosts that the user named.
  var hasCredentials: Bool {
    options.token != nil || options.headers.contains { Redaction.isSecret(header: $0.name) }
  }

  /// Leaves rows out that have not begun: they count as failed, with the reason, and can be tried again one by one.
  package func skip(_ skips: [PreflightSkip]) {
    let now = self.now
    let waiting = skips.filter { skip in exists(skip.id) && statuses[skip.id.index].state == .waiting }
    queue.remove(all: Set(waiting.map(\.id)))
    for skip in waiting {
      forgetCheck(skip.id)
      let entry = liveEntry(skip.id)
      let failure = skip.failure(title: specs[skip.id.index].title)
      run(entry.machine.rest(as: .failed(failure)), for: entry, now: now)
      follow(entry, now: now)
    }
    isDirty = true
    settle(now: now)
  }
}
