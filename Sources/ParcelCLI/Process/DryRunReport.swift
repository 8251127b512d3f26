import ParcelCore

/// What `--dry-run` prints: a line per file, the problems, the sums.
package struct DryRunReport: Sendable {
  package var downloads: [DownloadSpec]
  /// The target folder, for the paths.
  package var folder: String
  package var problems: [Failure]
  /// What is worth knowing and stops nothing.
  package var remarks: [String] = []

  package init(_ downloads: [DownloadSpec], folder: String, report: PreflightReport) {
    self.init(downloads, folder: folder, problems: report.troubles.map(\.failure))
    remarks = report.remarks.map(\.failure.text)
  }

  package init(_ downloads: [DownloadSpec], folder: String, problems: [Failure] = []) {
    self.downloads = downloads
    self.folder = folder
    self.problems = problems
  }

  /// Success without problems, else what they say.
  package var exit: ExitCode { ExitCode(failures: problems.map(\.code)) }

  /// Gives the text in pieces of about 64 KiB, each ending with a line break, so that 100,000 rows need no large memory.
  package func write(to sink: (String) -> Void) {
    var text = ""
    text.reserveCapacity(70_000)
    for spec in downloads {
      text += line(spec)
      if text.utf8.count > 65_536 {
        sink(text)
        text.removeAll(keepingCapacity: true)
      }
    }
    for remark in remarks { text += "remark: " + Printable.text(remark) + "\n" }
    for problem in problems { text += "problem: " + Printable.text(problem.text) + "\n" }
    sink(text + sums + "\n")
  }

  /// "  38.20 MB  md5     ID -> out/ID/NAME".
  private func line(_ spec: DownloadSpec) -> String {
    let target = spec.name.map { folder + "/" + (spec.folder.isEmpty ? $0 : spec.folder + "/" + $0) }
    let size = spec.size.map(Figures.bytes) ?? "?"
    let source =
      switch spec.source {
      case .id(let id): id
      case .url(let url): Redaction.url(url)
      }
    let digest = spec.digests.first?.algorithm.rawValue ?? "none"
    return Figures.padLeft(size, Figures.bytesWidth) + "  " + digest
      + Figures.blanks(6 - digest.utf8.count) + "  "
      + Printable.text(source) + " -> " + Printable.text(target ?? "(the server names it)") + "\n"
  }

  private var sums: String {
    let bytes = downloads.reduce(0) { $0 &+ ($1.size ?? 0) }
    let unsized = downloads.count { $0.size == nil }
    let unchecked = downloads.count { $0.digests.isEmpty }
    var parts = [
      Figures.count(downloads.count, "file"),
      "\(Figures.bytes(bytes)) (\(Grouped.text(bytes)) bytes)",
    ]
    if unsized > 0 { parts.append("\(Grouped.text(unsized)) of unknown size") }
    if unchecked > 0 { parts.append("\(Grouped.text(unchecked)) without a digest") }
    parts.append(Figures.count(problems.count, "problem"))
    return parts.joined(separator: ", ")
  }
}
