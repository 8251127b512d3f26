import ParcelCore

/// How a run ended: for people (`lines`) and for programs (`json`, `--summary`).
package struct Summary: Hashable, Sendable {
  /// A download that is not complete and will not be by itself.
  package struct Trouble: Hashable, Sendable {
    package var id: DownloadID
    package var name: String
    package var url: String
    package var failure: Failure
  }

  /// A download with bytes on disk that is not finished: its `.part` file stays.
  package struct Partial: Hashable, Sendable {
    package var id: DownloadID
    package var name: String
    /// Path of the `.part` file, nil when the caller does not know it.
    package var path: String?
    package var received: Int
    /// Bytes, nil when unknown.
    package var size: Int?
    /// With `--verify-only`: its blocks.
    package var audit: PartialAudit?
  }

  /// A download in which something was wrong on disk.
  package struct Repaired: Hashable, Sendable {
    package var id: DownloadID
    package var name: String
    package var report: RepairReport
    /// It is right now.
    package var mended: Bool
  }

  package var files = 0
  /// Complete under the final name, verified or not.
  package var done = 0
  package var verified = 0
  /// Files that are neither complete nor failed: waiting, paused or interrupted.
  package var unfinished = 0
  /// Sum of the known sizes.
  package var bytes = 0
  /// Bytes that are here, of earlier runs too.
  package var received = 0
  package var verifiedBytes = 0
  /// Bytes that came over the network in this run (`RunFold.fetched`).
  package var fetched = 0
  /// Of the run.
  package var seconds: Double = 0
  /// Ascending by id.
  package var troubles: [Trouble] = []
  /// Ascending by id.
  package var partials: [Partial] = []
  /// Ascending by id.
  package var repairs: [Repaired] = []
  /// What kept the run from beginning.
  package enum Stop: Hashable, Sendable {
    case preflight(PreflightReport)
    /// Before or after that check: a lock, a folder that cannot be made, ...
    case failure(Failure)
  }

  /// What the check before the start found.
  package var preflight = PreflightReport()
  /// Nil: it has begun.
  package private(set) var stop: Stop?
  package var interrupted = false
  package var insecure = false
  /// Digests were compared (not `--no-verify`).
  package var verifies = true
  package var exit = ExitCode.success

  package init() {}

  /// From everything that was seen. `interrupted`: a signal or the user ended it early. `partPath` gives the path of a
  /// download's `.part` file.
  package init(_ fold: RunFold, interrupted: Bool, partPath: (DownloadID) -> String? = { _ in nil }) {
    for index in 0..<fold.count {
      let id = DownloadID(index)
      guard let row = fold.row(id), !row.removed else { continue }
      count(row, id, server: fold.settings.server, partPath)
    }
    fetched = fold.fetched
    seconds = fold.seconds
    self.interrupted = interrupted
    insecure = fold.settings.insecure
    verifies = fold.settings.verifies
    exit = exitCode
  }

  /// Bytes per second over the whole run.
  package var meanRate: Double { seconds > 0 ? Double(fetched) / seconds : 0 }

  private mutating func count(
    _ row: RunFold.Row, _ id: DownloadID, server: String, _ partPath: (DownloadID) -> String?
  ) {
    let status = row.status
    files += 1
    bytes &+= status.size ?? 0
    received &+= status.received
    if let report = status.repair {
      repairs.append(
        Repaired(id: id, name: row.info.name, report: report, mended: status.state == .verified))
    }
    switch status.state {
    case .verified:
      done += 1
      verified += 1
      verifiedBytes += status.size ?? status.received
      return
    case .complete:
      done += 1
      return
    case .failed, .needsUser:
      let unknown = Failure(.network, retry: .never, "No reason is known.")
      troubles.append(
        Trouble(
          id: id, name: row.info.name, url: row.info.url(server: server), failure: status.failure ?? unknown))
    default: unfinished += 1
    }
    if status.received > 0 || status.audit != nil {
      var partial = Partial(
        id: id, name: row.info.name, path: partPath(id), received: status.received, size: status.size)
      partial.audit = status.audit
      partials.append(partial)
    }
  }

  /// Interrupted first; then what the failures say; a run that just stopped with files left is not a success.
  private var exitCode: ExitCode {
    if interrupted { return .interrupted }
    let code = ExitCode(failures: troubles.map(\.failure.code))
    return code == .success && unfinished > 0 ? .someFailed : code
  }
}

extension Summary {
  /// For `--summary`: one JSON object in one line, with a line break at the end.
  package var json: String {
    var record = JSONObject()
    record.add("version", EventRecords.version)
    record.add("type", "summary")
    addMembers(to: &record)
    return record.closed + "\n"
  }

  func addMembers(to record: inout JSONObject) {
    record.add("exit", Int(exit.rawValue))
    record.add("meaning", exit.meaning)
    record.add("interrupted", interrupted)
    record.add("files", files)
    record.add("done", done)
    record.add("verified", verified)
    record.add("failed", troubles.count - skipped)
    record.add("skipped", skipped)
    record.add("unfinished", unfinished)
    record.add("bytes", bytes)
    record.add("received", received)
    record.add("verified_bytes", verifiedBytes)
    record.add("fetched", fetched)
    record.add("seconds", seconds)
    record.add("mean_rate", meanRate, places: 0)
    record.add("insecure", insecure)
    record.add("verifies", verifies)
    record.add("failures", troubles.map(Self.record))
    record.add("partial_files", partials.map(Self.record))
    record.add("repairs", repairs.map(Self.record))
    record.add("stopped", stoppedBy)
    record.add("failure", stopFailure.map(EventRecords.failure))
    if !preflight.findings.isEmpty { record.add("preflight", PreflightRecord.records(preflight)) }
  }

