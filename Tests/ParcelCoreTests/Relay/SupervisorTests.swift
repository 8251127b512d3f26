import Testing

@testable import ParcelCore

/// When a relay program is started, given up on and started again.
@Suite struct SupervisorTests {
  /// A supervisor with a clock and with what it did in order.
  private struct Bench {
    var supervisor = Supervisor(relay: Endpoint(host: "relay.example"), version: "1.2")
    var now = Instant(seconds: 100)
    var effects: [Supervisor.Effect] = []

    init(started: Bool = true) { if started { give(.start) } }

    mutating func give(_ event: Supervisor.Event) { effects += supervisor.handle(event, now: now) }
    mutating func pass(_ seconds: Double) {
      now = now + seconds
      give(.tick)
    }
    mutating func ready() { give(.report(.ready(version: "1.2"))) }

    /// The effects since the last call, log lines left out.
    mutating func acts() -> [Supervisor.Effect] {
      defer { effects = [] }
      return effects.filter { if case .log = $0 { false } else { true } }
    }
    mutating func lines() -> [String] {
      defer { effects = [] }
      return effects.compactMap { if case .log(let line) = $0 { line } else { nil } }
    }
    func failure(opened: Instant, original: Failure? = nil) -> Failure? {
      supervisor.facts.failure(relay: Endpoint(host: "relay.example"), opened: opened, original: original)
    }
  }

  @Test func itStartsOnceAndIsReadyWhenTheProgramSaysSo() {
    var bench = Bench()
    #expect(bench.acts() == [.launch])
    bench.give(.start)
    #expect(bench.acts() == [])
    #expect(bench.supervisor.deadline == bench.now + 5)
    bench.ready()
    #expect(bench.lines() == ["relay 'relay.example:9000': ready (1.2)"])
    #expect(bench.supervisor.state == .running(since: bench.now))
    #expect(bench.supervisor.deadline == nil)
    #expect(bench.supervisor.facts.starts == 1)
  }

  @Test func theFirstRestartIsAtOnceAndTheNextWaitLongerUpToTenSeconds() {
    var bench = Bench()
    #expect(bench.acts() == [.launch])
    bench.ready()
    bench.give(.exited(.signal(11)))
    #expect(bench.acts() == [.launch])
    for wait in [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10] {
      bench.ready()
      bench.give(.exited(.signal(11)))
      #expect(bench.acts() == [])
      #expect(bench.supervisor.state == .waiting(until: bench.now + wait))
      // It did listen: who waits in its socket is served by the next.
      #expect(!bench.supervisor.turnsAway)
      bench.pass(wait - 0.01)
      #expect(bench.acts() == [])
      bench.pass(0.01)
      #expect(bench.acts() == [.launch])
    }
  }

  @Test func thirtySecondsOfHealthAreForgiveness() {
    var bench = Bench()
    for _ in 0..<4 {
      bench.ready()
      bench.give(.exited(.status(1)))
      bench.pass(10)
    }
    bench.ready()
    _ = bench.acts()
    bench.pass(29.9)
    bench.give(.exited(.status(1)))
    #expect(bench.acts() == [])
    bench.pass(10)
    bench.ready()
    _ = bench.acts()
    bench.pass(30)
    bench.give(.exited(.status(1)))
    #expect(bench.acts() == [.launch])
  }

