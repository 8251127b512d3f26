import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

private let relay = Endpoint(host: "relay.example", port: 9000)
private let refused = Failure(.proxy, retry: .later(after: nil), "The relay does not answer.")

/// A lab with both ways to the server.
private func both(
  _ choice: TransportChoice, relay: RelayRule = .fixed(relay), endsOnStop: Bool = true,
  _ change: (inout EngineOptions) -> Void = { _ in }
) -> EngineLab {
  EngineLab(
    {
      $0.transport = choice
      $0.relay = relay
      change(&$0)
    }, endsOnStop: endsOnStop, udt: true)
}

extension EngineLab {
  /// Lets time pass for `seconds`, or until nothing is open for a while; each way brings so many bytes a second in all.
  fileprivate func flow(
    _ object: ScriptedObject, http: Int, udt: Int?, seconds: Double, each: () -> Void = {}
  ) async {
    var quiet = 0
    for _ in 0..<Int(seconds * 10) where quiet < 20 {
      let direct = transport.open
      for transfer in direct { transport.serve(transfer, object, upTo: http / 10 / direct.count) }
      let tunnelled = tunnel.open
      for transfer in tunnelled {
        if let udt {
          tunnel.serve(transfer, object, upTo: udt / 10 / tunnelled.count)
        } else {
          tunnel.end(transfer.request.id, .failed(refused))
        }
      }
      quiet = direct.isEmpty && tunnelled.isEmpty ? quiet + 1 : 0
      each()
      await run(1)
    }
  }

  fileprivate var warnings: [String] { seen.log.filter { $0.level == .warning }.map(\.text) }
}

@Suite struct RouteTests {
  @Test func aRunningDownloadMovesToUDTAndLosesNothing() async {
    let lab = both(.http) { $0.connections = 4 }
    let object = ScriptedObject(bytes: pattern(40 * mega + 777))
    await lab.engine.add([spec("m.bin", size: object.bytes.count)])
    await lab.flow(object, http: 16 * mega, udt: 0, seconds: 1)
    #expect(lab.transport.open.count == 4 && lab.tunnel.requests.isEmpty)
    let before = lab.transport.requests.count
    await lab.engine.perform(.setTransport([DownloadID(0)], .udt))
    await lab.flow(object, http: 16 * mega, udt: 16 * mega, seconds: 60)
    lab.expect("m.bin", object)
    #expect(lab.transport.requests.count == before)
    #expect(lab.tunnel.requests.allSatisfy { $0.relay == relay })
    #expect(lab.transport.requests.allSatisfy { $0.relay == nil })
    // The store would stop the test at a byte written twice; none came twice either.
    #expect(lab.seen.totals.fetched == object.bytes.count)
    #expect(lab.status(0)?.choice == .udt)
    // Its row still says how the last of it came.
    #expect(lab.status(0)?.state == .verified && lab.status(0)?.transport == .udt)
  }

  @Test func andBackToHTTP() async {
    let lab = both(.udt)
    let object = ScriptedObject(bytes: pattern(40 * mega + 777))
    await lab.engine.perform(.select(DownloadID(0)))
    await lab.engine.add([spec("b.bin", size: object.bytes.count)])
    await lab.run()
    // One flow that asks for everything.
    #expect(lab.tunnel.requests.map(\.range) == [ByteRange(0, object.bytes.count)])
    await lab.flow(object, http: 0, udt: 4 * mega, seconds: 2)
    #expect(lab.status(0)?.transport == .udt)
    #expect(lab.seen.detail?.segments.map(\.transport) == [.udt])
    #expect(lab.seen.detail?.route?.history.isEmpty == false)
    await lab.engine.perform(.setTransportAll(.http))
    await lab.flow(object, http: 16 * mega, udt: 4 * mega, seconds: 60)
    lab.expect("b.bin", object)
    #expect(lab.tunnel.requests.count == 1)
    #expect(lab.seen.totals.fetched == object.bytes.count)
    #expect(lab.seen.settings.transport == .http)
    #expect(lab.seen.routeChanges.map { "\($0.from) \($0.to)" } == ["udt http"])
  }

