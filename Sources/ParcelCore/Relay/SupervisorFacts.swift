/// How a relay program ended.
package enum ProgramEnd: Hashable, Sendable {
  /// It exited with that status.
  case status(Int)
  /// That signal killed it.
  case signal(Int)
  /// Somebody else collected its status.
  case unknown

  /// What the program did: "was killed by signal 11".
  package var words: String {
    switch self {
    case .status(let number): "ended with status \(number)"
    case .signal(let number): "was killed by signal \(number)"
    case .unknown: "ended"
    }
  }
}

/// What is known about one relay's child program and the path to the relay.
package struct SupervisorFacts: Hashable, Sendable {
  /// Something that went wrong and when.
  package struct Trouble: Hashable, Sendable {
    package var words: String
    package var at: Instant
  }

  /// The last time the relay could not be reached.
  package internal(set) var refusal: Trouble?
  /// That time nobody answered at all.
  package internal(set) var isSilent = false
  /// The last time a connection that carried bytes broke.
  package internal(set) var breakage: Trouble?
  /// The last time the program ended by itself.
  package internal(set) var death: Trouble?
  /// Why there is no program to carry anything now; nil while one runs, or is being started for the first time.
  package internal(set) var absence: Failure?
  /// As last reported; without connections once the program is gone. Nil before the first report.
  package internal(set) var path: PathStatistics?
  /// Seconds that the last connection to the relay took.
  package internal(set) var connectSeconds: Double?
  /// A sentence when the program is of another version than this one.
  package internal(set) var remark: String?
  /// How often the program was started.
  package internal(set) var starts = 0

  package init() {}

  /// What the tunnel did to a transfer that was opened at `opened` and has failed with `original`, or ended too early
  /// for all we know (nil). Nil: nothing, it is somebody else's doing.
  package func failure(relay: Endpoint, opened: Instant, original: Failure?) -> Failure? {
    let name = "'\(Printable.text(relay.text))'"
    if let absence { return absence }
    if let refusal, refusal.at >= opened {
      let cause = isSilent && refusal.words.isEmpty ? "nobody answered" : refusal.words
      return Failure(
        .proxy, retry: .later(after: nil),
        "Could not reach the relay \(name) over UDP: \(Self.asClause(cause)).",
        remedy: isSilent
          ? "Check that a UDT relay runs there and that firewalls let UDP port \(relay.port) through."
          : "Check the relay's name and port.")
    }
    let also = original.map { " " + $0.sentence } ?? ""
    if let death, death.at >= opened {
      return Failure(
        .proxy, retry: .later(after: nil),
        "Lost the connection through the relay \(name): the relay program \(death.words).\(also)",
        remedy: "It is started again by itself.")
    }
    if let breakage, breakage.at >= opened {
      return Failure(
        .proxy, retry: .later(after: nil),
        "Lost the connection through the relay \(name): \(Self.asClause(breakage.words)).\(also)",
        remedy: breakage.words.contains("reset the connection")
          ? "The relay broke it off: it may allow fewer connections, or cannot reach its server."
          : "Check the network to the relay.")
    }
    return nil
  }

  /// Words of the program, fit to be the end of a sentence of ours: of "Could not do this with that: cause." the cause.
  private static func asClause(_ words: String) -> String {
    var text = Printable.text(String(words.prefix(300)))[...]
    if text.hasPrefix("Could not ") {
      // A colon of an address has no blank behind it.
      for at in text.indices.reversed() where text[at...].hasPrefix(": ") {
        text = text[at...].dropFirst(2)
        break
      }
    }
    // "192.0.2.7:9000: no sign of life": whose end it is stands before it already.
    if let end = text.firstRange(of: ": ")?.lowerBound, text[..<end].last?.isNumber == true,
      text[..<end].contains(":"), Endpoint(String(text[..<end])) != nil
    {
      text = text[end...].dropFirst(2)
    }
    while text.hasSuffix(".") { text.removeLast() }
    return text.isEmpty ? "no reason was given" : String(text)
  }
}
