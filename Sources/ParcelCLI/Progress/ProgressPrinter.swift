import Glibc
import ParcelCore

/// `PlainProgress` on real descriptors. Used from one thread; a slow terminal makes it wait, so not on the engine's.
package struct ProgressPrinter {
  private var progress: PlainProgress
  private let descriptor: Int32
  private let isTerminal: Bool

  /// Progress goes to `descriptor` (`OutputOptions.progressDescriptor`), errors to standard error.
  package init(_ output: OutputOptions) {
    descriptor = output.progressDescriptor
    isTerminal = Descriptors.isTerminal(descriptor)
    let style = output.look.style(on: descriptor)
    let errorsApart = !Descriptors.isSame(descriptor, 2)
    let canMove = isTerminal && getenv("TERM").map { String(cString: $0) } != "dumb"
    progress = PlainProgress(
      medium: canMove ? .terminal(errorsApart: errorsApart) : .pipe, style: style, verbosity: output.verbosity
    )
  }

  /// What the snapshots so far say; the event log and the summary read it.
  package var fold: RunFold { progress.fold }

  package mutating func show(_ snapshot: Snapshot) {
    let size = isTerminal ? Descriptors.size(of: descriptor) : (80, 24)
    put(progress.show(snapshot, columns: size.0, rows: size.1))
  }

  package mutating func finish(_ summary: Summary) {
    put(progress.finish(summary, columns: Descriptors.size(of: descriptor).columns))
  }

  private func put(_ output: PlainProgress.Output) {
    if !output.out.isEmpty { Descriptors.write(output.out, to: descriptor) }
    if !output.err.isEmpty { Descriptors.write(output.err, to: 2) }
  }
}
