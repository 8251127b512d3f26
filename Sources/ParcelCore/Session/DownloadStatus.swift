/// Where a download stands, as a person sees it.
package enum DownloadState: String, Sendable, CaseIterable {
  /// Its turn has not come.
  case waiting
  /// Looking at what is on disk, taking the lock, hashing what an earlier run left.
  case opening
  case running
  case paused
  /// Failed for now; tried again by itself at a known moment.
  case retrying
  /// Stopped until its disk has room or there is a new token; goes on by itself then.
  case held
  /// All bytes are here; the digest, the sync or the rename is not done.
  case verifying
  /// The digest was wrong, or blocks went bad on disk: what is wrong is looked for and fetched again.
  case repairing
  /// Complete under its final name, and its digest is right.
  case verified
  /// Complete under its final name; no digest was known.
  case complete
  /// Stopped until the user does something.
  case needsUser
  case failed

  /// Nothing more will happen by itself in this run, and nothing needs to.
  package var isDone: Bool { self == .verified || self == .complete }
  /// Holds connections or works on the disk right now.
  package var isActive: Bool {
    self == .opening || self == .running || self == .verifying || self == .repairing
  }
  /// Nothing more happens unless the user asks for it.
  package var isSettled: Bool { isDone || self == .failed || self == .needsUser }
}

/// What changes about a download while it runs. One row of the list.
///
/// Kept three times for each of perhaps 100,000 rows (engine, screen, records), so what is seldom there is in the heap, and what may
/// be unknown has no byte of its own for that: 56 bytes in all.
package struct DownloadStatus: Hashable, Sendable {
  package var state: DownloadState = .waiting
  /// What its open transfers use; with both open, the newest one's. Nil while none is open.
  package var transport: TransportKind?
  /// As asked for this download, or for all.
  package var choice = TransportChoice.auto
  private var openTransfers: Int32 = 0
  /// Open transfers.
  package var connections: Int {
    get { Int(openTransfers) }
    set { openTransfers = Int32(clamping: newValue) }
  }
  /// Bytes received, as far as they are kept (0 ... size).
  package var received = 0
  /// Bytes that are covered by the running whole-file digest (0 ... received).
  package var hashed = 0
  /// Bytes per second, smoothed over about 3 s.
  package var rate: Double = 0
  /// Bytes, from 0; nil while unknown.
  package var size: Int? {
    get { knownSize < 0 ? nil : knownSize }
    set { knownSize = newValue.map { max(0, $0) } ?? -1 }
  }
  /// Seconds, from 0; nil while unknown.
  package var secondsLeft: Double? {
    get { knownSecondsLeft < 0 ? nil : knownSecondsLeft }
    set { knownSecondsLeft = newValue.map { max(0, $0) } ?? -1 }
  }
  /// Short words for the row when the state alone does not say enough: "in 12 s", "needs a new token: K".
  package var note: String? {
    get { seldom.first?.note }
    set { change { $0.note = newValue } }
  }
  /// The last failure; stays until the next success so that the detail can show it.
  package var failure: Failure? {
    get { seldom.first?.failure }
    set { change { $0.failure = newValue } }
  }
  /// What was wrong on disk and what was done about it; nil: nothing was.
  package var repair: RepairReport? {
    get { seldom.first?.repair }
    set { change { $0.repair = newValue } }
  }
  /// What `--verify-only` found in an unfinished file; nil: nothing was looked for, or nothing is there.
  package var audit: PartialAudit? {
    get { seldom.first?.audit }
    set { change { $0.audit = newValue } }
  }
  /// What it waits for, in state `held`.
  package var hold: Failure.Hold? {
    if state == .held, case .held(let hold) = failure?.retry { hold } else { nil }
  }

  private var knownSize = -1
  private var knownSecondsLeft: Double = -1

  private struct Seldom: Hashable, Sendable {
    var note: String?
    var failure: Failure?
    var repair: RepairReport?
    var audit: PartialAudit?
  }
  /// None or one.
  private var seldom: [Seldom] = []

  private mutating func change(_ change: (inout Seldom) -> Void) {
    var new = seldom.first ?? Seldom()
    change(&new)
    if new == Seldom() { seldom = [] } else { seldom = [new] }
  }

  package init() {}
}

/// What never changes about a download once it is in the table.
package struct DownloadInfo: Hashable, Sendable {
  package var id: DownloadID
  /// Printable: control characters were replaced when it was read.
  package var name: String
  /// Where it comes from, as it was asked for; may hold secrets.
  package var source: DownloadSpec.Source
  /// Bytes, as the manifest says; nil when it does not.
  package var size: Int?

  package init(id: DownloadID, name: String, source: DownloadSpec.Source, size: Int? = nil) {
    self.id = id
    self.name = name
    self.source = source
    self.size = size
  }

  /// What a new row's status is until a snapshot says otherwise; it is not sent.
  package var firstStatus: DownloadStatus {
    var status = DownloadStatus()
    status.size = size
    return status
  }

  /// The URL without secrets, for people. Made when it is wanted: 100,000 of them would fill tens of megabytes.
  package func url(server: String) -> String {
    switch source {
    case .id(let id): Redaction.url(Address.join(server: server, id: id))
    case .url(let url): Redaction.url(url)
    }
  }
}

/// One segment of the selected download: one bar.
package struct SegmentStatus: Hashable, Sendable {
  package enum Activity: String, Sendable {
    case connecting, receiving, paused, stalled
  }

  package var range: ByteRange
  /// Bytes received from `range.start` on.
  package var received: Int
  /// Bytes per second, smoothed.
  package var rate: Double
  /// Seconds since the transfer was opened.
  package var age: Double
  /// How often this place of the file was tried again.
  package var retries: Int
  package var activity: Activity
  package var transport: TransportKind

  package init(
    range: ByteRange, received: Int, rate: Double, age: Double, retries: Int, activity: Activity,
    transport: TransportKind
  ) {
    self.range = range
    self.received = received
    self.rate = rate
    self.age = age
    self.retries = retries
    self.activity = activity
    self.transport = transport
  }
}

/// Everything about the selected download.
package struct DownloadDetail: Hashable, Sendable {
  package var id: DownloadID
  /// Path of the final file, printable.
  package var target: String
  /// The URL that answers after redirects, without secrets; nil before the first answer.
  package var resolvedURL: String?
  package var digests: [Digest]
  /// Ascending by range.
  package var segments: [SegmentStatus]
  /// Bytes on disk, sorted and disjoint: the map is drawn from it, from `status.hashed` and from `segments`.
  package var stored: [ByteRange]
  /// Bytes per second, one value a second, oldest first, at most 600.
  package var history: [Double]
  /// The server's validator (`ETag` or `Last-Modified`), printable.
  package var validator: String?
  /// False: this server gives no ranges, so there is one segment and no resume. Nil while unknown.
  package var rangesSupported: Bool?
  /// How its server is reached; nil before its first transfer.
  package var route: RouteStatus?

  package init(id: DownloadID, target: String) {
    self.id = id
    self.target = target
    digests = []
    segments = []
    stored = []
    history = []
  }
}