  @Test func aSegmentThatHasBegunEndsAtItsNextBlock() async {
    let lab = both(.http) { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(12 * mega))
    await lab.engine.add([spec("e.bin", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: 2 * mega + 5)
    await lab.run()
    await lab.engine.perform(.setTransport([DownloadID(0)], .udt))
    await lab.run()
    // The rest of the block still comes over http; beyond it udt asks at once.
    #expect(lab.transport.open.count == 1)
    #expect(lab.tunnel.requests.map(\.range) == [ByteRange(3 * mega, 12 * mega)])
    lab.transport.serve(lab.transport.open[0], object)
    #expect(lab.transport.open.isEmpty)
    await lab.flow(object, http: 0, udt: 16 * mega, seconds: 10)
    lab.expect("e.bin", object)
  }

  @Test func autoFindsTheFasterWayAndTheTwoNeverCompete() async {
    let lab = both(.auto) { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(80 * mega))
    var path = PathStatistics()
    path.roundTrip = 0.142
    path.loss = 0.003
    lab.tunnel.setPath(path)
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    var together = 0
    await lab.flow(object, http: 400_000, udt: 2_000_000, seconds: 200) {
      let isMeasuring = lab.seen.routes.first?.isMeasuring == true
      if isMeasuring, !lab.transport.open.isEmpty, !lab.tunnel.open.isEmpty { together += 1 }
    }
    #expect(together == 0)
    lab.expect("a.bin", object)
    #expect(lab.seen.routeChanges.map(\.to) == [.udt])
    let reason = lab.seen.routeChanges.first?.reason ?? ""
    #expect(reason.hasPrefix("16 Mbit/s against 3"))
    #expect(reason.hasSuffix("over http, loss 0.3 %, rtt 142 ms"))
    #expect(lab.seen.totals.fetched == object.bytes.count)
  }

  @Test func autoStaysOnHTTPWhereUDTIsSlower() async {
    let lab = both(.auto) { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(60 * mega))
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    await lab.flow(object, http: 1_500_000, udt: 1_000_000, seconds: 200)
    lab.expect("a.bin", object)
    // A leg of about ten seconds, over two flows and what http left between its segments.
    #expect(!lab.tunnel.requests.isEmpty && lab.tunnel.requests.count < 5)
    #expect(lab.seen.routeChanges.isEmpty)
    #expect(lab.seen.routes.first?.current == .http)
  }

  @Test func udtThatDoesNotAnswerCostsNothingButAMoment() async {
    let lab = both(.auto) {
      $0.connections = 1
      $0.policy.retry.limit = 0
    }
    let object = ScriptedObject(bytes: pattern(60 * mega))
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    await lab.flow(object, http: 1_500_000, udt: nil, seconds: 200)
    lab.expect("a.bin", object)
    #expect(lab.tunnel.requests.count == 2)
    #expect(lab.seen.routes.first?.reason == "no answer over UDP, http until 12:10")
  }

  @Test func aMissingProgramIsCalledThatAndNotTriedAgain() async {
    let lab = both(.auto) { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(60 * mega))
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    let missing = Failure(.proxy, retry: .needsUser, "Could not start 'parcel-tcp2udt'.")
    await lab.flow(object, http: 1_500_000, udt: 0, seconds: 200) {
      for transfer in lab.tunnel.open { lab.tunnel.end(transfer.request.id, .failed(missing)) }
    }
    lab.expect("a.bin", object)
    #expect(lab.tunnel.requests.count == 1)
    #expect(
      lab.seen.routes.first?.reason == "the program for UDT cannot be started, http until 12:10")
    let relayLines = lab.seen.log.map(\.text).filter {
      $0.contains(relay.text) || $0.contains("parcel-tcp2udt")
    }
    // The relay is not "back": the file goes on without it.
    #expect(!relayLines.contains { $0.contains("is back") }, "\(relayLines)")
    #expect(relayLines.contains { $0.contains("1 file goes on over http") }, "\(relayLines)")
  }

  @Test func chosenUDTIsTriedAgainAndSaidSo() async {
    let lab = both(.udt) { $0.policy.retry.limit = nil }
    let object = ScriptedObject(bytes: pattern(3 * mega))
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    await lab.flow(object, http: mega, udt: nil, seconds: 30)
    #expect(lab.transport.requests.isEmpty)
    #expect(lab.tunnel.requests.count > 2)
    #expect(lab.warnings.contains(refused.text))
    #expect(lab.seen.routes.first?.reason == "as chosen: no answer over UDP")
    await lab.flow(object, http: 0, udt: mega, seconds: 100)
    lab.expect("a.bin", object)
  }

  @Test func withoutARelayUDTIsHTTPAndAWarning() async {
    let lab = both(.auto, relay: .unknown)
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    await lab.run()
    await lab.engine.perform(.setTransport([DownloadID(0)], .udt))
    await lab.flow(object, http: 9 * mega, udt: mega, seconds: 10)
    lab.expect("a.bin", object)
    #expect(lab.tunnel.requests.isEmpty)
    #expect(
      lab.warnings.filter {
        $0.hasPrefix("No relay is known for https://data.example:443: give --relay HOST.")
      }
      .count == 1)
  }

