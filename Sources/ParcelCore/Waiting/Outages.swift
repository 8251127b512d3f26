/// Failures that are tried again by themselves, in few lines of the log: one for each cause, with the files and connections that met
/// it, and one when they go on. Fourteen connections that break as a cable is pulled are one thing that happened.
package struct Outages: Sendable {
  /// What became of a download since its last failure.
  package enum Progress: Sendable {
    case stuck
    /// It received bytes, or has them all.
    case goesOn
    /// The same over http: of a relay that says nothing.
    case goesOnDirect
    /// Paused, removed, failed: nothing is expected of it.
    case left
  }

  package struct Line: Hashable, Sendable {
    package var level: LogLine.Level
    package var text: String
    package var topic = LogLine.Topic.other
  }

  /// Seconds that a cause is collected before its line is written.
  package static let collecting = 1.0

  private struct Cause {
    var kind: String
    var failure: Failure
    var title: String
    var first: Instant
    var files: Set<DownloadID>
    var connections: Int
    var isSaid = false
  }

  /// All that is wrong with one place at a time.
  private struct Outage {
    var place: String
    var isRelay: Bool
    /// A download went on through the place itself.
    var isThere = false
    var begin: Instant
    var lastTrouble: Instant
    /// When a download was first seen to go on after the last trouble. The others may have to wait for their turn.
    var back: Instant?
    var causes: [Cause] = []
    /// Downloads that wait for better times, and when each of them failed last.
    var waiting: [DownloadID: Instant] = [:]
    var wentOn: Set<DownloadID> = []
  }

  private var outages: [Outage] = []

  package init() {}

  package var isEmpty: Bool { outages.isEmpty }

  /// A transfer of the download failed and is tried again. `place`: what did not work, as people know it: "data.example:8443".
  /// `isRelay`: there may be a way without it.
  package mutating func add(
    _ failure: Failure, of id: DownloadID, title: String, at place: String, isRelay: Bool = false,
    now: Instant
  ) {
    let at = outages.firstIndex { $0.place == place } ?? outages.count
    if at == outages.count {
      outages.append(Outage(place: place, isRelay: isRelay, begin: now, lastTrouble: now))
    }
    outages[at].waiting[id] = now
    outages[at].lastTrouble = now
    outages[at].back = nil
    outages[at].isThere = false
    outages[at].wentOn.remove(id)
    // Figures in a sentence change with the place in the file; the kind of trouble does not.
    let words = Self.cause(of: failure, title: title) ?? ""
    let kind = failure.code.rawValue + String(words.filter { !$0.isNumber })
    if let known = outages[at].causes.firstIndex(where: { $0.kind == kind }) {
      outages[at].causes[known].files.insert(id)
      outages[at].causes[known].connections += 1
    } else {
      outages[at].causes.append(
        Cause(kind: kind, failure: failure, title: title, first: now, files: [id], connections: 1))
    }
  }

  /// The lines that are due; with `isLast` all that are left. `progress`: of a download since a moment.
  package mutating func lines(
    now: Instant, isLast: Bool, progress: (DownloadID, Instant) -> Progress
  ) -> [Line] {
    var lines: [Line] = []
    for at in outages.indices {
      for (id, since) in outages[at].waiting {
        let progress = progress(id, since)
        switch progress {
        case .stuck: continue
        case .goesOn, .goesOnDirect:
          if progress == .goesOn || !outages[at].isRelay { outages[at].isThere = true }
          outages[at].wentOn.insert(id)
          if outages[at].back == nil { outages[at].back = now }
        case .left: break
        }
        outages[at].waiting[id] = nil
      }
      if outages[at].back != nil, now - outages[at].lastTrouble >= Self.collecting {
        outages[at].wentOn.formUnion(outages[at].waiting.keys)
        outages[at].waiting = [:]
      }
      lines += Self.tell(&outages[at], now: now, isLast: isLast)
    }
    outages.removeAll { isLast || $0.waiting.isEmpty }
    return lines
  }

  private static func tell(_ outage: inout Outage, now: Instant, isLast: Bool) -> [Line] {
    let isOver = outage.waiting.isEmpty
    let wasSaid = outage.causes.contains(where: \.isSaid)
    var lines: [Line] = []
    for index in outage.causes.indices where !outage.causes[index].isSaid {
      guard isLast || isOver || now - outage.causes[index].first >= collecting else { continue }
      outage.causes[index].isSaid = true
      lines.append(Line(level: .warning, text: words(outage.causes[index], outage.place)))
    }
    guard isOver, !outage.wentOn.isEmpty else { return lines }
    let files = Figures.count(outage.wentOn.count, "file") + (outage.wentOn.count == 1 ? " goes" : " go")
    if wasSaid {
      let seconds = Grouped.text(max(1, Int(((outage.back ?? now) - outage.begin).rounded())))
      let text =
        outage.isThere
        ? "\(outage.place) is back after \(seconds) s: \(files) on."
        : "\(files) on over http, without \(outage.place), after \(seconds) s."
      lines.append(Line(level: .info, text: text, topic: .recovery))
    } else if let last = lines.indices.last {
      // Over before it was told: one line.
      lines[last].text += outage.isThere ? " Over already: \(files) on." : " Meanwhile \(files) on over http."
    }
    return lines
  }

  private static func words(_ cause: Cause, _ place: String) -> String {
    let failure = cause.failure
    let files = cause.files.count
    if files == 1, cause.connections == 1 { return failure.text }
    let remedy = failure.remedy.isEmpty ? "" : " " + failure.remedy
    guard let why = Self.cause(of: failure, title: cause.title) else {
      let more =
        files == 1 ? "" : " The same with \(Grouped.text(files - 1)) more \(Figures.noun(files - 1, "file"))."
      return failure.sentence + more + remedy
    }
    let what = files == 1 ? "'\(cause.title)'" : "\(Figures.count(files, "file")) from \(place)"
    let connections =
      cause.connections > files ? " (\(Figures.count(cause.connections, "connection")))" : ""
    return "Could not fetch \(what)\(connections): \(why)\(remedy)"
  }

  /// Of "Could not fetch 'a.bam', bytes 0 to 9: the connection broke." what follows the colon; nil for other sentences.
  private static func cause(of failure: Failure, title: String) -> String? {
    let begin = FailureText.attempt(title)
    guard failure.sentence.hasPrefix(begin) else { return nil }
    var rest = failure.sentence.dropFirst(begin.count)
    while !rest.isEmpty, !rest.hasPrefix(": ") { rest = rest.dropFirst() }
    return rest.isEmpty ? nil : String(rest.dropFirst(2))
  }
}
