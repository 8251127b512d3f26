import ParcelCore

/// What the check before the start found, and the question what to do about it.
package struct PreflightPanel: Hashable, Sendable {
  package let report: PreflightReport
  package let check: PreflightCheck
  /// First line shown.
  package var top = 0
  /// Until then no key decides: who was typing when it opened did not mean it.
  package var deafUntil: Instant

  /// Rows that have a problem of their own.
  package let badRows: Int

  /// Seconds without an answer after it opened, and after each key that came too soon.
  static let deaf = 1.0
  static let deafAfterKey = 0.4

  package init(_ report: PreflightReport, _ check: PreflightCheck, now: Instant) {
    self.report = report
    self.check = check
    deafUntil = now + Self.deaf
    badRows = report.skips.count
  }

  /// "Before the start: 2 problems"
  var title: String {
    let start = check.isAddition ? "\(Figures.count(check.files, "added file"))" : "the start"
    return "Before \(start): \(report.counts)"
  }

  static let topicWidth = 10

  /// Where the texts begin; in a narrow terminal the topic is part of them.
  static func textColumn(columns: Int) -> Int { isNarrow(columns) ? 3 : 3 + topicWidth + 1 }
  private static func isNarrow(_ columns: Int) -> Bool { columns < 56 }

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
    let width = max(8, columns - Self.textColumn(columns: columns) - 2)
    let isNarrow = Self.isNarrow(columns)
    return report.findings.flatMap { one -> [Line] in
      let which = one.whichRows.isEmpty ? "" : ": " + one.whichRows
      let text = charset.wrap((isNarrow ? one.topic + ": " : "") + one.text + which + ".", to: width)
      let remedy = one.remedy.isEmpty ? [] : charset.wrap("→ " + one.remedy, to: width)
      return text.enumerated().map { index, line in
        Line(part: index == 0 ? .head(one.level, topic: isNarrow ? "" : one.topic) : .text, text: line)
      } + remedy.map { Line(part: .remedy, text: $0) }
    }
  }

  /// Rows with its title line.
  func rows(columns: Int) -> Int { 1 + lines(.unicode, columns: columns).count }
}

extension Model {
  /// Takes a finished check: a panel when something is wrong, else a word about its first remark.
  mutating func take(_ report: PreflightReport, _ check: PreflightCheck) {
    guard !isLeaving else { return }
    guard report.stops else {
      if let remark = report.remarks.first { say(remark.text + ".", .warning) }
      return
    }
    // What is being typed is not thrown away: it opens when that is done.
    waitingPanels.append(PreflightPanel(report, check, now: now))
  }

  mutating func showWaitingPanel() {
    guard dialog == nil, !isLeaving, !waitingPanels.isEmpty else { return }
    var panel = waitingPanels.removeFirst()
    panel.deafUntil = now + PreflightPanel.deaf
    dialog = .preflight(panel)
    // It says what the log says.
    if notice?.isEcho == true { notice = nil }
    asked = nil
    if page == .help || page == .log { page = .list }
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
    case .startAll, .startWithoutBad, .no: return answer(panel, intent)
    default: return []
    }
    let last = max(0, panel.lines(charset, columns: size.columns).count - panelLines)
    panel.top = max(0, min(panel.top, last))
    dialog = .preflight(panel)
    return []
  }

  private mutating func answer(_ panel: PreflightPanel, _ intent: Intent) -> [Effect] {
    guard now >= panel.deafUntil else {
      var panel = panel
      panel.deafUntil = max(panel.deafUntil, now + PreflightPanel.deafAfterKey)
      dialog = .preflight(panel)
      say("That key came before this could be read: nothing is decided. Press it again.", .warning)
      return []
    }
    dialog = nil
    let check = panel.check
    switch intent {
    case .startAll:
      say("Starting \(Figures.count(check.files, "file")) in spite of what was found.")
      return [.perform(.answer(check: check.number, .startAll))]
    case .startWithoutBad:
      say("Starting without \(Figures.count(panel.badRows, "file")).")
      return [.perform(.answer(check: check.number, .startWithoutBad))]
    default:
      say(
        check.isAddition
          ? "\(Figures.count(check.files, "added file")) left the list again; the log keeps what was found."
          : "Nothing was started. \(Bindings.key(for: .enter)) checks again; the log keeps what was found.")
      return [.perform(.answer(check: check.number, .startNothing))]
    }
  }

  private var panelLines: Int { max(0, (layout.dialog?.rows ?? 1) - 1) }

  /// Why the panel's key can do nothing; nil when it can.
  var withoutBadObstacle: String? {
    guard case .preflight(let panel) = dialog else { return nil }
    if panel.badRows == 0 { return "No single file is to blame: there is nothing to leave out." }
    return panel.badRows >= panel.check.files ? "Every file has a problem: nothing would be left." : nil
  }
}
