import ParcelCore
import Testing

private func at(_ seconds: Double) -> Instant { Instant(seconds: seconds) }

/// A machine that lives through events, each a second after the last unless told otherwise.
private struct Life {
  var machine: RelayMachine
  var now = 0.0
  var effects: [RelayMachine.Effect] = []

  init(idle: Double? = nil, halfClose: Double = 30) {
    machine = RelayMachine(limits: .init(idle: idle, halfClose: halfClose), now: at(0))
  }

  @discardableResult mutating func tell(_ event: RelayMachine.Event, at time: Double? = nil) -> [RelayMachine
    .Effect]
  {
    now = time ?? now + 1
    let new = machine.handle(event, now: at(now))
    effects += new
    return new
  }

  /// What the threads do with an end: pass it on and tell the answer.
  mutating func end(_ side: RelayMachine.Side, isFinal: Bool = false, peerHasAWord: Bool = true) {
    if tell(.end(side, isFinal: isFinal)) == [.endWriting(side.other)] {
      tell(.told(side.other, peerHasAWord))
    }
  }
}

@Suite struct RelayMachineTests {
  @Test func bothEndsAreAnEnd() {
    var life = Life()
    life.tell(.read(.near, 10))
    life.tell(.written(.far, 10))
    life.end(.near)
    #expect(!life.machine.isOver)
    life.end(.far)
    #expect(life.machine.outcome == .ended)
    #expect(life.effects == [.endWriting(.far), .endWriting(.near), .finish])
    #expect(!life.machine.mustAbort(.near) && !life.machine.mustAbort(.far))
  }

  @Test func anEndIsPassedOnOnlyAfterTheLastByte() {
    var life = Life()
    life.tell(.read(.near, 10))
    #expect(life.tell(.end(.near, isFinal: false)) == [])
    #expect(life.machine[from: .near].phase == .draining)
    #expect(life.tell(.written(.far, 4)) == [])
    #expect(life.tell(.written(.far, 6)) == [.endWriting(.far)])
    life.tell(.told(.far, true))
    #expect(life.machine[from: .near].phase == .ended)
  }

  @Test func aHalfClosedConnectionToldToItsPeerStaysForEver() {
    var life = Life(idle: nil, halfClose: 30)
    life.end(.near)
    #expect(life.tell(.tick, at: 1e6) == [])
    #expect(!life.machine.isOver)
  }

  @Test func aPeerThatCannotBeToldIsWaitedFor() {
    var life = Life(halfClose: 30)
    life.end(.near, peerHasAWord: false)
    life.tell(.read(.far, 5), at: 20)
    life.tell(.written(.near, 5), at: 21)
    #expect(life.tell(.tick, at: 50) == [], "29 s after the last byte")
    #expect(life.tell(.tick, at: 51) == [.finish])
    #expect(life.machine.outcome == .halfClosed)
    // Near would take the end of the answer for its real end.
    #expect(life.machine.mustAbort(.near))
    #expect(!life.machine.mustAbort(.far))
    #expect(life.machine.isUntold(.far))
  }

  @Test func bytesThatWaitForASlowReaderAreNoSilence() {
    var life = Life(halfClose: 30)
    life.end(.near, peerHasAWord: false)
    life.tell(.read(.far, 5), at: 20)
    #expect(life.tell(.tick, at: 500) == [])
  }

  @Test func aPeerThatHasClosedIsNotWaitedForLongerThanTheOtherSideIsSilent() {
    var life = Life(halfClose: 30)
    life.end(.far, isFinal: true)
    #expect(life.tell(.tick, at: 31) == [])
    #expect(life.tell(.tick, at: 33) == [.finish])
    #expect(!life.machine.mustAbort(.near), "near has everything and was told")
    #expect(life.machine.mustAbort(.far))
  }

  @Test(arguments: RelayMachine.Side.allCases) func aBrokenSideIsAResetOnBoth(_ side: RelayMachine.Side) {
    for event in [RelayMachine.Event.unreadable(side, "why"), .unwritable(side, "why")] {
      var life = Life()
      life.tell(.read(side, 3))
      #expect(life.tell(event) == [.abort])
      #expect(life.machine.outcome == .broken(side, "why"))
      #expect(life.machine.mustAbort(.near) && life.machine.mustAbort(.far))
      #expect(life.tell(.end(.near, isFinal: false)) == [], "it is over")
    }
  }

  @Test func anEndThatMayBeAResetsOtherFaceWaitsForProof() {
    var life = Life()
    life.tell(.read(.near, 10))
    // The thread that writes to far may have taken the error.
    #expect(life.tell(.end(.far, isFinal: false)) == [])
    #expect(life.tell(.again(.far)) == [])
    #expect(life.tell(.unwritable(.far, "reset")) == [.abort])
  }

  @Test(arguments: [RelayMachine.Event.written(.far, 4), .waited(.far)])
  func anEndIsBelievedWhenTheSideStillTakesBytes(_ proof: RelayMachine.Event) {
    var life = Life()
    life.tell(.read(.near, 10))
    life.tell(.end(.far, isFinal: false))
    #expect(life.tell(proof) == [], "the thread that writes to near passes it on")
    #expect(life.tell(.again(.far)) == [.endWriting(.near)])
  }

