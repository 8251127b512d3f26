import ParcelCore

/// What happened since the last snapshot, a line each, for a pipe and for the lines that scroll above the live list.
struct EventLine: Hashable {
  /// What a line is about decides its colour and where it goes.
  enum Kind: Hashable {
    case state(DownloadState)
    case notice, warning, error
  }

  var kind: Kind
  /// At most `wordWidth` columns: "verified".
  var word: String
  var text: String

  static let wordWidth = 9

  /// Errors go to standard error.
  var isError: Bool {
    switch kind {
    case .state(let state): state == .failed || state == .needsUser
    case .error: true
    case .notice, .warning: false
    }
  }

  func plain() -> String { Figures.padRight(word, Self.wordWidth) + "  " + text }

  func styled(_ style: PlainStyle) -> String {
    let padded = Figures.padRight(word, Self.wordWidth)
    switch kind {
    case .state(let state):
      return style.paint(style.glyph(state) + " " + padded, style.color(state)) + "  " + text
    case .notice: return "  " + padded + "  " + text
    case .warning: return style.paint("! " + padded, .yellow) + "  " + text
    case .error: return style.paint("! " + padded, .red) + "  " + text
    }
  }
}

extension RunFold {
  /// The lines of a snapshot that was just applied, in order.
  func lines(for snapshot: Snapshot, _ verbosity: Verbosity) -> [EventLine] {
    // A failure that changed a row's state is said with the row, and a wait with its change: not again from the log.
    let ends = snapshot.transitions.filter { $0.to == .failed || $0.to == .needsUser }
    let said = Set(ends.compactMap { $0.failure.map { Printable.text($0.text) } })
      .union(snapshot.holdChanges.map(\.text))
    let news = snapshot.log.filter { $0.topic != .rows && !said.contains($0.text) }
    return snapshot.transitions.compactMap { line(for: $0, verbosity) }
      + snapshot.routeChanges.compactMap { verbosity >= .normal ? line(for: $0) : nil }
      + snapshot.holdChanges.map { line(for: $0) } + news.compactMap { line(for: $0, verbosity) }
  }

  private func line(for transition: Transition, _ verbosity: Verbosity) -> EventLine? {
    guard let row = row(transition.id) else { return nil }
    let name = Printable.text(row.info.name)
    switch transition.to {
    case .running: return verbosity >= .normal ? runningLine(transition, row, name, verbosity) : nil
    case .verified, .complete:
      return verbosity >= .normal ? doneLine(transition, row, name) : nil
    case .paused:
      return verbosity >= .normal ? line(.paused, "paused", name + amount(row.status, before: " at ")) : nil
    case .retrying:
      // The log says it once for all that break together.
      return verbosity >= .verbose
        ? line(.retrying, "retrying", name + retryText(transition, row.status)) : nil
    case .held:
      // The wait itself is said once for all that wait.
      return verbosity >= .verbose ? line(.held, "held", name + amount(row.status, before: " at ")) : nil
    case .needsUser: return line(.needsUser, "needs you", name + failureText(transition))
    case .failed: return line(.failed, "failed", name + failureText(transition))
    case .repairing: return verbosity >= .normal ? line(.repairing, "repairing", name) : nil
    case .waiting, .opening, .verifying:
      return verbosity >= .verbose ? line(transition.to, transition.to.rawValue, name) : nil
    }
  }

  private func line(_ state: DownloadState, _ word: String, _ text: String) -> EventLine {
    EventLine(kind: .state(state), word: word, text: text)
  }

  private func runningLine(_ transition: Transition, _ row: Row, _ name: String, _ verbosity: Verbosity)
    -> EventLine?
  {
    switch transition.from {
    case .paused: return line(.running, "resumed", name + amount(row.status, before: " at "))
    case .retrying, .verifying, .repairing, .held:
      return verbosity >= .verbose ? line(.running, "running", name) : nil
    case .waiting:
      // Only the server knows its name, or it would be opened first: said when it has answered and the file is open.
      return verbosity >= .verbose ? line(.running, "asking", name) : nil
    default: break
    }
    guard row.baseline > 0 else {
      return line(.running, "started", name + (row.status.size.map { " (\(Figures.bytes($0)))" } ?? ""))
    }
    var status = row.status
    status.received = row.baseline
    return line(.running, "continued", name + amount(status, before: " at "))
  }

  private func doneLine(_ transition: Transition, _ row: Row, _ name: String) -> EventLine {
    var facts = [Figures.bytes(row.status.size ?? row.status.received)]
    if let began = row.firstRan, transition.fetched != 0 || row.status.size == 0 {
      facts.append(Figures.elapsed(transition.time - began))
    } else {
      facts.append("was already here")
    }
    if transition.to == .complete { facts.append("no digest known") }
    return line(transition.to, transition.to.rawValue, "\(name) (\(facts.joined(separator: ", ")))")
  }

  private func amount(_ status: DownloadStatus, before: String) -> String {
    guard let size = status.size else { return before + Figures.bytes(status.received) }
    return before + Figures.bytes(status.received, of: size)
  }

  private func retryText(_ transition: Transition, _ status: DownloadStatus) -> String {
    let when = status.state == .retrying ? status.note.map { " " + Printable.text($0) } ?? "" : ""
    return when + (transition.failure.map { ": " + Printable.text($0.sentence) } ?? "")
  }

  private func failureText(_ transition: Transition) -> String {
    transition.failure.map { ": " + Printable.text($0.text) } ?? ""
  }

  /// "waiting  for space on /data: 12.3 GB free, 40.0 GB needed"
  private func line(for change: HoldChange) -> EventLine {
    let files = Figures.count(change.hold.files, "file")
    switch change.what {
    case .began, .again:
      let text = Printable.text(change.text)
      let short = text.hasPrefix("waiting ") ? String(text.dropFirst("waiting ".count)) : text
      return EventLine(kind: .warning, word: "waiting", text: short + " (\(files))")
    case .ended: return EventLine(kind: .notice, word: "goes on", text: Printable.text(change.text))
    case .givenUp: return EventLine(kind: .error, word: "ended", text: Printable.text(change.text))
    }
  }

  /// "transport  over udt from now on: 742 Mbit/s against 61 over http"; with several servers, which one.
  private func line(for change: RouteChange) -> EventLine {
    let reason = change.reason.isEmpty ? "" : ": " + Printable.text(change.reason)
    let server = routes.count > 1 ? Printable.text(change.origin) + " " : ""
    let text = server + "over \(change.to.rawValue) from now on" + reason
    return EventLine(kind: .notice, word: "transport", text: text)
  }

  private func line(for log: LogLine, _ verbosity: Verbosity) -> EventLine? {
    let text = (verbosity >= .verbose ? log.clock + " " : "") + Printable.text(log.text)
    if log.topic == .recovery, verbosity >= .normal {
      return EventLine(kind: .notice, word: "goes on", text: text)
    }
    switch log.level {
    case .info: return verbosity >= .verbose ? EventLine(kind: .notice, word: "note", text: text) : nil
    case .warning: return verbosity >= .normal ? EventLine(kind: .warning, word: "warning", text: text) : nil
    case .error: return EventLine(kind: .error, word: "error", text: text)
    }
  }
}
