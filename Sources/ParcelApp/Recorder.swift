import ParcelCLI
import ParcelCore

/// Keeps the record of a full-screen run: the events, and when the screen is gone what came of it.
enum Recorder {
  /// Returns when the queue is closed.
  static func record(
    _ records: RunRecords, style: PlainStyle, program: String, from queue: SnapshotQueue, parts: PartPaths
  ) async -> ParcelCore.ExitCode {
    await withCheckedContinuation { continuation in
      Thread.start("parcel-record") {
        continuation.resume(returning: consume(records, style, program, queue, parts))
      }
    }
  }

  private static func consume(
    _ records: RunRecords, _ style: PlainStyle, _ program: String, _ queue: SnapshotQueue, _ parts: PartPaths
  ) -> ParcelCore.ExitCode {
    var fold = RunFold()
    var records = records
    while let snapshots = queue.next() {
      for snapshot in snapshots {
        fold.apply(snapshot)
        records.show(snapshot, fold)
      }
    }
    // Left with files that were neither finished nor failed: that is an interruption, whoever wished it.
    let totals = fold.totals
    let isEarly = totals.done + totals.failed + totals.needsUser < totals.files
    let summary = Summary(fold, interrupted: isEarly, partPath: parts.path)
    if summary.files > 0 { Descriptors.write(summary.lines(style).map { $0 + "\n" }.joined(), to: 1) }
    return records.finish(summary, fold, program: program)
  }
}
