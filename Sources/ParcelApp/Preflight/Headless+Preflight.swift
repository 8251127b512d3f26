import Glibc
import ParcelCLI
import ParcelCore
import ParcelHTTP

/// The check before the start of a run without a screen.
extension Headless {
  /// Looks, and says what it found. `--verify-only` fetches nothing, so there is nothing to check.
  func check(_ wanted: Wanted, _ token: TokenReading, _ run: ClientRun) async throws(Failure)
    -> PreflightReport
  {
    guard !options.target.verifyOnly else { return PreflightReport() }
    let preflight = Preflight(options, specs: wanted.downloads, token: token, transport: run.transport)
    let report = await preflight.report()
    let isQuiet = options.output.verbosity == .quiet
    let lines = printer.lines(report, remarks: !isQuiet)
    write(lines)
    // Without it nothing that was asked for could be fetched as asked: said above, and no reason to go on.
    if let failure = token.facts?.failure, options.wanted.keepGoing { throw failure }
    if report.stops, options.wanted.keepGoing, !isQuiet { write([printer.end(report, goesOn: true)]) }
    return report
  }

  /// The run ends with the check.
  func stops(_ report: PreflightReport) -> Bool { report.stops && !options.wanted.keepGoing }

  func sayNothingWasFetched(_ report: PreflightReport) {
    if options.output.verbosity != .quiet { write([printer.end(report, goesOn: false)]) }
  }

  /// `--dry-run`: where each file would go, and what the check finds.
  func dryRun(_ wanted: Wanted, _ token: TokenReading) async -> ExitCode {
    say(wanted.remarks)
    let transport = CurlTransport(options: ClientRun.transportOptions(options))
    let report = await Preflight(options, specs: wanted.downloads, token: token, transport: transport)
      .report()
    transport.shutDown()
    let printed = DryRunReport(
      wanted.downloads, folder: Documents.absolute(options.target.folder), report: report)
    printed.write { Descriptors.write($0, to: 1) }
    return report.exit
  }

  private var printer: PreflightPrinter { PreflightPrinter(style: options.output.look.style(on: 2)) }

  private func write(_ lines: [String]) {
    guard !lines.isEmpty else { return }
    Descriptors.write(lines.map { $0 + "\n" }.joined(), to: 2)
  }
}
