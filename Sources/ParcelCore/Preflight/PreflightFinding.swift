/// One thing that stands in the way of a batch, or of some of its rows, found before the first byte.
package struct PreflightFinding: Hashable, Sendable {
  package enum Scope: Hashable, Sendable {
    /// What is concerned cannot be fetched at all, or the whole would not fit.
    case batch
    /// Single rows: the others can be fetched without them.
    case rows
  }

  package var scope: Scope
  /// Trouble stops before the start, a remark does not.
  package var level: Finding.Level
  /// At most 11 letters: "Room".
  package var topic: String
  /// What is wrong and why: a sentence without its full stop, printable.
  package var text: String
  /// What to do; one sentence, or empty.
  package var remedy: String
  /// Of trouble: what kind, for the exit code.
  package var code: Failure.Code?
  /// The rows it is about, ascending; empty: all of them.
  package var rows: [DownloadID]
  /// What the first rows are called, at most three.
  package var names: [String]

  init(
    _ scope: Scope, _ level: Finding.Level, _ topic: String, _ code: Failure.Code?, _ text: String,
    _ remedy: String, rows: [DownloadID] = [], names: [String] = []
  ) {
    self.scope = scope
    self.level = level
    self.topic = topic
    self.code = level == .trouble ? code : nil
    // Much of it comes from manifests and servers.
    self.text = Printable.text(text)
    self.remedy = Printable.text(remedy)
    self.rows = rows
    self.names = names.map { Self.short(Printable.text($0)) }
  }

  /// Three names of data sets would fill a screen: the middle of long ones goes.
  private static func short(_ name: String) -> String {
    name.count > 44 ? name.prefix(28) + "..." + name.suffix(12) : name
  }

  package static let namesShown = 3

  /// "a.bam, b.bam, c.bam and 594 more"; empty when all rows are meant.
  package var whichRows: String {
    guard let last = names.last else { return "" }
    let rest = rows.count - names.count
    if rest > 0 { return names.joined(separator: ", ") + " and \(Grouped.text(rest)) more" }
    guard names.count > 1 else { return last }
    return names.dropLast().joined(separator: ", ") + " and " + last
  }

  /// As a failure, for exit codes and lists of failures.
  package var failure: Failure {
    let which = whichRows.isEmpty ? "" : " (\(whichRows))"
    return Failure(code ?? .input, retry: .needsUser, "\(topic): \(text)\(which).", remedy: remedy)
  }
}

/// Everything that a check found, the most serious first.
package struct PreflightReport: Hashable, Sendable {
  package let findings: [PreflightFinding]

  /// Sorts: what stops the whole batch, then what stops rows (the most rows first), then remarks; else as given.
  package init(_ findings: [PreflightFinding] = []) {
    func rank(_ one: PreflightFinding) -> Int {
      one.level != .trouble ? 2 : one.scope == .batch ? 0 : 1
    }
    self.findings = findings.enumerated().sorted { a, b in
      let (first, second) = (rank(a.element), rank(b.element))
      if first != second { return first < second }
      if first == 1, a.element.rows.count != b.element.rows.count {
        return a.element.rows.count > b.element.rows.count
      }
      return a.offset < b.offset
    }.map(\.element)
  }

  package var troubles: [PreflightFinding] { findings.filter { $0.level == .trouble } }
  package var remarks: [PreflightFinding] { findings.filter { $0.level != .trouble } }

  /// Something is wrong: nothing should be fetched before a person, or `--keep-going`, has said so.
  package var stops: Bool { findings.contains { $0.level == .trouble } }

  /// What a run ends with that stops here.
  package var exit: ExitCode { ExitCode(failures: troubles.compactMap(\.code)) }

  /// "2 problems, 1 remark"
  package var counts: String {
    func words(_ count: Int, _ word: String) -> String {
      Figures.count(count, word)
    }
    var parts: [String] = []
    if !troubles.isEmpty { parts.append(words(troubles.count, "problem")) }
    if !remarks.isEmpty { parts.append(words(remarks.count, "remark")) }
    return parts.joined(separator: ", ")
  }

  /// Rows that have a problem of their own, ascending, each once, and why: what `--keep-going` leaves out.
  package var skips: [PreflightSkip] {
    var reasons: [DownloadID: PreflightFinding] = [:]
    for finding in troubles where finding.scope == .rows {
      for row in finding.rows where reasons[row] == nil { reasons[row] = finding }
    }
    return reasons.keys.sorted().compactMap { id in
      reasons[id].map { PreflightSkip(id: id, topic: $0.topic, text: $0.text, remedy: $0.remedy) }
    }
  }
}

/// A row that is left out.
package struct PreflightSkip: Hashable, Sendable {
  package var id: DownloadID
  package var topic: String
  package var text: String
  package var remedy: String

  /// What the row's state and the summary say.
  package func failure(title: String) -> Failure {
    Failure(
      .skipped, retry: .never, "Left out '\(Printable.text(title))': \(text).",
      remedy: remedy)
  }
}
