import ParcelCLI
import ParcelCore
import ParcelTerminal
import Synchronization

/// The start of a session's downloads: the check first, beside everything else that is asked, then the start or a panel.
final class SessionStart: Sendable {
  private struct State {
    var isChecking = false
    var last = PreflightReport()
  }

  private let options: ClientOptions
  private let run: ClientRun
  private let loop: SessionLoop
  private let state = Mutex(State())

  init(options: ClientOptions, run: ClientRun, loop: SessionLoop) {
    self.options = options
    self.run = run
    self.loop = loop
  }

  /// Begins a check and returns at once; asked again meanwhile, nothing happens.
  func check() async {
    guard !options.target.verifyOnly else { return await run.engine.perform(.start) }
    let isFirst = state.withLock { state in
      defer { state.isChecking = true }
      return !state.isChecking
    }
    guard isFirst else { return }
    Task {
      let input = await run.engine.preflightInput
      let report = await Preflight(options, input: input, transport: run.transport).report()
      state.withLock { state in
        state.isChecking = false
        state.last = report
      }
      for finding in report.findings { await run.engine.report(.warning, finding.failure.text) }
      if report.stops, !options.wanted.keepGoing {
        loop.post(report)
      } else {
        await run.engine.skip(report.skips)
        await run.engine.perform(.start)
        loop.post(report.stops ? PreflightReport() : report)
      }
    }
  }

  /// The rows with a problem of their own stay in the list, with the reason, and can be tried by hand.
  func withoutBad() async {
    await run.engine.skip(state.withLock { $0.last.skips })
    await run.engine.perform(.start)
  }
}
