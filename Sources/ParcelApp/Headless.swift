import Glibc
import ParcelCLI
import ParcelCore
import Synchronization

/// `parcel` with something to do: fetch, print, leave with the code that says how it went.
struct Headless {
  let options: ClientOptions

  func run() async -> ExitCode {
    do {
      return try await fetch()
    } catch {
      Descriptors.write(ErrorText.text(error) + "\n", to: 2)
      return ErrorText.exit(error)
    }
  }

  private func fetch() async throws(Failure) -> ExitCode {
    let wanted = try Wanted(options.wanted)
    let folder = Documents.absolute(options.target.folder)
    if options.target.dryRun {
      say(wanted.remarks)
      let report = wanted.report(folder: folder)
      report.write { Descriptors.write($0, to: 1) }
      return report.exit
    }
    let token = try ClientRun.token(options.access)
    say(wanted.remarks + [token.warning].compactMap { $0 })
    var events: EventLog?
    if let target = options.output.events { events = try EventLog(target) }

    let queue = SnapshotQueue()
    let run = ClientRun(
      options, token: (token.value, token.file), waits: true, isSession: false,
      debug: { Descriptors.write("debug: " + Printable.text($0) + "\n", to: 2) }, publish: { queue.post($0) })
    do throws(Failure) {
      try await run.prepare()
    } catch {
      // A full disk is waited for as by every file.
      if case .held = error.retry, options.pace.untilDone {
        say([error.text])
      } else {
        await run.close()
        throw error
      }
    }
    let interrupted = Flag()
    let parts = PartPaths()
    Signals.install { _ in
      interrupted.set()
      // Stopping saves and closes; `waitUntilFinished` below returns then.
      Task { await run.engine.stop() }
    }
    let (opening, title) = (wanted.downloads, wanted.title)
    let watch = TokenFileWatcher.follow(token.watch, run.engine)
    defer { watch?.stop() }
    async let code = Self.print(options, from: queue, events: events, interrupted: interrupted, parts: parts)
    await run.engine.add(opening, title: title)
    await run.engine.perform(.start)
    await run.engine.waitUntilFinished()
    await run.close()
    parts.set(await run.engine.partPaths())
    queue.close()
    return await code
  }

  private func say(_ lines: [String]) {
    guard options.output.verbosity != .quiet else { return }
    for line in lines { Descriptors.write(ErrorText.notice(line) + "\n", to: 2) }
  }

  /// Prints until the queue is closed, on a thread of its own because a terminal or a pipe may make it wait.
  private static func print(
    _ options: ClientOptions, from queue: SnapshotQueue, events: EventLog?, interrupted: Flag,
    parts: PartPaths
  ) async -> ExitCode {
    await withCheckedContinuation { (continuation: CheckedContinuation<ExitCode, Never>) in
      Thread.start("parcel-print") {
        continuation.resume(returning: consume(options, queue, events, interrupted, parts))
      }
    }
  }

  private static func consume(
    _ options: ClientOptions, _ queue: SnapshotQueue, _ events: EventLog?, _ interrupted: Flag,
    _ parts: PartPaths
  ) -> ExitCode {
    var printer = ProgressPrinter(options.output)
    var records = RunRecords(events: events, summaryPath: options.output.summary)
    while let snapshots = queue.next() {
      for snapshot in snapshots {
        printer.show(snapshot)
        records.show(snapshot, printer.fold)
      }
    }
    let summary = Summary(printer.fold, interrupted: interrupted.isSet, partPath: parts.path)
    printer.finish(summary)
    return records.finish(summary, printer.fold, program: "parcel")
  }
}

/// Paths of `.part` files, filled in when the engine has stopped. Any thread.
final class PartPaths: Sendable {
  private let paths = Mutex([DownloadID: String]())
  func set(_ new: [DownloadID: String]) { paths.withLock { $0 = new } }
  func path(_ id: DownloadID) -> String? { paths.withLock { $0[id] } }
}

/// True once set. Any thread.
final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}
