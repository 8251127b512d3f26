import ParcelCLI
import ParcelCore
import ParcelSystem
import ParcelTerminal
import Synchronization

/// The start of a session's downloads: the check first, beside everything else that is asked, then the start or a panel. Rows that
/// are added later go the same way by themselves.
final class SessionStart: Sendable {
  private struct State {
    var isChecking = false
    /// Asked for while one was running.
    var again = false
    var number = 0
    /// Checks that found something and wait for an answer, by number.
    var open: [Int: Found] = [:]
  }

  private struct Found {
    var check: PreflightCheck
    var rows: [DownloadID]
    var skips: [PreflightSkip]
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

  /// Whether rows wait for a check. `--verify-only` fetches nothing, so there is nothing to check.
  static func checks(_ options: ClientOptions) -> Bool { !options.target.verifyOnly }

  /// Begins a check of everything and returns at once; asked again meanwhile, nothing happens.
  func start() async {
    guard Self.checks(options) else { return await run.engine.perform(.start) }
    begin()
  }

  /// Rows were added: a run that fetches already checks them now, others when they start.
  func added() async {
    guard Self.checks(options), await run.engine.hasStarted else { return }
    begin()
  }

  private func begin() {
    let isFirst = state.withLock { state in
      if state.isChecking { state.again = true }
      defer { state.isChecking = true }
      return !state.isChecking
    }
    guard isFirst else { return }
    Task {
      await check()
      let isDue = state.withLock { state in
        state.isChecking = false
        defer { state.again = false }
        return state.again
      }
      if isDue { await added() }
    }
  }

  private func check() async {
    let asked = state.withLock { Set($0.open.values.flatMap(\.rows)) }
    let input = await run.engine.preflightInput(except: asked)
    let rows = (input.rows ?? []).map { DownloadID($0) }
    guard !rows.isEmpty else { return }
    let report = await Preflight(options, input: input, transport: run.transport).report()
    FreeMemory.giveBack()
    for finding in report.findings { await run.engine.report(.warning, finding.failure.text) }
    let isAsked = report.stops && !options.wanted.keepGoing
    let check = state.withLock { state in
      state.number += 1
      let check = PreflightCheck(number: state.number, files: rows.count, isAddition: input.hasStarted)
      if isAsked { state.open[check.number] = Found(check: check, rows: rows, skips: report.skips) }
      return check
    }
    if isAsked { return loop.post(report, check) }
    await run.engine.skip(report.skips)
    await begin(rows, check)
    loop.post(PreflightReport(report.remarks), check)
  }

  /// Rows that a person left out stay in the list, with the reason, and can be tried by hand.
  func answer(_ number: Int, _ answer: PreflightAnswer) async {
    guard let found = state.withLock({ $0.open.removeValue(forKey: number) }) else { return }
    switch answer {
    case .startAll: break
    case .startWithoutBad: await run.engine.skip(found.skips)
    case .startNothing:
      if found.check.isAddition { await run.engine.perform(.remove(found.rows)) }
      return
    }
    await begin(found.rows, found.check)
    // What was added while it was asked.
    await added()
  }

  private func begin(_ rows: [DownloadID], _ check: PreflightCheck) async {
    await run.engine.release(rows)
    // A run that was paused as a whole stays paused.
    if !check.isAddition { await run.engine.perform(.start) }
  }
}
