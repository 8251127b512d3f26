import ParcelCLI
import ParcelCore

/// Keeps the record of a full-screen run: the events, and when the screen is gone what came of it.
enum Recorder {
  /// Returns when the queue is closed.
  static func record(
    _ options: ClientOptions, program: String, from queue: SnapshotQueue, events: EventLog?, parts: PartPaths
  ) async -> ParcelCore.ExitCode {
    await withCheckedContinuation { continuation in
      Thread.start("parcel-record") {
        continuation.resume(returning: consume(options, program, queue, events, parts))
      }
    }
  }

  private static func consume(
    _ options: ClientOptions, _ program: String, _ queue: SnapshotQueue, _ log: EventLog?,
    _ parts: PartPaths
  ) -> ParcelCore.ExitCode {
    var fold = RunFold()
    var events = RunRecords(events: log, summaryPath: options.output.summary)
    while let snapshots = queue.next() {
      for snapshot in snapshots {
        fold.apply(snapshot)
        events.show(snapshot, fold)
      }
    }
    // Left with files that were neither finished nor failed: that is an interruption, whoever wished it.
    let totals = fold.totals
    let isEarly = totals.done + totals.failed + totals.needsUser < totals.files
    let summary = Summary(fold, interrupted: isEarly, partPath: parts.path)
    for line in summary.lines(PlainStyle(color: false, unicode: !options.output.ascii))
    where summary.files > 0 {
      Descriptors.write(line + "\n", to: 1)
    }
    return events.finish(summary, fold, program: program)
  }
}

/// `--events` and `--summary` of one run.
struct RunRecords {
  private var events: EventLog?
  private let summaryPath: String?
  private var troubles: [Failure] = []
  private var isFirst = true

  init(events: EventLog?, summaryPath: String?) {
    self.events = events
    self.summaryPath = summaryPath
  }

  /// A snapshot that `fold` has just applied.
  mutating func show(_ snapshot: Snapshot, _ fold: RunFold) {
    if isFirst, let failure = events?.start(clock: Clocks.wallClock(), settings: snapshot.settings) {
      troubles.append(failure)
    }
    isFirst = false
    if let failure = events?.show(snapshot, fold) { troubles.append(failure) }
  }

  /// Writes the ends of both, and what went wrong with them to standard error. Gives the code to leave with.
  mutating func finish(_ summary: Summary, _ fold: RunFold, program: String) -> ParcelCore.ExitCode {
    if let failure = events?.finish(summary, fold) { troubles.append(failure) }
    if let summaryPath {
      do {
        try WholeFile.write(summary.json, to: summaryPath)
      } catch {
        troubles.append(error)
      }
    }
    for failure in troubles { Descriptors.write(ErrorText.text(failure, program: program) + "\n", to: 2) }
    // Every file is right, but what was asked for beside them could not be written.
    if summary.exit == .success, let failure = troubles.first { return ErrorText.exit(failure) }
    return summary.exit
  }
}