  private var stoppedBy: String? {
    switch stop {
    case .preflight: "preflight"
    case .failure: "failure"
    case nil: nil
    }
  }

  private var stopFailure: Failure? {
    if case .failure(let failure) = stop { failure } else { nil }
  }

  /// Files that were left out before the start.
  package var skipped: Int { troubles.count { $0.failure.code == .skipped } }

  /// Of a run that has not begun. `bytes`: sum of the known sizes.
  package init(stopped stop: Stop, files: Int, bytes: Int, settings: Settings) {
    self.stop = stop
    self.files = files
    self.bytes = bytes
    unfinished = files
    insecure = settings.insecure
    verifies = settings.verifies
    switch stop {
    case .preflight(let report):
      preflight = report
      exit = report.exit
    case .failure(let failure): exit = ExitCode(failure.code)
    }
  }

  private static func record(_ trouble: Trouble) -> JSONObject {
    var record = JSONObject()
    record.add("id", trouble.id.index)
    record.add("name", trouble.name)
    record.add("url", trouble.url)
    record.add("exit", Int(ExitCode(trouble.failure.code).rawValue))
    record.add("failure", EventRecords.failure(trouble.failure))
    return record
  }

  private static func record(_ repair: Repaired) -> JSONObject {
    var record = JSONObject()
    record.add("id", repair.id.index)
    record.add("name", repair.name)
    record.add("mended", repair.mended)
    EventRecords.add(repair.report, to: &record)
    return record
  }

  private static func record(_ partial: Partial) -> JSONObject {
    var record = JSONObject()
    record.add("id", partial.id.index)
    record.add("name", partial.name)
    record.add("path", partial.path)
    record.add("received", partial.received)
    record.add("size", partial.size)
    record.add("checked_blocks", partial.audit?.checked)
    record.add("unrecorded", partial.audit?.unrecorded)
    record.add("bad_blocks", partial.audit?.badBlocks)
    record.add("bad", partial.audit?.bad.map(EventRecords.range) ?? [])
    return record
  }
}

extension Summary {
  /// Most failures and partial files that `lines` names; JSON has all.
  static let mostNamed = 20

  /// For people; no line break at the ends.
  package func lines(_ style: PlainStyle) -> [String] {
    var lines = [headline(style), amounts]
    if interrupted { lines.append("Interrupted; progress is saved. The same command continues.") }
    if !verifies { lines.append("Digests were not compared (--no-verify).") }
    if insecure { lines.append(style.paint("INSECURE: certificates were not checked.", .alarm)) }
    let failed = troubles.filter { $0.failure.code != .skipped }
    let leftOut = troubles.filter { $0.failure.code == .skipped }
    // What helps many is said once, below the first of them.
    var last = ""
    lines += list("Failed:", failed, all: "--summary FILE lists all of them") { trouble in
      let remedy = trouble.failure.remedy
      defer { last = remedy }
      return ["  \(Printable.text(trouble.name)): \(Printable.text(trouble.failure.sentence))"]
        + (remedy.isEmpty || remedy == last ? [] : ["    " + Printable.text(remedy)])
    }
    lines += list("Repaired:", repairs.filter(\.mended), all: "--summary FILE lists all of them") { repair in
      let count = repair.report.blocks
      let blocks = Figures.count(count, "block")
      let bytes = "\(Figures.bytes(repair.report.fetched)) fetched again"
      return ["  \(Printable.text(repair.name)): \(blocks) (\(repair.report.blockNames())), \(bytes)"]
    }
    lines += list("Left out before the start:", leftOut, all: "--summary FILE lists all of them") { trouble in
      ["  " + Printable.text(trouble.failure.sentence)]
    }
    lines += list("Partial files kept:", partials, all: "--summary FILE lists all of them") { partial in
      let path = Printable.text(partial.path ?? partial.name)
      let amount =
        partial.size.map { Figures.bytes(partial.received, of: $0) }
        ?? Figures.bytes(partial.received)
      guard let audit = partial.audit else { return ["  \(path) (\(amount))"] }
      let bad = audit.badBlocks
      let blocks =
        bad == 0
        ? "no bad block"
        : "\(Grouped.text(bad)) bad (\(RepairReport.blockNames(audit.bad, blockSize: audit.blockSize)))"
      return ["  \(path) (\(amount) safe, \(blocks))"]
    }
    return lines
  }

  private func headline(_ style: PlainStyle) -> String {
    var parts = ["\(Grouped.text(done)) of \(Figures.count(files, "file")) complete"]
    parts.append("\(Grouped.text(verified)) verified")
    let failed = troubles.count - skipped
    if failed > 0 { parts.append("\(Grouped.text(failed)) failed") }
    if skipped > 0 { parts.append("\(Grouped.text(skipped)) left out") }
    if unfinished > 0 { parts.append("\(Grouped.text(unfinished)) unfinished") }
    return style.paint(
      parts.joined(separator: ", "), troubles.isEmpty ? (done == files ? .green : nil) : .red)
  }

  private var amounts: String {
    let here = bytes > 0 ? Figures.bytes(received, of: bytes) : Figures.bytes(received)
    guard fetched > 0 else { return "\(here); nothing fetched" }
    let mean = "\(Figures.bytes(fetched)) fetched in \(Figures.elapsed(seconds))"
    return "\(here); \(mean), \(Figures.rate(meanRate)) on average"
  }

  private func list<Item>(_ title: String, _ items: [Item], all: String, _ lines: (Item) -> [String])
    -> [String]
  {
    guard !items.isEmpty else { return [] }
    var text = [title] + items.prefix(Self.mostNamed).flatMap(lines)
    let rest = items.count - Self.mostNamed
    if rest > 0 { text.append("  and \(Grouped.text(rest)) more (\(all))") }
    return text
  }
}
