import Glibc
import ParcelCore
import ParcelSystem

/// Writes `--events`: JSON lines to an open descriptor or to the end of a file.
///
/// Used from one thread. A slow reader makes `show` wait, so call it where waiting does no harm: never on the engine's or a
/// transport's thread. When the reader is gone, writing stops and `show` says so once.
package struct EventLog {
  /// Seconds between progress records.
  static let interval = 1.0

  private var descriptor: Int32
  private let isOwn: Bool
  private let place: String
  private var lastProgress: Instant?
  private var isOpen = true

  /// Opens the file, or checks the descriptor. Failures are `input` (a descriptor that is not open for writing) and `disk`.
  package init(_ target: EventTarget) throws(Failure) {
    switch target {
    case .descriptor(let number):
      descriptor = number
      isOwn = false
      place = "descriptor \(number)"
      let flags = fcntl(number, F_GETFL)
      // Descriptors that the program's own runtime opened have no file type: nobody gave us those.
      var info = stat()
      let isGiven = fstat(number, &info) == 0 && info.st_mode & S_IFMT != 0
      guard flags >= 0, flags & O_ACCMODE != O_RDONLY, isGiven else {
        throw Failure(
          .input, retry: .never,
          "Could not write events to descriptor \(number): it is not open for writing.",
          remedy: "Open it in the shell, as in '\(number)>events.jsonl', or give a file name.")
      }
    case .file(let path):
      descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
      isOwn = true
      place = "'\(Printable.text(path))'"
      guard descriptor >= 0 else {
        throw Failure(
          .disk, retry: .never, "Could not open \(place) for events: \(Errno.last.message).",
          remedy: "Choose another place with --events.")
      }
    }
  }

  /// The first record. `clock` as in `EventRecords.start`.
  package mutating func start(clock: String, settings: Settings) -> Failure? {
    write([EventRecords.start(clock: clock, settings: settings)])
  }

  /// Records of a snapshot that `fold` has just applied. A failure is given once, then nothing is written any more.
  package mutating func show(_ snapshot: Snapshot, _ fold: RunFold) -> Failure? {
    var records = EventRecords.happenings(of: snapshot, fold)
    if lastProgress.map({ snapshot.time - $0 >= Self.interval }) ?? true {
      lastProgress = snapshot.time
      records.append(EventRecords.progress(fold))
    }
    return write(records)
  }

  /// What the check before the start found.
  package mutating func show(_ report: PreflightReport, files: Int, stops: Bool) -> Failure? {
    write([EventRecords.preflight(report, files: files, stops: stops)])
  }

  /// The last progress, if the run has begun, and the summary; closes a file of its own.
  package mutating func finish(_ summary: Summary, _ fold: RunFold?) -> Failure? {
    let failure = write([fold.map(EventRecords.progress), EventRecords.summary(summary)].compactMap { $0 })
    if isOwn { close(descriptor) }
    isOpen = false
    return failure
  }

  private mutating func write(_ records: [String]) -> Failure? {
    guard isOpen, !records.isEmpty else { return nil }
    if Descriptors.write(records.map { $0 + "\n" }.joined(), to: descriptor) { return nil }
    isOpen = false
    return Failure(
      .disk, retry: .never, "Stopped writing events to \(place): \(Errno.last.message).",
      remedy: "The downloads go on.")
  }
}