  @Test func aProgramThatIsNotReadyIsKilledAfterFiveSeconds() {
    var bench = Bench()
    _ = bench.acts()
    bench.pass(4.9)
    #expect(bench.acts() == [])
    bench.pass(0.1)
    #expect(bench.acts() == [.kill])
    bench.pass(60)
    #expect(bench.acts() == [])
    // Too late: it is as good as dead.
    bench.ready()
    #expect(bench.supervisor.state == .killed)
    bench.give(.exited(.signal(9)))
    #expect(bench.acts() == [.launch])
    #expect(
      bench.failure(opened: bench.now)?.sentence
        == "Could not start the program for the relay 'relay.example:9000': it was not ready within 5 s.")
    bench.ready()
    #expect(bench.failure(opened: bench.now + 1) == nil)
  }

  @Test func whoWaitsIsTurnedAwayWhenTheProgramNeverListens() {
    var bench = Bench()
    bench.give(.exited(.status(2)))
    #expect(!bench.supervisor.turnsAway)
    bench.give(.exited(.status(2)))
    #expect(bench.supervisor.turnsAway)
    #expect(bench.failure(opened: bench.now + 1)?.code == .proxy)
    bench.pass(0.2)
    #expect(!bench.supervisor.turnsAway)
    bench.ready()
    bench.give(.exited(.status(2)))
    #expect(!bench.supervisor.turnsAway)
  }

  @Test func aProgramThatCannotBeStartedIsTriedAgainAndSaidOnce() {
    let missing = Failure(
      .proxy, retry: .needsUser, "Could not start it: it is missing.", remedy: "Install it.")
    var bench = Bench()
    bench.give(.launchFailed(missing))
    #expect(bench.lines() == ["Could not start it: it is missing. Install it."])
    #expect(bench.supervisor.turnsAway)
    #expect(bench.failure(opened: bench.now) == missing)
    var waits: [Double] = []
    for _ in 0..<9 {
      let before = bench.now
      bench.now = bench.supervisor.deadline ?? before
      waits.append((10 * (bench.now - before)).rounded() / 10)
      bench.give(.tick)
      #expect(bench.acts() == [.launch])
      bench.give(.launchFailed(missing))
      #expect(bench.lines() == [])
    }
    #expect(waits == [0.2, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])
    bench.now = bench.supervisor.deadline ?? bench.now
    bench.give(.tick)
    bench.ready()
    #expect(bench.failure(opened: bench.now) == nil)
  }

  @Test func aProgramThatStandsStillWithOpenConnectionsIsKilledAndStartedAgain() {
    var bench = Bench()
    bench.ready()
    var path = PathStatistics()
    path.connections = 2
    bench.give(.report(.path(path)))
    _ = bench.acts()
    // Once it is only doubted: it may be the client that was stopped, and the report is on its way.
    bench.pass(Supervisor.silence)
    #expect(bench.acts() == [])
    bench.give(.report(.path(path)))
    bench.pass(Supervisor.doubt)
    #expect(bench.acts() == [])
    bench.pass(Supervisor.silence)
    bench.pass(Supervisor.doubt)
    #expect(bench.acts() == [.kill])
    bench.give(.exited(.signal(9)))
    #expect(bench.acts() == [.launch])
  }

  @Test func aProgramWithoutConnectionsMayBeSilentForEver() {
    var bench = Bench()
    bench.ready()
    bench.give(.report(.path(PathStatistics())))
    _ = bench.acts()
    #expect(bench.supervisor.deadline == nil)
    bench.pass(1000)
    #expect(bench.acts() == [])
  }

  @Test func stopAsksThenKills() {
    var bench = Bench()
    bench.ready()
    _ = bench.acts()
    bench.give(.stop)
    #expect(bench.acts() == [.askToStop])
    bench.give(.stop)
    bench.pass(2.9)
    #expect(bench.acts() == [])
    bench.pass(0.1)
    #expect(bench.acts() == [.kill])
    bench.give(.exited(.signal(9)))
    #expect(bench.acts() == [])
    #expect(bench.supervisor.state == .stopped)
    #expect(bench.supervisor.facts.death == nil)
  }

  @Test func stopInAWaitOrAKillEndsThere() {
    var waiting = Bench()
    waiting.give(.exited(.status(1)))
    waiting.give(.exited(.status(1)))
    _ = waiting.acts()
    waiting.give(.stop)
    #expect(waiting.supervisor.state == .stopped)
    waiting.pass(60)
    #expect(waiting.acts() == [])
    var killed = Bench()
    killed.pass(5)
    killed.give(.stop)
    killed.give(.exited(.signal(9)))
    #expect(killed.supervisor.state == .stopped)
    #expect(killed.acts() == [.launch, .kill])
    var never = Bench(started: false)
    never.give(.stop)
    never.give(.exited(.unknown))
    #expect(never.acts() == [])
  }

  @Test func aProgramOfAnotherVersionIsRemarkedOn() {
    var bench = Bench()
    bench.give(.report(.ready(version: "1.1\u{1b}")))
    let remark = bench.supervisor.facts.remark
    #expect(remark?.hasPrefix("The relay program is version 1.1") == true)
    #expect(remark?.hasSuffix("this is version 1.2: install both from one release.") == true)
    #expect(remark?.utf8.contains(27) == false)
    #expect(bench.lines().last == remark)
    bench.give(.exited(.status(0)))
    bench.ready()
    #expect(bench.supervisor.facts.remark == nil)
  }

  // MARK: What is said of a transfer

  private let original = Failure(
    .network, retry: .now, "Could not fetch http://h/x: the connection was closed.")

  @Test func onlyWhatHappenedSinceATransferWasOpenedIsItsCause() {
    var bench = Bench()
    bench.ready()
    let before = bench.now
    bench.pass(1)
    bench.give(
      .report(
        .refused(
          reason: "Could not connect to 'relay.example' over UDT: nobody answered within 3 s.", isSilent: true
        )))
    #expect(bench.failure(opened: before)?.code == .proxy)
    #expect(bench.failure(opened: bench.now)?.code == .proxy)
    #expect(bench.failure(opened: bench.now + 0.001) == nil)
    #expect(
      bench.failure(opened: before, original: original)
        == Failure(
          .proxy, retry: .later(after: nil),
          "Could not reach the relay 'relay.example:9000' over UDP: nobody answered within 3 s.",
          remedy: "Check that a UDT relay runs there and that firewalls let UDP port 9000 through."))
  }

  @Test(arguments: [
    ("the name was not found", "the name was not found"),
    ("Could not connect to '[::1]:9000' over UDT: no route: none.", "none"),
    ("Could not connect.", "Could not connect"), ("", "no reason was given"), ("a: b", "a: b"),
    ("Could not connect: ", "no reason was given"),
  ])
  func ofARefusalsSentenceTheCauseIsGiven(reason: String, cause: String) {
    var bench = Bench()
    bench.ready()
    bench.give(.report(.refused(reason: reason, isSilent: false)))
    #expect(
      bench.failure(opened: bench.now)?.sentence
        == "Could not reach the relay 'relay.example:9000' over UDP: \(cause).")
  }

  @Test(arguments: ["192.0.2.7:9000: ", "[2001:db8::7]:9000: ", ""])
  func whoseEndBrokeIsSaidOnce(name: String) {
    var bench = Bench()
    bench.ready()
    let opened = bench.now
    bench.give(.report(.broken(reason: name + "no sign of life from the peer for 15 s")))
    #expect(
      bench.failure(opened: opened)?.sentence
        == "Lost the connection through the relay 'relay.example:9000': no sign of life from the peer for 15 s."
    )
  }

  @Test func aDeathAndABreakAreSaidWithTheOriginalCause() {
    var bench = Bench()
    bench.ready()
    let opened = bench.now
    bench.pass(1)
    bench.give(.report(.broken(reason: "no answer for 15 s.\u{7}")))
    #expect(
      bench.failure(opened: opened, original: original)?.sentence.hasSuffix(
        ". Could not fetch http://h/x: the connection was closed.") == true)
    #expect(bench.failure(opened: opened)?.text.utf8.contains(7) == false)
    bench.give(.exited(.signal(11)))
    #expect(
      bench.failure(opened: opened, original: original)?.sentence
        == "Lost the connection through the relay 'relay.example:9000': the relay program was killed by signal 11. "
        + "Could not fetch http://h/x: the connection was closed.")
    #expect(bench.failure(opened: opened, original: original)?.retry == .later(after: nil))
    #expect(bench.failure(opened: bench.now + 1, original: original) == nil)
  }

  @Test func thePathsRatesEndWithTheProgram() {
    var bench = Bench()
    bench.ready()
    var path = PathStatistics()
    path.connections = 2
    path.receiveRate = 1e6
    path.roundTrip = 0.1
    bench.give(.report(.path(path)))
    #expect(bench.supervisor.facts.path == path)
    bench.give(.exited(.signal(11)))
    #expect(bench.supervisor.facts.path?.connections == 0)
    #expect(bench.supervisor.facts.path?.receiveRate == 0)
    #expect(bench.supervisor.facts.path?.roundTrip == 0.1)
  }

  // MARK: Any order of events

  @Test func whateverHappensThereIsAtMostOneProgramAndAnEndWhenStopped() {
    for seed in 1...400 {
      var random = RelaySeeds(UInt64(seed))
      var bench = Bench(started: false)
      var isAlive = false
      var isStopped = false
      for step in 0..<120 {
        switch random.next(10) {
        case 0: if !isStopped { bench.give(.start) }
        case 1, 2: if isAlive { bench.ready() }
        case 3, 4:
          if isAlive {
            isAlive = false
            bench.give(.exited(.signal(11)))
          }
        case 5: if isAlive { bench.give(.report(.refused(reason: "no", isSilent: true))) }
        case 6:
          if step > 60, random.next(6) == 0 {
            isStopped = true
            bench.give(.stop)
          }
        default: bench.pass(Double(random.next(4000)) / 1000)
        }
        while let effect = bench.effects.first {
          bench.effects.removeFirst()
          switch effect {
          case .launch:
            #expect(!isAlive && !isStopped)
            if random.next(4) == 0 {
              bench.give(.launchFailed(Failure(.proxy, retry: .never, "no")))
            } else {
              isAlive = true
            }
          case .askToStop, .kill: #expect(isAlive)
          case .log: break
          }
        }
        switch bench.supervisor.state {
        case .starting, .running, .killed, .ending: #expect(isAlive)
        case .stopped, .waiting: #expect(!isAlive)
        }
      }
      bench.give(.stop)
      bench.pass(10)
      if isAlive { bench.give(.exited(.signal(9))) }
      #expect(bench.supervisor.state == .stopped)
      #expect(bench.supervisor.deadline == nil)
    }
  }
}
