import ParcelCore

/// A download that has begun: its machine, and what the machine's effects created. Lives inside the engine's actor.
final class Live {
  let id: DownloadID
  var machine: DownloadMachine
  /// Of the machine's URL: asked for in every turn, and parsing costs.
  let origin: String
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
  /// When `incoming` grew last; nil: not yet.
  var moved: Instant?
  /// Since when nothing has come.
  var silentSince: Instant
  /// Seconds in which a transfer was open, and until when that was counted.
  var busy = 0.0
  private var busyUntil: Instant?
  /// Bytes per second of its best whole second; the history forgets.
  private var peak: Double?
  private var usedHTTP = false
  private var usedUDT = false
  /// How the last transfer went; nil before the first.
  private(set) var lastKind: TransportKind?
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
  /// It could not write, and what the place looks like is being asked.
  var isAskingSpace = false
  /// It waits for the right to write to this folder.
  var closedFolder: String?
  /// Counted in `Engine.settling`.
  var isSettling = false

  init(id: DownloadID, machine: DownloadMachine, ceiling: Int, now: Instant) {
    self.id = id
    silentSince = now
    self.machine = machine
    origin = Address.origin(of: machine.url)
    tuner = ConnectionTuner(ceiling: ceiling)
  }

  /// Keeps the account of time and rates; in every look at the counters, with `incoming` as it was before.
  func account(before: Int, now: Instant) {
    if incoming > before {
      moved = now
      silentSince = now
    }
    if !receivers.isEmpty { busy += busyUntil.map { max(0, now - $0) } ?? 0 }
    busyUntil = receivers.isEmpty ? nil : now
    let seconds = history.values.count
    history.observe(count: incoming, now: now)
    if history.values.count != seconds || seconds == history.capacity, let last = history.values.last {
      peak = max(last, peak ?? 0)
    }
  }

  /// A transfer begins.
  func opened(_ kind: TransportKind, now: Instant) {
    if kind == .udt { usedUDT = true } else { usedHTTP = true }
    lastKind = kind
    if busyUntil == nil { busyUntil = now }
  }

  /// What this run has done for it so far.
  var report: FetchReport {
    FetchReport(
      bytes: incoming, seconds: busy, peak: incoming > 0 ? peak : nil, usedHTTP: usedHTTP, usedUDT: usedUDT)
  }

  /// Of one of its URLs.
  func origin(of url: String) -> String { url == machine.url ? origin : Address.origin(of: url) }
}
