import ParcelCore

/// The JSON records of `--events`, as text lines without the line break. `docs/events.md` describes every member; a
/// change of meaning or a removal raises `version`, new members and types do not.
package enum EventRecords {
  /// Of every record and of the summary.
  package static let version = 1

  /// The first record of a run. `clock` is wall-clock time as in "2026-11-22T14:02:31Z".
  package static func start(clock: String, settings: Settings) -> String {
    var record = head("start", at: 0)
    record.add("clock", clock)
    record.add("program", "parcel " + ParcelVersion.text)
    record.add("folder", settings.folder)
    record.add("server", settings.server)
    record.add("insecure", settings.insecure)
    record.add("verifies", settings.verifies)
    record.add("transport", settings.transport.rawValue)
    return record.closed
  }

  /// What the check before the start found about `files` rows; `stops`: nothing is fetched.
  package static func preflight(_ report: PreflightReport, files: Int, stops: Bool) -> String {
    var record = head("preflight", at: 0)
    record.add("stops", stops)
    record.add("files", files)
    record.add("skipped", stops ? 0 : report.skips.count)
    record.add("findings", PreflightRecord.records(report))
    return record.closed
  }

  /// Everything a snapshot has to say that happened, in order: state changes, changes of routes, waits, repairs, then warnings and errors. Call it after
  /// `fold.apply(snapshot)`.
  package static func happenings(of snapshot: Snapshot, _ fold: RunFold) -> [String] {
    snapshot.transitions.compactMap { state($0, fold) }
      + snapshot.routeChanges.map { transport($0, fold) }
      + snapshot.repairs.compactMap { repair($0, fold) }
      + snapshot.holdChanges.map { wait($0, fold) }
      + snapshot.log.filter { $0.level != .info }.map { log($0, fold) }
  }

  static func state(_ transition: Transition, _ fold: RunFold) -> String? {
    guard let row = fold.row(transition.id) else { return nil }
    var record = head("state", at: fold.begin.map { transition.time - $0 } ?? 0)
    record.add("id", transition.id.index)
    record.add("name", row.info.name)
    record.add("url", row.info.url(server: fold.settings.server))
    record.add("from", snake(transition.from.rawValue))
    record.add("to", snake(transition.to.rawValue))
    record.add("size", row.status.size)
    record.add("received", row.status.received)
    record.add("failure", transition.failure.map(failure))
    return record.closed
  }

  static func transport(_ change: RouteChange, _ fold: RunFold) -> String {
    var record = head("transport", at: fold.begin.map { change.time - $0 } ?? 0)
    record.add("origin", change.origin)
    record.add("from", change.from.rawValue)
    record.add("to", change.to.rawValue)
    record.add("reason", change.reason)
    return record.closed
  }

  static func repair(_ change: RepairChange, _ fold: RunFold) -> String? {
    guard let row = fold.row(change.id) else { return nil }
    var record = head("repair", at: fold.begin.map { change.time - $0 } ?? 0)
    record.add("id", change.id.index)
    record.add("name", row.info.name)
    add(change.report, to: &record)
    return record.closed
  }

  /// Blocks that a record names; `blocks` counts all.
  static let mostRanges = 100

  static func add(_ report: RepairReport, to record: inout JSONObject) {
    record.add("round", report.round)
    record.add("step", report.step.rawValue)
    record.add("blocks", report.blocks)
    record.add("block_size", report.blockSize)
    record.add("bytes", report.bytes)
    record.add("fetched", report.fetched)
    record.add("ranges", report.bad.prefix(mostRanges).map(range))
  }

  static func range(_ range: ByteRange) -> JSONObject {
    var record = JSONObject()
    record.add("start", range.start)
    record.add("end", range.end)
    return record
  }

  static func wait(_ change: HoldChange, _ fold: RunFold) -> String {
    var record = head("wait", at: fold.begin.map { change.time - $0 } ?? 0)
    record.add("what", snake(change.what.rawValue))
    add(change.hold, to: &record)
    record.add("text", change.text)
    return record.closed
  }

  private static func add(_ hold: HoldStatus, to record: inout JSONObject) {
    record.add("for", hold.kind.rawValue)
    record.add("place", hold.place)
    record.add("files", hold.files)
    record.add("free", hold.free)
    record.add("needed", hold.needed)
  }

  static func log(_ line: LogLine, _ fold: RunFold) -> String {
    var record = head("log", at: fold.seconds)
    record.add("level", line.level.rawValue)
    record.add("text", line.text)
    return record.closed
  }

  package static func progress(_ fold: RunFold) -> String {
    let totals = fold.totals
    var record = head("progress", at: fold.seconds)
    record.add("phase", fold.phase.rawValue)
    record.add("files", totals.files)
    record.add("done", totals.done)
    record.add("verified", totals.verified)
    record.add("failed", totals.failed)
    record.add("needs_user", totals.needsUser)
    record.add("held", totals.held)
    record.add("active", totals.active)
    record.add("paused", totals.paused)
    record.add("bytes", totals.bytes)
    record.add("unsized", totals.unsized)
    record.add("received", totals.received)
    record.add("verified_bytes", totals.verifiedBytes)
    record.add("rate", totals.rate, places: 0)
    record.add("seconds_left", totals.secondsLeft)
    record.add("connections", totals.connections)
    record.add("routes", fold.routes.map(route))
    record.add("waits", fold.holds.map(wait))
    return record.closed
  }

  private static func wait(_ hold: HoldStatus) -> JSONObject {
    var record = JSONObject()
    add(hold, to: &record)
    record.add("text", hold.text)
    return record
  }

  private static func route(_ route: RouteStatus) -> JSONObject {
    var record = JSONObject()
    record.add("origin", route.origin)
    record.add("relay", route.relay?.text)
    record.add("choice", route.choice.rawValue)
    record.add("transport", route.current.rawValue)
    record.add("measuring", route.isMeasuring)
    record.add("rtt", route.path?.roundTrip)
    record.add("loss", route.path.map(\.loss))
    return record
  }

  package static func summary(_ summary: Summary) -> String {
    var record = head("summary", at: summary.seconds)
    summary.addMembers(to: &record)
    return record.closed
  }

  static func failure(_ failure: Failure) -> JSONObject {
    var record = JSONObject()
    record.add("code", snake(failure.code.rawValue))
    record.add("retry", retry(failure.retry))
    record.add("sentence", failure.sentence)
    record.add("remedy", failure.remedy)
    return record
  }

  private static func retry(_ retry: Failure.Retry) -> String {
    switch retry {
    case .now: "now"
    case .later: "later"
    case .needsUser: "needs_user"
    case .held: "held"
    case .never: "never"
    }
  }

  private static func head(_ type: String, at seconds: Double) -> JSONObject {
    var record = JSONObject()
    record.add("version", version)
    record.add("type", type)
    record.add("time", seconds)
    return record
  }

  /// `needsUser` → `needs_user`: JSON names do not follow Swift's.
  static func snake(_ name: String) -> String {
    var text = ""
    for character in name {
      if character.isUppercase { text += "_" + character.lowercased() } else { text.append(character) }
    }
    return text
  }
}
