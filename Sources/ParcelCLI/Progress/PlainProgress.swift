import ParcelCore

/// From snapshots to text for a terminal or a pipe. Pure: the caller gives the terminal's size and writes what comes out
/// (`ProgressPrinter`).
package struct PlainProgress: Sendable {
  /// Text to write; either may be empty. Each is written with one write.
  package struct Output: Hashable, Sendable {
    /// For standard output (or where progress goes).
    package var out = ""
    /// For standard error.
    package var err = ""
  }

  package enum Medium: Hashable, Sendable {
    /// A live list at the bottom. `errorsApart`: standard error is not this terminal, so errors go there too.
    case terminal(errorsApart: Bool)
    /// One line per event, and a progress line every `interval` seconds.
    case pipe
  }

  /// Seconds between progress lines in a pipe, at first.
  static let interval = 10.0
  /// After so many seconds of a run a line a minute is enough.
  static let longRun = 600.0
  /// Seconds between lines of a long run, and the most between lines that say that nothing moves.
  static let longInterval = 60.0
  static let longestInterval = 600.0
  /// Least seconds between two redraws.
  static let redrawInterval = 0.2

  package private(set) var fold = RunFold()
  private let medium: Medium
  private let style: PlainStyle
  private let verbosity: Verbosity
  private var screen = LiveScreen()
  private var lastShown: Instant?
  /// Bytes that had come when the last progress line was written, and lines since then that could only say the same.
  private var lastFetched = 0
  private var stillLines = 0
  private var warned = false

  package init(medium: Medium, style: PlainStyle, verbosity: Verbosity) {
    self.medium = medium
    self.style = style
    self.verbosity = verbosity
  }

  /// What to write for the next snapshot. `columns` and `rows` are the terminal's; a pipe ignores them.
  package mutating func show(_ snapshot: Snapshot, columns: Int, rows: Int) -> Output {
    fold.apply(snapshot)
    let lines = fold.lines(for: snapshot, verbosity)
    if verbosity == .quiet {
      return Output(out: "", err: Self.join(lines.filter(\.isError).map { $0.plain() }))
    }
    switch medium {
    case .pipe: return pipe(snapshot, lines)
    case .terminal(let errorsApart): return terminal(snapshot, lines, errorsApart, columns, rows)
    }
  }

  /// The end: the live list goes away, the summary stays.
  package mutating func finish(_ summary: Summary, columns: Int) -> Output {
    guard verbosity > .quiet else { return Output() }
    let text = summary.lines(style)
    if medium == .pipe { return Output(out: Self.join(text)) }
    return Output(out: screen.redraw(permanent: text, live: [], columns: columns))
  }

  private mutating func pipe(_ snapshot: Snapshot, _ lines: [EventLine]) -> Output {
    var output = Output(
      out: Self.join(lines.filter { !$0.isError }.map { $0.plain() }),
      err: Self.join(lines.filter(\.isError).map { $0.plain() }))
    if fold.settings.insecure && !warned {
      warned = true
      output.out = "INSECURE   certificates are not checked\n" + output.out
    }
    guard let last = lastShown else {
      lastShown = snapshot.time
      return output
    }
    if snapshot.time - last >= pause && (fold.phase == .running || fold.phase == .stopping) {
      output.out += EventLine(kind: .notice, word: "progress", text: fold.progressText).plain() + "\n"
      lastShown = snapshot.time
      stillLines = isStill ? stillLines + 1 : 0
      lastFetched = fold.fetched
    }
    return output
  }

  /// Nothing has come since the last progress line, and nothing comes.
  private var isStill: Bool { fold.fetched == lastFetched && fold.totals.rate < 1 }

  /// Seconds to the next progress line: it is also a sign of life, and a log of days should stay readable.
  private var pause: Double {
    let base = fold.seconds < Self.longRun ? Self.interval : Self.longInterval
    guard isStill, stillLines > 0 else { return base }
    return min(base * Double(1 << min(stillLines, 10)), Self.longestInterval)
  }

  private mutating func terminal(
    _ snapshot: Snapshot, _ lines: [EventLine], _ errorsApart: Bool, _ columns: Int, _ rows: Int
  ) -> Output {
    var output = Output()
    if errorsApart { output.err = Self.join(lines.filter(\.isError).map { $0.plain() }) }
    let isDue = lastShown.map { snapshot.time - $0 >= Self.redrawInterval } ?? true
    guard isDue || !lines.isEmpty else { return output }
    lastShown = snapshot.time
    let live = LiveList(style: style, columns: columns, rows: rows).lines(fold)
    output.out = screen.redraw(permanent: lines.map { $0.styled(style) }, live: live, columns: columns)
    return output
  }

  private static func join(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }
}