  @Test func theServersOwnRelayIsLearned() async {
    let lab = both(.udt, relay: .unknown) { $0.connections = 1 }
    var object = ScriptedObject(bytes: pattern(20 * mega))
    object.extraHeaders = [HTTPHeader("Alt-Svc", "parcel-udt=\"other.example:9100\"; ma=60")]
    await lab.engine.add([spec("a.bin", size: object.bytes.count)])
    await lab.flow(object, http: 4 * mega, udt: 4 * mega, seconds: 30)
    lab.expect("a.bin", object)
    #expect(!lab.tunnel.requests.isEmpty)
    #expect(lab.tunnel.requests.allSatisfy { $0.relay == Endpoint(host: "other.example", port: 9100) })
  }

  @Test func aRelayThatPlainHTTPNamesElsewhereIsNotUsed() async {
    let lab = both(.udt, relay: .unknown)
    var object = ScriptedObject(bytes: pattern(20 * mega))
    object.extraHeaders = [HTTPHeader("Alt-Svc", "parcel-udt=\"other.example:9100\"")]
    await lab.engine.add([DownloadSpec(source: .url("http://data.example/a.bin"))])
    await lab.flow(object, http: 40 * mega, udt: 4 * mega, seconds: 30)
    lab.expect("a.bin", object)
    #expect(lab.tunnel.requests.isEmpty)
  }

