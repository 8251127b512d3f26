/// Keeps one relay program running: when to start it, when to give up on one that does not answer, how long to wait before
/// the next. It never stops trying by itself. Time is an argument; effects are carried out by the caller.
package struct Supervisor: Sendable {
  package enum State: Hashable, Sendable {
    case stopped
    /// Started; it must report that it listens before `until`.
    case starting(until: Instant)
    /// It listens.
    case running(since: Instant)
    /// It was killed because it was not ready in time; its end is still to come.
    case killed
    /// None runs; the next is started then.
    case waiting(until: Instant)
    /// It was asked to end and is killed then.
    case ending(until: Instant)
  }

  package enum Event: Sendable {
    case start
    /// The program could not even be started.
    case launchFailed(Failure)
    case report(RelayReport)
    case exited(ProgramEnd)
    /// `deadline` may have passed.
    case tick
    case stop
  }

  package enum Effect: Hashable, Sendable {
    /// Start the program; `launchFailed` when that is not possible.
    case launch
    /// Send the order to end.
    case askToStop
    case kill
    case log(String)
  }

  /// Seconds to become ready in.
  package static let patience: Double = 5
  /// Seconds to end in after the order to: longer than the program gives its connections.
  package static let grace: Double = 3
  /// Seconds without a report while connections are open, when two a second are due; then that many again to be sure, because it
  /// may be this program that stood still.
  package static let silence: Double = 5
  package static let doubt: Double = 2
  /// Seconds of running after which earlier deaths are forgotten.
  package static let health: Double = 30
  /// Seconds before the second start in a row, doubled up to the longest wait.
  package static let firstWait = 0.2
  package static let longestWait: Double = 10

  package private(set) var state = State.stopped
  package private(set) var facts = SupervisorFacts()
  /// Ours, to be compared with the program's; empty: not compared.
  private let version: String
  private let relay: Endpoint
  /// Deaths in a row.
  private var failures = 0
  /// When it reported last, or was doubted, while connections were open.
  private var heard: Instant?
  private var isDoubted = false
  /// False from `stop` on.
  private var isWanted = false

  package init(relay: Endpoint, version: String = "") {
    self.relay = relay
    self.version = version
  }

  /// When `tick` is due; nil: not at all.
  package var deadline: Instant? {
    switch state {
    case .starting(let until), .waiting(let until), .ending(let until): until
    case .running:
      facts.path.flatMap { $0.connections > 0 ? heard : nil }.map {
        $0 + (isDoubted ? Self.doubt : Self.silence)
      }
    case .stopped, .killed: nil
    }
  }

  /// True when connections that wait have nobody to wait for: no program runs, and the last one did not get so far as to
  /// listen. Better that they end at once than at some time limit of theirs.
  package var turnsAway: Bool {
    if case .waiting = state { facts.absence != nil } else { false }
  }

  package mutating func handle(_ event: Event, now: Instant) -> [Effect] {
    switch event {
    case .start: start(now)
    case .launchFailed(let failure): launchFailed(failure, now)
    case .report(let report): reported(report, now)
    case .exited(let end): exited(end, now)
    case .tick: tick(now)
    case .stop: stop(now)
    }
  }

  private mutating func start(_ now: Instant) -> [Effect] {
    guard state == .stopped else { return [] }
    isWanted = true
    return launch(now)
  }

  private mutating func launch(_ now: Instant) -> [Effect] {
    state = .starting(until: now + Self.patience)
    facts.starts += 1
    return [.launch]
  }

  private mutating func launchFailed(_ failure: Failure, _ now: Instant) -> [Effect] {
    guard case .starting = state else { return [] }
    let isNews = facts.absence != failure
    facts.absence = failure
    failures += 1
    state = .waiting(until: now + wait)
    return isNews ? [.log(failure.text)] : []
  }

  private mutating func tick(_ now: Instant) -> [Effect] {
    guard let deadline, now >= deadline else { return [] }
    switch state {
    case .starting:
      state = .killed
      return [.log("\(name): not ready within \(Int(Self.patience)) s, killed"), .kill]
    case .waiting: return launch(now)
    case .ending:
      state = .killed
      return [.log("\(name): still there \(Int(Self.grace)) s after the order to end, killed"), .kill]
    case .running where isDoubted:
      // Its end is handled as any other of a running program.
      heard = nil
      return [.log("\(name): the program stands still, killed"), .kill]
    case .running:
      (heard, isDoubted) = (now, true)
      return []
    case .stopped, .killed: return []
    }
  }

  private mutating func stop(_ now: Instant) -> [Effect] {
    isWanted = false
    switch state {
    case .starting, .running:
      state = .ending(until: now + Self.grace)
      return [.askToStop]
    case .waiting:
      state = .stopped
      return []
    case .stopped, .killed, .ending: return []
    }
  }

  // MARK: The end of a program

  private mutating func exited(_ end: ProgramEnd, _ now: Instant) -> [Effect] {
    switch state {
    case .stopped, .waiting: return []
    case .ending, .killed, .starting, .running: break
    }
    forgetConnections()
    guard isWanted else {
      state = .stopped
      return []
    }
    var words = end.words
    if case .running(let since) = state {
      if now - since >= Self.health { failures = 0 }
    } else {
      if state == .killed { words = "was not ready within \(Int(Self.patience)) s" }
      facts.absence = absence(words)
    }
    facts.death = SupervisorFacts.Trouble(words: words, at: now)
    failures += 1
    if failures == 1 { return [.log("\(name): the program \(words); starting it again")] + launch(now) }
    state = .waiting(until: now + wait)
    return [.log("\(name): the program \(words); starting it again in \(Decimal.fixed(wait, 1)) s")]
  }

  /// Seconds to the next start: 0.2 after the second end in a row (or a first that was no start at all), 0.4, … 10.
  private var wait: Double {
    var seconds = Self.firstWait
    for _ in 0..<min(max(0, failures - 2), 10) { seconds *= 2 }
    return min(seconds, Self.longestWait)
  }

  private func absence(_ words: String) -> Failure {
    Failure(
      .proxy, retry: .later(after: nil),
      "Could not start the program for the \(name): it \(words).",
      remedy: "Try parcel-tcp2udt by hand, or --transport http.")
  }

  private mutating func forgetConnections() {
    guard facts.path != nil else { return }
    facts.path?.connections = 0
    facts.path?.receiveRate = 0
    facts.path?.sendRate = 0
  }

  // MARK: Reports

  private mutating func reported(_ report: RelayReport, _ now: Instant) -> [Effect] {
    (heard, isDoubted) = (now, false)
    switch report {
    case .ready(let version): return ready(version, now)
    case .connected(let seconds):
      facts.connectSeconds = seconds
      return [.log("\(name): connected in \(Decimal.fixed(min(max(0, seconds), 3600), 3)) s")]
    case .refused(let reason, let isSilent):
      facts.refusal = SupervisorFacts.Trouble(words: reason, at: now)
      facts.isSilent = isSilent
      return [.log("\(name): no connection: \(Printable.text(reason))")]
    case .broken(let reason):
      facts.breakage = SupervisorFacts.Trouble(words: reason, at: now)
      return [.log("\(name): a connection broke: \(Printable.text(reason))")]
    case .path(let path):
      facts.path = path
      return []
    }
  }

  private mutating func ready(_ version: String, _ now: Instant) -> [Effect] {
    guard case .starting = state else { return [] }
    state = .running(since: now)
    facts.absence = nil
    facts.remark = remark(on: version)
    return [.log("\(name): ready (\(Printable.text(version)))")] + (facts.remark.map { [.log($0)] } ?? [])
  }

  private func remark(on other: String) -> String? {
    guard !version.isEmpty, other != version else { return nil }
    return "The relay program is version \(Printable.text(other)), this is version \(version): "
      + "install both from one release."
  }

  private var name: String { "relay '\(Printable.text(relay.text))'" }
}
