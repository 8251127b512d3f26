import ParcelCLI
import ParcelCore

/// `--events` and `--summary` of one run.
struct RunRecords: Sendable {
  private var events: EventLog?
  private let summaryPath: String?
  private var settings = Settings()
  private var troubles: [Failure] = []

  /// Opens the one and tries the place of the other: what cannot be written is said before the first byte.
  init(_ output: OutputOptions) throws(Failure) {
    summaryPath = output.summary
    if let summaryPath { try WholeFile.check(summaryPath) }
    if let target = output.events { events = try EventLog(target) }
  }

  /// Comes first.
  mutating func begin(_ settings: Settings) {
    self.settings = settings
    note(events?.start(clock: Clocks.timestamp(), settings: settings))
  }

  /// What the check before the start found.
  mutating func show(_ report: PreflightReport, files: Int, stops: Bool) {
    if !report.findings.isEmpty { note(events?.show(report, files: files, stops: stops)) }
  }

  /// A snapshot that `fold` has just applied.
  mutating func show(_ snapshot: Snapshot, _ fold: RunFold) { note(events?.show(snapshot, fold)) }

  /// The end of a run that has not begun.
  mutating func stop(_ stop: Summary.Stop, _ wanted: Wanted, program: String) -> ExitCode {
    let bytes = wanted.downloads.reduce(0) { $0 &+ ($1.size ?? 0) }
    let summary = Summary(stopped: stop, files: wanted.downloads.count, bytes: bytes, settings: settings)
    return finish(summary, nil, program: program)
  }

  /// Writes the ends of both, and what went wrong with them to standard error. Gives the code to leave with.
  mutating func finish(_ summary: Summary, _ fold: RunFold?, program: String) -> ExitCode {
    note(events?.finish(summary, fold))
    if let summaryPath {
      do { try WholeFile.write(summary.json, to: summaryPath) } catch { note(error) }
    }
    for failure in troubles { Descriptors.write(ErrorText.text(failure, program: program) + "\n", to: 2) }
    // Every file is right, but what was asked for beside them could not be written.
    if summary.exit == .success, let failure = troubles.first { return ErrorText.exit(failure) }
    return summary.exit
  }

  private mutating func note(_ failure: Failure?) {
    if let failure { troubles.append(failure) }
  }
}
