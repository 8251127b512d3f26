/// What a check before the start goes by. Gathering it may take seconds; judging it is pure.
package struct PreflightFacts: Sendable {
  /// The rows to check; findings count them from 0.
  package var specs: [DownloadSpec]
  /// Other rows of the run, checked before: their targets are taken.
  package var others: [DownloadSpec] = []
  /// Bytes that those still need of the disk.
  package var promised = 0
  /// Base URL of file ids.
  package var server: String
  package var overwrite = false
  package var target: TargetFacts
  package var token: TokenFacts?
  /// Why the file of certificate authorities (`--cacert`) cannot be used.
  package var authorities: Failure?
  /// What each server said, in the order of first use; empty when none was asked.
  package var servers: [ServerFacts] = []
  /// Seconds since 1970.
  package var now: Int

  package init(specs: [DownloadSpec], server: String, target: TargetFacts, now: Int) {
    self.specs = specs
    self.server = server
    self.target = target
    self.now = now
  }
}

/// The target folder and what is there of the rows.
package struct TargetFacts: Sendable {
  /// Absolute.
  package var folder: String
  /// The nearest folder that exists: itself, or where it would be made.
  package var existing: String
  /// Why it cannot be used at all: not a folder, no answer.
  package var failure: String?
  /// Why no file can be made there, in the system's words.
  package var writeFailure: String?
  /// Who works there now.
  package var lock: Failure?
  /// Bytes that this user may still write; nil when the file system does not say.
  package var free: Int?
  /// The user's or the group's quota is what limits `free`.
  package var isQuota = false
  /// Nil where there is no fixed number of them.
  package var freeInodes: Int?
  /// "ext4", "vfat"; nil for an unknown one.
  package var kind: String?
  /// Rows of which something is on disk, ascending by row.
  package var rows: [RowOnDisk] = []
  /// Sub-folders that rows need and that cannot be written, with the system's words, in the order of first use.
  package var badFolders: [(path: String, why: String)] = []

  package init(folder: String, existing: String) {
    self.folder = folder
    self.existing = existing
  }
}

/// What is on disk at one row's target.
package struct RowOnDisk: Hashable, Sendable {
  package enum Final: Hashable, Sendable {
    case absent
    case file(size: Int)
    /// A folder, a device, a link to nothing.
    case other
  }

  package var row: Int
  package var final: Final
  /// Bytes of disk that its `.part` has taken already.
  package var allocated: Int

  package init(row: Int, final: Final, allocated: Int) {
    self.row = row
    self.final = final
    self.allocated = allocated
  }
}

/// The token, without the token.
package struct TokenFacts: Sendable {
  /// Nil: it was given as an argument.
  package var path: String?
  package var failure: Failure?
  package var isOpenToOthers = false
  /// Seconds since 1970, when the token itself says so (`TokenExpiry`).
  package var expires: Int?

  package init(path: String?) { self.path = path }
}

/// One request for one byte, made as a download would make it.
package struct ServerFacts: Sendable {
  package enum Outcome: Sendable {
    /// The last answer after redirects, judged by the rules of downloads, and the beginning of a refusal's body.
    case answered(ResponseHead, ResponseVerdict, body: [UInt8])
    /// No answer, and why.
    case failed(Failure)
    /// Nothing came in time; `connected`: a connection was made.
    case silent(seconds: Double, connected: Bool)
    /// A UDT handshake was tried instead of a request: everything goes over udt.
    case relay(Endpoint, DatagramMeasurement.Outcome)
    /// Its relay's name was not found, in the resolver's words.
    case noRelay(Endpoint, String)
  }

  /// "https://data.example:443"
  package var origin: String
  /// All rows that are fetched from there, ascending.
  package var rows: [Int]
  /// The row that was asked for.
  package var asked: Int
  package var url: String
  package var outcome: Outcome
  /// There is another way to it: a relay, in a run that may use one.
  package var hasRelay = false

  package init(origin: String, rows: [Int], asked: Int, url: String, outcome: Outcome) {
    self.origin = origin
    self.rows = rows
    self.asked = asked
    self.url = url
    self.outcome = outcome
  }
}
