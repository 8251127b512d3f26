import ParcelCore

/// A download that has begun: its machine, and what the machine's effects created. Lives inside the engine's actor.
final class Live {
  let id: DownloadID
  var machine: DownloadMachine
  var part: (any PartFile)?
  /// Path of the final file once it is known.
  var path: String?
  var receivers: [TransferID: Receiver] = [:]
  /// One smoothed rate for each open transfer.
  var meters: [TransferID: SpeedMeter] = [:]
  var meter = SpeedMeter(timeConstant: 3)
  var history = RateHistory(capacity: 600)
  var tuner: ConnectionTuner
  /// Bytes received by all transfers of this run; grows only.
  var incoming = 0
  /// Bytes of each open transfer that are in `incoming`.
  var counted: [TransferID: Int] = [:]
  var hashed = 0
  /// What `--verify-only` found of an unfinished file.
  var audit: PartialAudit?
  /// How its server is reached; nil before its first turn.
  var route: Route?
  /// Over udt it failed in a way that http may not: `auto` leaves it on http.
  var avoidsUDT = false
  /// Answers over udt that broke before their first byte.
  var brokenAnswers = 0
  /// Redirected to another host, which the relay does not reach.
  var leavesRelay = false
  /// Where it is written, as far as known.
  var volume: VolumeID?
  /// Number of the token with which this download got bytes last; nil for none.
  var provenToken: Int?
  /// It found no room, and which file system that was is being asked.
  var isAskingSpace = false
  /// Counted in `Engine.settling`.
  var isSettling = false

  init(id: DownloadID, machine: DownloadMachine, ceiling: Int) {
    self.id = id
    self.machine = machine
    tuner = ConnectionTuner(ceiling: ceiling)
  }
}

/// Waiting downloads in order. Taking from the front is cheap, the rest costs the length of the queue.
struct WaitingQueue {
  private var ids: [DownloadID] = []
  private var head = 0
  private var members: Set<DownloadID> = []

  var isEmpty: Bool { members.isEmpty }

  mutating func append(_ id: DownloadID) {
    guard members.insert(id).inserted else { return }
    ids.append(id)
  }

  /// To the front: the user asked for this one.
  mutating func prepend(_ id: DownloadID) {
    if members.contains(id) { remove(id) }
    members.insert(id)
    ids.removeFirst(head)
    head = 0
    ids.insert(id, at: 0)
  }

  mutating func remove(_ id: DownloadID) {
    guard members.remove(id) != nil else { return }
    ids.removeFirst(head)
    head = 0
    ids.removeAll { $0 == id }
  }

  /// Many at once, for the price of one.
  mutating func remove(all gone: Set<DownloadID>) {
    guard !gone.isEmpty else { return }
    ids.removeFirst(head)
    head = 0
    ids.removeAll { gone.contains($0) }
    members.subtract(gone)
  }

  mutating func removeAll() { self = WaitingQueue() }

  /// The next ones, in order.
  func next(_ count: Int) -> ArraySlice<DownloadID> { ids[min(head, ids.count)...].prefix(count) }

  var first: DownloadID? { head < ids.count ? ids[head] : nil }

  mutating func pop() -> DownloadID? {
    guard head < ids.count else { return nil }
    let id = ids[head]
    head += 1
    members.remove(id)
    if head > 1024, head * 2 > ids.count {
      ids.removeFirst(head)
      head = 0
    }
    return id
  }
}
