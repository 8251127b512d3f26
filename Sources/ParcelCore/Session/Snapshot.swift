/// A value copy of what the screen needs, at a capped rate. Rows go over only when they changed.
package struct Snapshot: Sendable {
  /// Where the run as a whole stands.
  package enum Phase: String, Sendable {
    /// Nothing was asked to start yet.
    case idle
    case running
    /// Everything is paused by the user.
    case paused
    /// Every download is done or settled.
    case finished
    /// Saving state before leaving.
    case stopping
  }

  /// When it was taken.
  package var time: Instant
  /// Counts up with each snapshot.
  package var generation: UInt64
  package var phase: Phase
  package var totals: Totals
  /// All rows' fixed data, present when rows were added since the last snapshot; index = `DownloadID.index`.
  package var table: [DownloadInfo]?
  /// Rows removed from the list since the last snapshot.
  package var removed: [DownloadID]
  /// Rows that changed since the last snapshot, ascending by id.
  package var changed: [StatusChange]
  /// Every change of a download's state since the last snapshot, in order (rows show only the latest).
  package var transitions: [Transition]
  /// Detail of the download that was selected with `Command.select`.
  package var detail: DownloadDetail?
  /// Log lines since the last snapshot, oldest first.
  package var log: [LogLine]
  package var settings: Settings
  /// How the servers in use are reached, in the order of first use, at most 16.
  package var routes: [RouteStatus]
  /// Every change of a route since the last snapshot, in order.
  package var routeChanges: [RouteChange]
  /// Every new fact about a repair since the last snapshot, in order.
  package var repairs: [RepairChange] = []
  /// What downloads wait for now, in the order of their beginning.
  package var holds: [HoldStatus] = []
  /// Every beginning and end of such a wait since the last snapshot, in order.
  package var holdChanges: [HoldChange] = []

  package init(time: Instant, generation: UInt64) {
    self.time = time
    self.generation = generation
    phase = .idle
    totals = Totals()
    removed = []
    changed = []
    transitions = []
    log = []
    settings = Settings()
    routes = []
    routeChanges = []
  }
}

/// One row's new status.
package struct StatusChange: Hashable, Sendable {
  package var id: DownloadID
  package var status: DownloadStatus

  package init(id: DownloadID, status: DownloadStatus) {
    self.id = id
    self.status = status
  }
}

/// A download went from one state to another.
package struct Transition: Hashable, Sendable {
  package var id: DownloadID
  package var time: Instant
  package var from: DownloadState
  package var to: DownloadState
  /// Why, when the new state is `retrying`, `held`, `needsUser` or `failed`.
  package var failure: Failure?
  /// Bytes that were there at this moment; nil when unknown.
  package var received: Int?

  package init(
    id: DownloadID, time: Instant, from: DownloadState, to: DownloadState, failure: Failure? = nil,
    received: Int? = nil
  ) {
    self.id = id
    self.time = time
    self.from = from
    self.to = to
    self.failure = failure
    self.received = received
  }
}

/// A repair came to another step or round, or found more.
package struct RepairChange: Hashable, Sendable {
  package var id: DownloadID
  package var time: Instant
  package var report: RepairReport

  package init(id: DownloadID, time: Instant, report: RepairReport) {
    self.id = id
    self.time = time
    self.report = report
  }
}

/// Sums over all downloads in the list.
package struct Totals: Hashable, Sendable {
  package var files = 0
  /// Files that are complete under their final name, verified or not.
  package var done = 0
  /// Files whose digest is right.
  package var verified = 0
  package var failed = 0
  package var needsUser = 0
  /// Files that wait for room on their disk, for write access or for a new token.
  package var held = 0
  package var active = 0
  package var paused = 0
  /// Sum of the known sizes, bytes.
  package var bytes = 0
  /// Files whose size is not known yet.
  package var unsized = 0
  package var received = 0
  /// Bytes that came over the network in this run; those that came twice count twice.
  package var fetched = 0
  /// Bytes of files whose digest is right.
  package var verifiedBytes = 0
  /// Bytes per second now, smoothed over about 3 s.
  package var rate: Double = 0
  /// Seconds from a rate smoothed over about 10 s, nil while unknown.
  package var secondsLeft: Double?
  package var connections = 0
  /// Bytes per second, one value a second, oldest first, at most 3,600. The youngest second is left out until it is over.
  package var history: [Double] = []

  package init() {}
}

/// One line of the log view.
package struct LogLine: Hashable, Sendable {
  package enum Level: String, Sendable { case info, warning, error }
  /// Wall-clock time of day, "14:02:31".
  package var clock: String
  package var level: Level
  /// Printable.
  package var text: String

  package init(clock: String, level: Level, text: String) {
    self.clock = clock
    self.level = level
    self.text = text
  }
}

/// What the session shows of how it is set up.
package struct Settings: Hashable, Sendable {
  /// Name of the first manifest and how many more, empty when nothing was loaded: "demo.tsv", "demo.tsv +2".
  package var title = ""
  package var folder = "."
  package var server = ""
  /// Path of the token file, nil without one. Never the token.
  package var tokenFile: String?
  /// A token is in use that came from no file.
  package var hasOwnToken = false
  /// Connections a file; nil = adapts.
  package var connections: Int?
  /// Files at once; nil = adapts.
  package var files: Int?
  /// Bytes per second, nil = no limit.
  package var rateLimit: Int?
  /// Certificates are not checked. Shown in red all the time.
  package var insecure = false
  package var transport = TransportChoice.auto
  /// Digests are not checked (`--no-verify`).
  package var verifies = true

  package init() {}
}