  @Test func theURLsHostIsTheRelayAsInTheOriginal() async {
    let lab = both(.udt, relay: .urlHost(port: 9000))
    let object = ScriptedObject(bytes: pattern(1000))
    await lab.engine.add([
      DownloadSpec(source: .url("http://data.example/a")),
      DownloadSpec(source: .url("http://[2001:db8::1]:9001/b")),
    ])
    await lab.flow(object, http: 0, udt: mega, seconds: 10)
    #expect(
      lab.tunnel.requests.map { $0.relay?.text } == ["data.example:9000", "[2001:db8::1]:9001"])
    lab.expect("a", object)
    lab.expect("b", object)
  }

  @Test func aBodyThatEndsWithTheConnectionIsNotTakenOverUDT() async {
    var object = ScriptedObject(bytes: pattern(5 * mega))
    object.ranges = false
    object.announcesLength = false
    let file = DownloadSpec(source: .url("https://data.example/c"))
    let forced = both(.udt) { $0.policy.retry.limit = 2 }
    await forced.engine.add([file])
    await forced.flow(object, http: 0, udt: 9 * mega, seconds: 60)
    let isThere = forced.store.file(forced.path("c")) != nil
    #expect(!isThere)
    #expect(forced.status(0)?.state == .failed)
    #expect(forced.status(0)?.failure?.remedy.contains("http") == true)
    // Left to itself it takes http for this file.
    await forced.engine.perform(.setTransportAll(.auto))
    await forced.engine.perform(.retry([DownloadID(0)]))
    await forced.flow(object, http: 9 * mega, udt: 9 * mega, seconds: 60)
    forced.expect("c", object)
  }

  @Test func withTheManifestsSizeSuchABodyIsTaken() async {
    var object = ScriptedObject(bytes: pattern(5 * mega))
    object.ranges = false
    object.announcesLength = false
    let lab = both(.udt)
    await lab.engine.add([spec("c", size: object.bytes.count)])
    await lab.run()
    // Cut off in the middle, it is not complete.
    lab.tunnel.serve(lab.tunnel.open[0], object, upTo: 2 * mega)
    lab.tunnel.end(lab.tunnel.open[0].request.id, .completed)
    await lab.run()
    let isThere = lab.store.file(lab.path("c")) != nil
    #expect(!isThere)
    await lab.flow(object, http: 0, udt: 9 * mega, seconds: 60)
    lab.expect("c", object)
  }

  @Test func whatIsRedirectedElsewhereGoesDirect() async {
    let lab = both(.udt)
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("r", size: object.bytes.count)])
    await lab.run()
    let head = ResponseHead(status: 302, headers: [HTTPHeader("Location", "https://bucket.example/key")])
    let first = lab.tunnel.open[0]
    #expect(first.receiver.begin(head) == .reject)
    lab.tunnel.end(first.request.id, .rejected, head: head)
    await lab.flow(object, http: 9 * mega, udt: mega, seconds: 20)
    lab.expect("r", object)
    #expect(lab.tunnel.requests.count == 1)
  }

  @Test func whatTheRelayBreaksIsAskedForOverHTTPInAuto() async {
    // The relay leads to another server, whose certificate is another one.
    let lab = both(.auto) { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(40 * mega))
    await lab.engine.add([spec("t", size: object.bytes.count)])
    let wrong = Failure(.tls, retry: .never, "The certificate is for another host.")
    await lab.flow(object, http: mega, udt: 0, seconds: 100) {
      for transfer in lab.tunnel.open { lab.tunnel.end(transfer.request.id, .failed(wrong)) }
    }
    lab.expect("t", object)
  }

  @Test(arguments: [Failure.Code.network, .server, .stalled])
  func aRelayThroughWhichNothingComesCostsNothing(code: Failure.Code) async {
    let lab = both(.auto) {
      $0.connections = 1
      $0.policy.retry.limit = 0
    }
    let object = ScriptedObject(bytes: pattern(40 * mega))
    await lab.engine.add([spec("t", size: object.bytes.count)])
    await lab.flow(object, http: mega, udt: 0, seconds: 100) {
      for transfer in lab.tunnel.open {
        lab.tunnel.end(transfer.request.id, .failed(Failure(code, retry: .now, "Empty reply.")))
      }
    }
    lab.expect("t", object)
    #expect(lab.tunnel.requests.count == 2)
    #expect(lab.seen.routes.first?.reason == "nothing comes through the relay, http until 12:10")
  }

  @Test func aFileSetByHandDoesNotWaitForAMeasurement() async {
    let lab = both(.auto) { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(60 * mega))
    await lab.engine.add((0..<2).map { spec("h\($0)", size: object.bytes.count, id: "h\($0)") })
    for _ in 0..<300 where lab.tunnel.open.isEmpty {
      await lab.flow(object, http: mega, udt: 0, seconds: 0.1)
    }
    #expect(lab.seen.routes.first?.isMeasuring == true)
    await lab.engine.perform(.setTransport([DownloadID(1)], .http))
    await lab.flow(object, http: mega, udt: mega, seconds: 1)
    #expect(lab.seen.routes.first?.isMeasuring == false)
    #expect(!lab.transport.open.isEmpty)
    await lab.flow(object, http: 40 * mega, udt: 40 * mega, seconds: 60)
    lab.expect("h0", object)
    lab.expect("h1", object)
  }

  @Test func theRateLimitIsOneForBothWays() async {
    let lab = both(.http) {
      $0.connections = 1
      $0.rateLimit = 1000
    }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add((0..<2).map { spec("h\($0)", size: object.bytes.count, id: "h\($0)") })
    await lab.run()
    await lab.engine.perform(.setTransport([DownloadID(0)], .udt))
    await lab.flow(object, http: mega, udt: mega, seconds: 2)
    #expect(lab.transport.rateLimit == 500 && lab.tunnel.rateLimit == 500)
    await lab.engine.perform(.setTransportAll(.udt))
    await lab.flow(object, http: mega, udt: mega, seconds: 3)
    #expect(lab.tunnel.rateLimit == 1000)
  }

  @Test func overUDTOneLargeFileRunsAtATimeAndAFewSmallOnes() async {
    let lab = both(.udt)
    let large = ScriptedObject(bytes: pattern(3 * mega))
    await lab.engine.add((0..<3).map { spec("l\($0)", size: large.bytes.count, id: "l\($0)") })
    await lab.flow(large, http: 0, udt: 2 * mega, seconds: 30)
    #expect(lab.seen.totals.verified == 3)
    #expect(lab.seen.mostConnections == 1)
    let small = ScriptedObject(bytes: pattern(5000))
    await lab.engine.add((0..<30).map { spec("s\($0)", size: 5000, id: "s\($0)") })
    await lab.flow(small, http: 0, udt: mega, seconds: 60)
    #expect(lab.seen.totals.verified == 33)
    #expect(lab.seen.mostConnections == 4)
  }

  @Test func connectionsThatTheUserWantsAreFlows() async {
    let lab = both(.udt) { $0.connections = 3 }
    let object = ScriptedObject(bytes: pattern(60 * mega))
    await lab.engine.add([spec("n", size: object.bytes.count)])
    await lab.flow(object, http: 0, udt: 6 * mega, seconds: 2)
    #expect(lab.tunnel.open.count == 3)
    await lab.flow(object, http: 0, udt: 40 * mega, seconds: 30)
    lab.expect("n", object)
  }

  /// Rates that change and connections that break while `auto` measures: the two never compete, and every byte is right.
  @Test(arguments: 0..<8) func autoUnderChangingRatesNeverCompetes(seed: Int) async {
    var random = SeededRandom(seed: UInt64(seed) &+ 31)
    let lab = both(.auto) {
      $0.connections = seed % 2 == 0 ? nil : 1 + seed % 4
      $0.policy.retry.limit = nil
      $0.seed = UInt64(seed)
    }
    let object = ScriptedObject(bytes: pattern(48 * mega, seed: UInt64(seed)))
    await lab.engine.add((0..<2).map { spec("r\($0)", size: object.bytes.count, id: "r\($0)") })
    let reset = Failure(.network, retry: .now, "Connection reset.")
    var together = 0
    var legs = 0
    for _ in 0..<400 where lab.seen.phase != .finished {
      let http = 100_000 + Int(random.next() % 2_000_000)
      let udt = random.next() % 20 == 0 ? nil : 100_000 + Int(random.next() % 3_000_000)
      await lab.flow(object, http: http, udt: udt, seconds: 2) {
        guard lab.seen.routes.first?.isMeasuring == true else { return }
        legs += 1
        if !lab.transport.open.isEmpty, !lab.tunnel.open.isEmpty { together += 1 }
      }
      for way in [lab.transport, lab.tunnel] {
        if random.next() % 6 == 0, let some = way.open.first { way.end(some.request.id, .failed(reset)) }
      }
    }
    #expect(together == 0)
    #expect(legs > 0)
    lab.expect("r0", object)
    lab.expect("r1", object)
    #expect(lab.seen.totals.fetched == 2 * object.bytes.count)
  }

  /// Cuts, refusals, pauses, bad blocks and changes of transport at random: whatever happens, the final file is right.
  @Test(arguments: 0..<60) func whateverBreaksAndMovesTheFileIsRight(seed: Int) async {
    var random = SeededRandom(seed: UInt64(seed) &+ 7000)
    let lab = both([.auto, .udt, .http][seed % 3], endsOnStop: seed % 4 != 0) {
      $0.connections = seed % 2 == 0 ? nil : 1 + seed % 5
      $0.policy.retry.limit = nil
      $0.policy.sizing.smallest = 1 << 20
      $0.seed = UInt64(seed)
    }
    var object = ScriptedObject(bytes: pattern(Int(random.next() % UInt64(6 * mega)) + 1, seed: UInt64(seed)))
    object.ranges = seed % 7 != 0
    let named = seed % 5 != 0
    await lab.engine.add([
      named ? spec("z", size: object.bytes.count) : DownloadSpec(source: .url("https://h.example/z"))
    ])
    let reset = Failure(.network, retry: .now, "Connection reset.")
    for round in 0..<3000 where lab.store.file(lab.path("z")) == nil {
      for way in [lab.transport, lab.tunnel] {
        for transfer in way.open {
          let breaks = round < 200 && random.next() % 3 == 0
          let upTo = breaks ? Int(random.next() % UInt64(2 * mega)) : .max
          let isDead = way.kind == .udt && round < 200 && random.next() % 4 == 0
          if !isDead { way.serve(transfer, object, upTo: upTo) }
          if breaks || isDead { way.end(transfer.request.id, .failed(isDead ? refused : reset)) }
        }
      }
      if round < 200, random.next() % 3 == 0 {
        let choice = TransportChoice.allCases[Int(random.next() % 3)]
        await lab.engine.perform(
          random.next() % 2 == 0 ? .setTransport([DownloadID(0)], choice) : .setTransportAll(choice))
      }
      if round < 200, random.next() % 10 == 0 { await lab.engine.perform(.pauseAll) }
      if random.next() % 4 == 0 { await lab.engine.perform(.resumeAll) }
      if round < 50, let part = lab.store.part(lab.path("z")), let some = part.stored.ranges.first {
        if random.next() % 8 == 0 { part.lose(some) }
      }
      await lab.run(1)
    }
    let isRight = lab.has("z", object)
    #expect(isRight, "\(String(describing: lab.status(0))) \(lab.seen.log.suffix(5))")
  }
}
