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

  init(id: DownloadID, machine: DownloadMachine, ceiling: Int) {
    self.id = id
    self.machine = machine
    origin = Address.origin(of: machine.url)
    tuner = ConnectionTuner(ceiling: ceiling)
  }

  /// Of one of its URLs.
  func origin(of url: String) -> String { url == machine.url ? origin : Address.origin(of: url) }
}
