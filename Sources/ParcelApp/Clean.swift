import Glibc
import ParcelCLI
import ParcelCore
import ParcelStorage

/// `parcel clean DIR`: what unfinished downloads left, and away with it when that is asked for.
struct Clean: Sendable {
  let options: CleanOptions

  /// Everything blocks, so it has a thread of its own.
  func run() async -> ExitCode {
    await withCheckedContinuation { continuation in
      Thread.start("parcel-clean") { continuation.resume(returning: work()) }
    }
  }

  private func work() -> ExitCode {
    let folder = Documents.absolute(options.folder)
    let leftovers = Leftovers(root: folder)
    do {
      let found = try leftovers.look()
      let items = found.map { ($0, outcome($0, leftovers)) }
      let report = CleanReport(
        folder: options.folder, items: items, removes: options.yes, now: Clocks.epoch())
      show(report)
      return report.exit
    } catch {
      Descriptors.write(ErrorText.text(error) + "\n", to: 2)
      return ErrorText.exit(error)
    }
  }

  private func outcome(_ one: Leftover, _ leftovers: Leftovers) -> CleanReport.Outcome {
    switch one.fate {
    case .held: return .left
    case .foreign where !options.all: return .left
    case .free, .foreign:
      guard options.yes else { return .listed }
      return leftovers.remove(one).map { .failed($0) } ?? .removed
    }
  }

  private func show(_ report: CleanReport) {
    if options.json {
      Descriptors.write(report.json + "\n", to: 1)
      return
    }
    Descriptors.write(report.lines(options.look.style(on: 1)).map { $0 + "\n" }.joined(), to: 1)
  }
}