  @Test func whatASideSaidBeforeItBrokeStillArrives() {
    var life = Life()
    life.tell(.read(.far, 10))
    life.tell(.end(.far, isFinal: false))
    life.tell(.read(.near, 1))
    #expect(life.tell(.unwritable(.far, "it is gone")) == [], "near has not got everything")
    #expect(life.tell(.written(.near, 10)) == [.endWriting(.near)])
    #expect(life.tell(.told(.near, true)) == [.finish])
    #expect(!life.machine.mustAbort(.near))
    #expect(life.machine.mustAbort(.far))
    #expect(life.machine.outcome == .halfClosed)
  }

  @Test func aSideThatIsClosedBothWaysIsNotTakenForOneThatIsGone() {
    var life = Life()
    life.end(.near)
    life.tell(.read(.far, 5))
    life.tell(.written(.near, 5))
    #expect(life.tell(.end(.far, isFinal: false)) == [.endWriting(.near)])
    // Seen between the call and its answer.
    #expect(life.tell(.unwritable(.near, "it has closed")) == [])
    #expect(life.tell(.told(.near, true)) == [.finish])
    #expect(life.machine.outcome == .ended && !life.machine.mustAbort(.near))
  }

  @Test func progressInEitherDirectionKeepsAConnection() {
    var life = Life(idle: 10)
    life.tell(.read(.far, 5), at: 8)
    #expect(life.tell(.tick, at: 17) == [])
    life.tell(.written(.near, 1), at: 17.5)
    #expect(life.tell(.tick, at: 27) == [])
    #expect(life.tell(.tick, at: 27.5) == [.abort])
    #expect(life.machine.outcome == .idle)
  }

  @Test func whatIsToBeDestroyedIsKeptOnceAndOnlyWhenItMustWait() {
    var life = Life()
    #expect(life.tell(.expiring(.far)) == [])
    life.tell(.read(.far, 5))
    #expect(life.tell(.expiring(.far)) == [.keep(.far)])
    #expect(life.tell(.expiring(.far)) == [])
  }

  @Test func stoppingIsAReset() {
    var life = Life()
    #expect(life.tell(.stop) == [.abort])
    #expect(life.machine.outcome == .stopped)
  }

  @Test func noOrderOfEventsMakesACleanEndOfACutStream() {
    for seed in UInt64(1)...3000 {
      var random = Seeded(state: seed)
      var life = Life(idle: 40, halfClose: 20)
      var sourceEnded: Set<RelayMachine.Side> = []
      for _ in 0..<60 where !life.machine.isOver {
        let side: RelayMachine.Side = random.next() % 2 == 0 ? .near : .far
        let direction = life.machine[from: side]
        switch random.next() % 12 {
        case 0...3 where direction.phase == .open && !sourceEnded.contains(side):
          life.tell(.read(side, Int(random.next() % 100) + 1))
        case 4...6 where direction.buffered > 0 && direction.phase != .failed:
          let effects = life.tell(.written(side.other, Int(random.next() % UInt64(direction.buffered)) + 1))
          if effects.contains(.endWriting(side.other)) {
            life.tell(.told(side.other, random.next() % 2 == 0))
          }
        case 7 where direction.phase == .open:
          sourceEnded.insert(side)
          life.end(side, isFinal: random.next() % 3 == 0, peerHasAWord: random.next() % 2 == 0)
        case 8: life.tell(.waited(side))
        case 9 where direction.phase == .draining:
          if life.tell(.again(side)) == [.endWriting(side.other)] { life.tell(.told(side.other, true)) }
        case 10 where random.next() % 8 == 0: life.tell(.unwritable(side, "broken"))
        case 11: life.tell(.tick, at: life.now + Double(random.next() % 15))
        default: break
        }
      }
      check(life.machine, sourceEnded, seed)
    }
  }

  private func check(_ machine: RelayMachine, _ ended: Set<RelayMachine.Side>, _ seed: UInt64) {
    for side in RelayMachine.Side.allCases {
      let incoming = machine[from: side.other]
      if incoming.phase == .ended {
        #expect(incoming.buffered == 0 && ended.contains(side.other), "seed \(seed)")
      }
      if machine.isOver, !machine.mustAbort(side) {
        #expect(incoming.phase == .ended && incoming.buffered == 0, "seed \(seed)")
      }
    }
  }
}

private struct Seeded {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state >> 33) ^ (state >> 17)
  }
}

@Suite struct RelayTargetTests {
  @Test func hostAndPortAreTakenFromAnyWriting() {
    #expect(RelayTarget.read("data.example:8080") == Endpoint(host: "data.example", port: 8080))
    #expect(RelayTarget.read("http://data.example/some/path") == Endpoint(host: "data.example", port: 80))
    #expect(RelayTarget.read("HTTPS://data.example") == Endpoint(host: "data.example", port: 443))
    #expect(RelayTarget.read("https://[2001:db8::1]:8443/") == Endpoint(host: "2001:db8::1", port: 8443))
    #expect(
      RelayTarget.read("relay.example", defaultPort: 9000) == Endpoint(host: "relay.example", port: 9000))
    #expect(RelayTarget.read("http://relay.example", defaultPort: 9000)?.port == 9000)
  }

  @Test(arguments: [
    "", "data.example", "data.example:", "data.example:0", "a b:80", "http://", "ftp://x:1", ":80",
  ])
  func anythingElseIsNone(_ text: String) {
    #expect(RelayTarget.read(text) == nil)
  }
}
