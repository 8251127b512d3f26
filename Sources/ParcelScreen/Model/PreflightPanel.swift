import ParcelCore

/// What the check before the start found, and the question what to do about it.
package struct PreflightPanel: Hashable, Sendable {
  package let report: PreflightReport
  /// First line shown.
  package var top = 0

  /// Rows that have a problem of their own.
  package let badRows: Int

  package init(_ report: PreflightReport) {
    self.report = report
    badRows = report.skips.count
  }

  static let topicWidth = 10
  private static let textColumn = 3 + topicWidth + 1

  /// One line as it is drawn.
  struct Line {
    enum Part {
      case head(Finding.Level, topic: String)
      case text, remedy
    }
    var part: Part
    var text: String
  }

  func lines(_ charset: Charset, columns: Int) -> [Line] {
    let width = max(8, columns - Self.textColumn - 2)
    return report.findings.flatMap { one -> [Line] in
      let which = one.whichRows.isEmpty ? "" : ": " + one.whichRows
      let text = charset.wrap(one.text + which + ".", to: width)
      let remedy = one.remedy.isEmpty ? [] : charset.wrap("→ " + one.remedy, to: width)
      return text.enumerated().map { index, line in
        Line(part: index == 0 ? .head(one.level, topic: one.topic) : .text, text: line)
      } + remedy.map { Line(part: .remedy, text: $0) }
    }
  }

  /// Rows with its title line.
  func rows(columns: Int) -> Int { 1 + lines(.unicode, columns: columns).count }
}

extension Model {
  /// Takes a finished check: a panel when something is wrong, else a word about its first remark.
  mutating func take(_ report: PreflightReport) {
    guard !isLeaving else { return }
    guard report.stops else {
      if let remark = report.remarks.first { say(remark.text + ".", .warning) }
      return
    }
    // What is being typed is not thrown away.
    if dialog == nil {
      dialog = .preflight(PreflightPanel(report))
    } else {
      waitingPanel = PreflightPanel(report)
    }
    if page == .help || page == .log { page = .list }
  }

  mutating func showWaitingPanel() {
    guard dialog == nil, !isLeaving, let panel = waitingPanel else { return }
    waitingPanel = nil
    dialog = .preflight(panel)
  }

  mutating func decide(_ intent: Intent) -> [Effect] {
    guard case .preflight(var panel) = dialog else { return [] }
    switch intent {
    case .stopNow: return stop()
    case .suspend: return [.suspend]
    case .up: panel.top -= 1
    case .down: panel.top += 1
    case .pageUp: panel.top -= max(1, panelLines - 1)
    case .pageDown: panel.top += max(1, panelLines - 1)
    case .startAnyway:
      dialog = nil
      say("Starting \(Figures.count(totals.files, "file")) in spite of what was found.")
      return [.perform(.startAnyway)]
    case .startWithoutBad:
      dialog = nil
      say("Starting without \(Figures.count(panel.badRows, "file")).")
      return [.perform(.startWithoutBad)]
    case .no:
      dialog = nil
      say("Nothing was started. \(Bindings.key(for: .enter)) checks again; the log keeps what was found.")
      return []
    default: return []
    }
    let last = max(0, panel.lines(charset, columns: size.columns).count - panelLines)
    panel.top = max(0, min(panel.top, last))
    dialog = .preflight(panel)
    return []
  }

  private var panelLines: Int { max(0, (layout.dialog?.rows ?? 1) - 1) }

  /// Why the panel's key can do nothing; nil when it can.
  var withoutBadObstacle: String? {
    guard case .preflight(let panel) = dialog else { return nil }
    if panel.badRows == 0 { return "No single file is to blame: there is nothing to leave out." }
    return panel.badRows >= totals.files ? "Every file has a problem: nothing would be left." : nil
  }
}
