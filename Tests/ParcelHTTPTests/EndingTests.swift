import ParcelCore
import ParcelHTTP
import ParcelTesting
import Testing

/// Ends that are not the body's own: rejected, enough, stopped, paused, shut down.
@Suite struct EndingTests {
  let nginx: Nginx
  init() throws { nginx = try Shared.server() }

  @Test func aRejectedErrorBringsItsTextAndKeepsTheConnection() async throws {
    let harness = Harness()
    let rejecting = { @Sendable (_: ResponseHead) in BodyDecision.reject }
    let first = await harness.fetch(nginx.http + "/forbidden", receiver: StrictReceiver(decide: rejecting))
    #expect(first.head?.status == 403)
    #expect(first.end?.word == "rejected")
    #expect(first.end.map { String(decoding: $0.errorBody, as: UTF8.self) } == Nginx.forbiddenBody)
    let second = await harness.fetch(nginx.http + "/missing", receiver: StrictReceiver(decide: rejecting))
    #expect(second.head?.status == 404)
    #expect(second.end?.errorBody.isEmpty == false)
    #expect(second.connection == first.connection)
    #expect(first.writes + second.writes == 0)
  }

  @Test func aRejectedAnswerThatIsLongIsCutAtOnce() async throws {
    let state = await Harness().fetch(
      nginx.http + "/big", receiver: StrictReceiver(decide: { _ in .reject }))
    #expect(state.end?.word == "rejected")
    #expect(state.end?.errorBody.isEmpty == true)
  }

  @Test func enoughWithTheLastByteKeepsTheConnection() async throws {
    let harness = Harness()
    let receiver = StrictReceiver(answer: { state, new in
      state.body.count + new == Shared.smallSize ? .enough : .more
    })
    let first = await harness.fetch(nginx.http + "/small", receiver: receiver)
    #expect(first.end?.word == "completed")
    #expect(first.holds(0..<Shared.smallSize))
    let second = await harness.fetch(nginx.http + "/small")
    #expect(second.connection == first.connection)
  }

  @Test func enoughInMidBodyCompletes() async throws {
    let state = await Harness().fetch(
      nginx.http + "/big",
      receiver: StrictReceiver(answer: { state, _ in state.body.count > 100_000 ? .enough : .more }))
    #expect(state.end?.word == "completed")
    #expect(state.body.count > 100_000)
    #expect(state.body.count < Shared.bigSize)
    #expect(state.holds(0..<state.body.count))
  }

  @Test func aReceiverMayStop() async throws {
    let state = await Harness().fetch(
      nginx.http + "/big",
      receiver: StrictReceiver(answer: { state, _ in state.body.isEmpty ? .more : .stop }))
    #expect(state.end?.word == "stopped")
    #expect(state.writes == 2)
  }

  @Test func stopEndsATransferInMidBody() async throws {
    let harness = Harness()
    let receiver = StrictReceiver()
    let id = harness.open(nginx.http + "/slow/big", receiver)
    _ = await receiver.until { !$0.body.isEmpty }
    harness.transport.stop(id)
    let state = await receiver.ended()
    #expect(state.end?.word == "stopped")
    #expect(state.breaches.isEmpty)
    #expect(state.body.count < Shared.bigSize)
    harness.transport.stop(id)
    #expect(await harness.fetch(nginx.http + "/small").end?.word == "completed")
    #expect(receiver.state.breaches.isEmpty)
  }

  @Test func aStopReachesATransferThatIsPaused() async throws {
    let harness = Harness()
    let receiver = StrictReceiver(answer: { _, _ in .pause })
    let id = harness.open(nginx.http + "/big", receiver)
    _ = await receiver.until { $0.pauses == 1 }
    harness.transport.stop(id)
    let state = await receiver.ended()
    #expect(state.end?.word == "stopped")
    #expect(state.body.isEmpty)
  }

  @Test(arguments: [false, true])
  func pausedBytesAreOfferedAgainAndNoneIsLost(shared: Bool) async throws {
    let harness = Harness { $0.certificateAuthorities = nginx.authority }
    // Every fifth offer is refused once.
    let receiver = StrictReceiver(answer: { state, _ in state.writes % 5 == 0 ? .pause : .more })
    harness.open(nginx.https + "/big", shared: shared, receiver)
    var seen = 0
    while true {
      let known = seen
      let state = await receiver.until { $0.pauses > known || $0.end != nil }
      if state.end != nil { break }
      seen = state.pauses
      harness.transport.resumePaused()
    }
    let state = receiver.state
    #expect(state.breaches.isEmpty)
    #expect(state.pauses > 50)
    #expect(state.holds(0..<Shared.bigSize))
    #expect(state.end?.httpVersion == (shared ? "2" : "1.1"))
  }

  @Test func aStopInAPausedOffersPlaceEndsIt() async throws {
    let harness = Harness()
    let receiver = StrictReceiver(answer: { state, _ in state.pauses == 0 ? .pause : .stop })
    harness.open(nginx.http + "/big", receiver)
    _ = await receiver.until { $0.pauses == 1 }
    harness.transport.resumePaused()
    #expect(await receiver.ended().end?.word == "stopped")
  }

  @Test func shutDownEndsEachOpenTransferOnce() async throws {
    let harness = Harness()
    let receivers = (0..<20).map { _ in StrictReceiver() }
    for receiver in receivers { harness.open(nginx.http + "/slow/big", receiver) }
    _ = await receivers[0].until { !$0.body.isEmpty }
    harness.transport.shutDown()
    harness.transport.shutDown()
    for receiver in receivers {
      let state = await receiver.ended()
      #expect(state.end?.word == "stopped")
      #expect(state.breaches.isEmpty)
    }
    let late = StrictReceiver()
    harness.open(nginx.http + "/small", late)
    #expect(await late.ended().end?.word == "stopped")
    #expect(receivers.allSatisfy { $0.state.breaches.isEmpty })
  }

  @Test func aTransportThatIsDroppedEndsItsTransfers() async throws {
    let receiver = StrictReceiver()
    do {
      let harness = Harness()
      harness.open(nginx.http + "/slow/big", receiver)
      _ = await receiver.until { !$0.body.isEmpty }
    }
    #expect(await receiver.ended().end?.word == "stopped")
  }

  @Test func bytesAreRightUnderARateLimitThatChanges() async throws {
    let harness = Harness { $0.rateLimit = 4 << 20 }
    let receivers = (0..<3).map { _ in StrictReceiver() }
    for (i, receiver) in receivers.enumerated() {
      harness.open(nginx.http + "/big", range: i << 20..<(i + 1) << 20, receiver)
    }
    _ = await receivers[0].until { $0.body.count > 100_000 }
    harness.transport.setRateLimit(16 << 20)
    _ = await receivers[1].until { $0.body.count > 200_000 }
    harness.transport.setRateLimit(nil)
    for (i, receiver) in receivers.enumerated() {
      let state = await receiver.ended()
      #expect(state.breaches.isEmpty)
      #expect(state.holds(i << 20..<(i + 1) << 20))
    }
  }
}
