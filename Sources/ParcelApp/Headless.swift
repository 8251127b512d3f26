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
    let token = TokenReading(options.access)
    if options.target.dryRun { return await dryRun(wanted, token) }
    if let failure = token.facts?.failure, options.target.verifyOnly { throw failure }
    say(wanted.remarks)
    var records = try RunRecords(options.output)
    let queue = SnapshotQueue()
    let run = ClientRun(
      options, token: (token.value, token.facts?.path), waits: true, isSession: false,
      debug: { Descriptors.write("debug: " + Printable.text($0) + "\n", to: 2) }, publish: { queue.post($0) })
    records.begin(await run.engine.settings)
    let checked: PreflightReport
    do throws(Failure) {
      checked = try await check(wanted, token, run)
      records.show(checked, files: wanted.downloads.count, stops: stops(checked))
      if stops(checked) {
        await run.close()
        sayNothingWasFetched(checked)
        return records.stop(.preflight(checked), wanted, program: "parcel")
      }
      try await prepare(run)
    } catch {
      await run.close()
      _ = records.stop(.failure(error), wanted, program: "parcel")
      throw error
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
    async let code = Self.print(
      options.output, from: queue, records, interrupted: interrupted, parts: parts, checked)
    await run.engine.add(opening, title: title)
    await run.engine.skip(checked.skips)
    await run.engine.perform(.start)
    await run.engine.waitUntilFinished()
    await run.close()
    parts.set(await run.engine.partPaths())
    queue.close()
    return await code
  }

  private func prepare(_ run: ClientRun) async throws(Failure) {
    do throws(Failure) { try await run.prepare() } catch {
      // A full disk is waited for as by every file.
      guard case .held = error.retry, options.pace.untilDone else { throw error }
      say([error.text])
    }
  }

  func say(_ lines: [String]) {
    guard options.output.verbosity != .quiet else { return }
    for line in lines { Descriptors.write(ErrorText.notice(line) + "\n", to: 2) }
  }

  /// Prints until the queue is closed, on a thread of its own because a terminal or a pipe may make it wait.
  private static func print(
    _ output: OutputOptions, from queue: SnapshotQueue, _ records: RunRecords, interrupted: Flag,
    parts: PartPaths, _ checked: PreflightReport
  ) async -> ExitCode {
    await withCheckedContinuation { (continuation: CheckedContinuation<ExitCode, Never>) in
      Thread.start("parcel-print") {
        continuation.resume(returning: consume(output, queue, records, interrupted, parts, checked))
      }
    }
  }

  private static func consume(
    _ output: OutputOptions, _ queue: SnapshotQueue, _ records: RunRecords, _ interrupted: Flag,
    _ parts: PartPaths, _ checked: PreflightReport
  ) -> ExitCode {
    var printer = ProgressPrinter(output)
    var records = records
    while let snapshots = queue.next() {
      for snapshot in snapshots {
        printer.show(snapshot)
        records.show(snapshot, printer.fold)
      }
    }
    var summary = Summary(printer.fold, interrupted: interrupted.isSet, partPath: parts.path)
    summary.preflight = checked
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
