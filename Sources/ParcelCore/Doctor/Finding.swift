/// One thing that `parcel doctor` found, in words.
package struct Finding: Hashable, Sendable {
  package enum Level: String, Sendable {
    /// As it should be.
    case good
    /// A fact that is neither good nor bad, or something that was not looked at.
    case neutral
    /// It works, and could work better.
    case remark
    /// It does not work.
    case trouble
  }

  /// What it is about; findings are shown in groups.
  package enum Section: String, Sendable {
    case server, relay, machine, folder
  }

  /// A number behind the words, for programs.
  package struct Fact: Hashable, Sendable {
    /// With its unit: "rtt_ms".
    package var name: String
    package var value: Double
  }

  package var section: Section
  /// At most 11 letters: "DNS".
  package var topic: String
  package var level: Level
  /// One sentence, or a part of one, printable.
  package var text: String
  /// One sentence; empty when there is nothing to do.
  package var remedy: String
  /// Of trouble: what kind, for the exit code.
  package var code: Failure.Code?
  package var facts: [Fact] = []

  private init(
    _ section: Section, _ topic: String, _ level: Level, _ text: String, _ remedy: String,
    _ code: Failure.Code?
  ) {
    self.section = section
    self.topic = topic
    self.level = level
    // Much of it comes from the network.
    self.text = Printable.text(text)
    self.remedy = Printable.text(remedy)
    self.code = code
  }

  static func good(_ section: Section, _ topic: String, _ text: String) -> Finding {
    Finding(section, topic, .good, text, "", nil)
  }

  static func neutral(_ section: Section, _ topic: String, _ text: String, _ remedy: String = "") -> Finding {
    Finding(section, topic, .neutral, text, remedy, nil)
  }

  static func remark(_ section: Section, _ topic: String, _ text: String, _ remedy: String) -> Finding {
    Finding(section, topic, .remark, text, remedy, nil)
  }

  static func trouble(
    _ section: Section, _ topic: String, _ code: Failure.Code, _ text: String, _ remedy: String
  ) -> Finding {
    Finding(section, topic, .trouble, text, remedy, code)
  }

  /// With a number for programs; nil changes nothing.
  func with(_ name: String, _ value: Double?) -> Finding {
    guard let value else { return self }
    var finding = self
    finding.facts.append(Fact(name: name, value: value))
    return finding
  }
}

/// All findings of one run, in the order they were made.
package struct DoctorReport: Sendable {
  package private(set) var findings: [Finding] = []

  package init() {}

  package mutating func add(_ more: [Finding]) { findings += more }

  /// Remarks leave it at success.
  package var exit: ExitCode { ExitCode(failures: findings.compactMap(\.code)) }

  /// "2 things are wrong, 1 remark."
  package var conclusion: String {
    let troubles = findings.count { $0.level == .trouble }
    let remarks = findings.count { $0.level == .remark }
    let wrong =
      switch troubles {
      case 0: "Nothing is wrong"
      case 1: "One thing is wrong"
      default: "\(troubles) things are wrong"
      }
    return wrong + (remarks == 0 ? "." : remarks == 1 ? ", 1 remark." : ", \(remarks) remarks.")
  }
}

/// Numbers as findings have them.
enum DoctorText {
  /// "0.21 ms", "12.1 ms", "250 ms", "2.4 s".
  static func time(_ seconds: Double) -> String {
    let milliseconds = max(0, seconds) * 1000
    switch milliseconds {
    case ..<0.9995: return Decimal.fixed(milliseconds, 2) + " ms"
    case ..<99.95: return Decimal.fixed(milliseconds, 1) + " ms"
    case ..<999.5: return Decimal.fixed(milliseconds, 0) + " ms"
    default: return Decimal.fixed(min(seconds, 1e6), 1) + " s"
    }
  }

  /// "40 s", "12 minutes", "3 hours", "5 days": rounded down, for lengths of time that are too long.
  static func span(_ seconds: Int) -> String {
    switch seconds {
    case ..<120: return "\(max(0, seconds)) s"
    case ..<7200: return Figures.count(seconds / 60, "minute")
    case ..<172_800: return Figures.count(seconds / 3600, "hour")
    default: return Figures.count(seconds / 86_400, "day")
    }
  }

  /// "a", "a and b", "a, b and c"; of more than `limit` the first, and how many more.
  static func list(_ parts: [String], limit: Int = 6) -> String {
    var parts = parts
    if parts.count > limit { parts = Array(parts[..<limit]) + ["\(parts.count - limit) more"] }
    guard let last = parts.last, parts.count > 1 else { return parts.first ?? "" }
    return parts.dropLast().joined(separator: ", ") + " and " + last
  }
}
