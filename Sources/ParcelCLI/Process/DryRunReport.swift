import ParcelCore

/// What `--dry-run` prints: a line per file, the problems, the sums.
package struct DryRunReport: Sendable {
  package struct Row: Sendable {
    package var spec: DownloadSpec
    /// Path the file would have; nil when only the server can name it.
    package var target: String?

    package init(spec: DownloadSpec, target: String?) {
      self.spec = spec
      self.target = target
    }
  }

  package var rows: [Row]
  package var problems: [Failure]

  package init(rows: [Row], problems: [Failure] = []) {
    self.rows = rows
    self.problems = problems
  }

  /// Success without problems, else what they say.
  package var exit: ExitCode { ExitCode(failures: problems.map(\.code)) }

  /// Gives the text in pieces of about 64 KiB, each ending with a line break, so that 100,000 rows need no large memory.
  package func write(to sink: (String) -> Void) {
    var text = ""
    text.reserveCapacity(70_000)
    for row in rows {
      text += Self.line(row)
      if text.utf8.count > 65_536 {
        sink(text)
        text.removeAll(keepingCapacity: true)
      }
    }
    for problem in problems { text += "problem: " + Printable.text(problem.text) + "\n" }
    sink(text + sums + "\n")
  }

  /// "  38.20 MB  md5     ID -> out/ID/NAME".
  private static func line(_ row: Row) -> String {
    let spec = row.spec
    let size = spec.size.map(PlainNumbers.bytes) ?? "?"
    let source =
      switch spec.source {
      case .id(let id): id
      case .url(let url): url
      }
    let digest = spec.digests.first?.algorithm.rawValue ?? "none"
    let target = row.target ?? "(the server names it)"
    return TextWidth.right(size, PlainNumbers.bytesWidth) + "  " + digest
      + TextWidth.blanks(6 - digest.utf8.count) + "  "
      + Printable.text(source) + " -> " + Printable.text(target) + "\n"
  }

  private var sums: String {
    let bytes = rows.reduce(0) { $0 + ($1.spec.size ?? 0) }
    let unsized = rows.count { $0.spec.size == nil }
    let unchecked = rows.count { $0.spec.digests.isEmpty }
    var parts = [
      "\(Grouped.text(rows.count)) \(rows.count == 1 ? "file" : "files")",
      "\(PlainNumbers.bytes(bytes)) (\(Grouped.text(bytes)) bytes)",
    ]
    if unsized > 0 { parts.append("\(Grouped.text(unsized)) of unknown size") }
    if unchecked > 0 { parts.append("\(Grouped.text(unchecked)) without a digest") }
    parts.append("\(Grouped.text(problems.count)) \(problems.count == 1 ? "problem" : "problems")")
    return parts.joined(separator: ", ")
  }
}
