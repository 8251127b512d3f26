import Glibc
import ParcelCLI
import ParcelCore

/// Findings on standard output: lines as they are made, or one JSON object at the end.
struct DoctorOutput {
  var relay: Endpoint?
  private let options: DoctorOptions
  private let printer: DoctorPrinter
  private var section: Finding.Section?

  init(_ options: DoctorOptions) {
    self.options = options
    let columns = Descriptors.isTerminal(1) ? Descriptors.size(of: 1).columns : nil
    printer = DoctorPrinter(style: options.look.style(on: 1), columns: columns)
  }

  mutating func show(_ findings: [Finding]) {
    guard !options.json else { return }
    for finding in findings {
      var lines: [String] = []
      if section != finding.section {
        lines = printer.heading(title(finding.section), isFirst: section == nil)
        section = finding.section
      }
      write(lines + printer.lines(finding))
    }
  }

  func end(_ report: DoctorReport) {
    guard options.json else { return write(printer.end(report)) }
    write([
      DoctorRecord.text(
        report, url: options.target.map { Redaction.url($0.url) }, relay: relay, folder: options.folder)
    ])
  }

  private func write(_ lines: [String]) { Descriptors.write(lines.map { $0 + "\n" }.joined(), to: 1) }

  private func title(_ section: Finding.Section) -> String {
    switch section {
    case .server: "Server " + Redaction.url(options.target?.url ?? "")
    case .relay: "Relay " + (relay?.text ?? "")
    case .machine: "This machine"
    case .folder: "Folder " + options.folder
    }
  }
}
