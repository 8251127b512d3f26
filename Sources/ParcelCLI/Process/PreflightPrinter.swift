import ParcelCore

/// What the check before the start found, as lines for standard error.
package struct PreflightPrinter: Sendable {
  private let style: PlainStyle
  /// Longest topic.
  private static let topicWidth = 10

  package init(style: PlainStyle) { self.style = style }

  /// Each finding with its rows and what to do; remarks only when there is talk of more than errors.
  package func lines(_ report: PreflightReport, remarks: Bool = true) -> [String] {
    let shown = remarks ? report.findings : report.troubles
    guard !shown.isEmpty else { return [] }
    let counts = remarks ? report.counts : PreflightReport(report.troubles).counts
    return ["parcel: before the start: \(counts)"] + shown.flatMap { lines($0) }
  }

  private func lines(_ one: PreflightFinding) -> [String] {
    let isTrouble = one.level == .trouble
    let glyph = style.paint(style.glyph(isTrouble ? .failed : .needsUser), isTrouble ? .red : .yellow)
    let topic = style.charset.fit(one.topic, Self.topicWidth)
    var text = one.text
    if !one.whichRows.isEmpty { text += ": \(one.whichRows)" }
    let arrow = style.unicode ? "→ " : "> "
    let rest = one.remedy.isEmpty ? [] : [Figures.blanks(4 + Self.topicWidth + 1) + arrow + one.remedy]
    return ["  \(glyph) \(topic) \(text)"] + rest
  }

  /// The last line of a run that stops, or goes on all the same.
  package func end(_ report: PreflightReport, goesOn: Bool) -> String {
    let skipped = report.skips.count
    if goesOn {
      let rows = skipped == 1 ? "1 file is" : "\(Grouped.text(skipped)) files are"
      return "parcel: going on (--keep-going)" + (skipped == 0 ? "." : "; \(rows) left out.")
    }
    return "parcel: nothing was fetched. --keep-going starts all the same"
      + (skipped == 0 ? "." : ", without the files that have a problem of their own.")
  }
}

/// The findings for programs, in the summary.
package enum PreflightRecord {
  static func records(_ report: PreflightReport) -> [JSONObject] {
    report.findings.map { one in
      var object = JSONObject()
      object.add("topic", one.topic)
      object.add("level", one.level.rawValue)
      object.add("scope", one.scope == .batch ? "batch" : "rows")
      object.add("code", one.code?.rawValue)
      object.add("text", one.text)
      object.add("remedy", one.remedy.isEmpty ? nil : one.remedy)
      object.add("rows", one.rows.count)
      object.add("names", one.names)
      return object
    }
  }
}
