import ParcelCore

/// Findings as lines: a sign, the topic, what was found, and below it what to do.
package struct DoctorPrinter: Sendable {
  private let style: PlainStyle
  /// Columns of the terminal; nil: no terminal, one line for each finding however long.
  private let columns: Int?

  /// Longest topic.
  private static let topicWidth = 11
  private static let indent = 2 + 2 + topicWidth + 2

  package init(style: PlainStyle, columns: Int?) {
    self.style = style
    // Very long lines are hard to read.
    self.columns = columns.map { max(40, min($0, 120)) }
  }

  /// The line above a group of findings, with an empty one before it.
  package func heading(_ title: String, isFirst: Bool) -> [String] {
    let text = plain(Printable.text(title))
    let line =
      columns.map { style.charset.width(text) > $0 ? style.charset.fit(text, $0) : text } ?? text
    return (isFirst ? [] : [""]) + [style.paint(line, .cyan)]
  }

  package func lines(_ finding: Finding) -> [String] {
    var lines: [String] = []
    let topic = style.charset.fit(finding.topic, Self.topicWidth)
    let text = wrap(plain(finding.text), firstIndent: 0)
    let first = "  " + style.paint(glyph(finding.level), color(finding.level)) + " " + topic + "  "
    for (i, line) in text.enumerated() {
      lines.append((i == 0 ? first : Figures.blanks(Self.indent)) + line)
    }
    guard !finding.remedy.isEmpty else { return lines }
    let arrow = style.unicode ? "→ " : "> "
    for (i, line) in wrap(plain(finding.remedy), firstIndent: 2).enumerated() {
      lines.append(Figures.blanks(Self.indent) + (i == 0 ? arrow : "  ") + line)
    }
    return lines
  }

  /// The last lines.
  package func end(_ report: DoctorReport) -> [String] {
    let worst: Finding.Level =
      report.exit != .success ? .trouble : report.findings.contains { $0.level == .remark } ? .remark : .good
    return ["", style.paint(plain(report.conclusion), color(worst))]
  }

  private func plain(_ text: String) -> String {
    style.unicode
      ? text
      : Printable.text(
        text.split(separator: "…", omittingEmptySubsequences: false).joined(separator: "~"), ascii: true)
  }

  /// Breaks between words; a word that is longer than a line is broken where the line ends.
  private func wrap(_ text: String, firstIndent: Int) -> [String] {
    guard let columns else { return [text] }
    return style.charset.wrap(text, to: columns - Self.indent - firstIndent)
  }

  private func glyph(_ level: Finding.Level) -> String {
    switch level {
    case .good: style.glyph(.verified)
    case .neutral: style.glyph(.waiting)
    case .remark: style.glyph(.needsUser)
    case .trouble: style.glyph(.failed)
    }
  }

  private func color(_ level: Finding.Level) -> PlainStyle.Color? {
    switch level {
    case .good: .green
    case .neutral: nil
    case .remark: .yellow
    case .trouble: .red
    }
  }
}

/// The report as one JSON object.
package enum DoctorRecord {
  /// `url` has no secrets in it any more.
  package static func text(_ report: DoctorReport, url: String?, relay: Endpoint?, folder: String) -> String {
    var object = JSONObject()
    object.add("version", 1)
    object.add("type", "doctor")
    object.add("url", url)
    object.add("relay", relay?.text)
    object.add("dir", folder)
    object.add("exit", Int(report.exit.rawValue))
    object.add("findings", report.findings.map(record))
    return object.closed
  }

  private static func record(_ finding: Finding) -> JSONObject {
    var object = JSONObject()
    object.add("section", finding.section.rawValue)
    object.add("topic", finding.topic)
    object.add("level", finding.level.rawValue)
    object.add("text", finding.text)
    object.add("remedy", finding.remedy.isEmpty ? nil : finding.remedy)
    object.add("code", finding.code?.rawValue)
    var facts = JSONObject()
    for fact in finding.facts { facts.add(fact.name, fact.value) }
    object.add("facts", facts)
    return object
  }
}
