import ParcelCore

/// Everything that the snapshots so far say, kept up to date by `apply`. Lines, JSON records and the summary read it.
package struct RunFold: Sendable {
  /// One row of the list, as it is asked for.
  package struct Row: Sendable {
    package var info: DownloadInfo
    package var status: DownloadStatus
    package var removed: Bool
    /// When it first ran in this run.
    package var firstRan: Instant?
    /// Bytes that were here when it first ran, as far as a snapshot showed them.
    package var baseline: Int
  }

  // Columns, index = `DownloadID.index`: the first shares its memory with the engine's.
  private var infos: [DownloadInfo] = []
  private var statuses: [DownloadStatus] = []
  private var removed: [Bool] = []
  /// Of rows that ran.
  private var begins: [DownloadID: (at: Instant, baseline: Int)] = [:]
  package private(set) var totals = Totals()
  package private(set) var phase = Snapshot.Phase.idle
  package private(set) var settings = Settings()
  /// How the servers in use are reached, in the order of first use.
  package private(set) var routes: [RouteStatus] = []
  /// What downloads wait for now.
  package private(set) var holds: [HoldStatus] = []
  /// Time of the first snapshot, or of the earliest change in it; nil before it.
  package private(set) var begin: Instant?
  package private(set) var time = Instant.zero
  /// Bytes that came over the network in this run.
  package var fetched: Int { totals.fetched }
  /// What runs, opens, verifies or will be tried again, ascending.
  package private(set) var live: [DownloadID] = []
  /// What each download that is tried again was last said to fail with, until it gets a byte: the same is not said twice.
  private(set) var said: [DownloadID: (why: String, received: Int)] = [:]

  package init() {}

  /// Seconds since `begin`.
  package var seconds: Double { begin.map { time - $0 } ?? 0 }

  package var count: Int { infos.count }

  package func row(_ id: DownloadID) -> Row? {
    guard infos.indices.contains(id.index) else { return nil }
    let begin = begins[id]
    return Row(
      info: infos[id.index], status: statuses[id.index], removed: removed[id.index], firstRan: begin?.at,
      baseline: begin?.baseline ?? 0)
  }

  package mutating func apply(_ snapshot: Snapshot) {
    if begin == nil {
      let times = snapshot.transitions.map(\.time) + snapshot.routeChanges.map(\.time)
      begin = times.reduce(snapshot.time, min)
    }
    time = snapshot.time
    totals = snapshot.totals
    phase = snapshot.phase
    settings = snapshot.settings
    routes = snapshot.routes
    holds = snapshot.holds
    if let table = snapshot.table {
      infos = table
      statuses.reserveCapacity(table.count)
      for info in table[min(statuses.count, table.count)...] { statuses.append(info.firstStatus) }
      removed.append(contentsOf: repeatElement(false, count: max(0, table.count - removed.count)))
    }
    for id in snapshot.removed where infos.indices.contains(id.index) {
      removed[id.index] = true
      keepLive(id, false)
    }
    for transition in snapshot.transitions where transition.to == .running { noteFirstRun(transition) }
    for change in snapshot.changed where infos.indices.contains(change.id.index) { note(change) }
  }

  mutating func forget(_ id: DownloadID) { said[id] = nil }

  /// True when this failure of a download that will be tried again is news.
  mutating func isNews(_ id: DownloadID, _ failure: Failure?) -> Bool {
    guard let failure else { return true }
    let received = row(id)?.status.received ?? 0
    // Figures in the sentence change with the place in the file; the kind of trouble does not.
    let why = failure.code.rawValue
    if let last = said[id], last.why == why, received <= last.received { return false }
    said[id] = (why, received)
    return true
  }

  private mutating func noteFirstRun(_ transition: Transition) {
    let id = transition.id
    guard infos.indices.contains(id.index) else { return }
    let first = begins[id]?.at
    // Where only the server knows the name, what an earlier run left is found when the file is opened: after the first answer.
    guard first == nil || transition.from == .opening else { return }
    begins[id] = (first ?? transition.time, transition.received ?? statuses[id.index].received)
  }

  private mutating func note(_ change: StatusChange) {
    statuses[change.id.index] = change.status
    let state = change.status.state
    keepLive(change.id, (state.isActive || state == .retrying) && !removed[change.id.index])
  }

  private mutating func keepLive(_ id: DownloadID, _ wanted: Bool) {
    var low = 0
    var high = live.count
    while low < high {
      let middle = (low + high) / 2
      if live[middle] < id { low = middle + 1 } else { high = middle }
    }
    let isThere = low < live.count && live[low] == id
    if wanted && !isThere { live.insert(id, at: low) }
    if !wanted && isThere { live.remove(at: low) }
  }
}
