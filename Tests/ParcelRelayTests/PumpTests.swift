import Glibc
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelTesting
import Testing

/// A service between two scripted streams.
private struct Pair {
  let near: ScriptedStream
  let far: ScriptedStream
  let notices = Notices()
  let service: RelayService

  init(
    near: ScriptedStream = ScriptedStream(), far: ScriptedStream = ScriptedStream(),
    _ change: (inout RelaySettings) -> Void = { _ in }
  ) {
    (self.near, self.far) = (near, far)
    var settings = RelaySettings()
    change(&settings)
    let notices = self.notices
    service = RelayService(target: "far", settings, observe: notices.add) { RelayEnd(far) }
    service.take(RelayEnd(near))
  }

  /// Waits for the end of the connection.
  func record() -> RelayRecord? {
    _ = eventually { !notices.records.isEmpty }
    return notices.records.first
  }
}

@Suite struct PumpTests {
  @Test func bytesGoBothWaysAndEndsArePassedOn() {
    let pair = Pair()
    let there = pattern(3 << 20)
    let back = pattern(1 << 20, seed: 2)
    pair.near.send(.bytes(there), .end)
    pair.far.send(.bytes(back), .end)
    let record = pair.record()
    #expect(record?.how == "ended")
    #expect(record?.sent == there.count && record?.received == back.count)
    #expect(pair.far.received == there && pair.near.received == back)
    #expect(pair.near.isEnded && pair.far.isEnded)
    #expect(pair.near.isClosed && pair.far.isClosed)
    #expect(!pair.near.isAborted && !pair.far.isAborted)
  }

  @Test func oneDirectionGoesOnAfterTheOtherEnded() {
    let pair = Pair()
    pair.near.send(.bytes([1, 2, 3]), .end)
    #expect(eventually { pair.far.isEnded })
    #expect(!pair.near.isEnded)
    let answer = pattern(2 << 20)
    pair.far.send(.bytes(answer), .end)
    #expect(pair.record()?.how == "ended")
    #expect(pair.near.received == answer)
  }

  @Test func aBrokenSideResetsTheOther() {
    let pair = Pair()
    pair.far.send(.bytes([1, 2, 3]), .broken("the path is gone"))
    let record = pair.record()
    #expect(record?.how == "broken")
    #expect(record?.reason == "far: the path is gone")
    #expect(pair.near.isAborted && pair.near.isClosed && !pair.near.isEnded)
    #expect(pair.far.isAborted && pair.far.isClosed)
    #expect(pair.service.counters.resets == 1)
  }

  @Test func aSideThatTakesNoBytesAnyMoreResetsTheOther() {
    let pair = Pair()
    pair.far.breakWriting("gone")
    pair.near.send(.bytes([1]))
    #expect(pair.record()?.how == "broken")
    #expect(pair.near.isAborted)
  }

  @Test func aSlowReaderHoldsBackTheOther() {
    let pair = Pair(near: ScriptedStream(room: 1000))
    for _ in 0..<20 { pair.far.send(.bytes(pattern(100_000))) }
    #expect(eventually { pair.near.received.count == 1000 })
    #expect(!pair.far.isDrained, "no more is read than one piece")
    pair.near.makeRoom()
    pair.far.send(.end)
    pair.near.send(.end)
    #expect(pair.record()?.received == 2_000_000)
    #expect(pair.near.received == (0..<20).flatMap { _ in pattern(100_000) })
  }

  @Test(arguments: [8 << 20, 1 << 20])
  func whatAClosedPeerLeftIsSavedForASlowReader(_ memory: Int) {
    // 5 MB in memory, and with less of it most on disk.
    let pair = Pair(near: ScriptedStream(room: 1000)) { $0.memory = memory }
    let bytes = pattern(5 << 20)
    pair.far.send(.bytes(bytes), .end)
    pair.far.expire()
    // Not one byte more was taken by near, and far is read to its end.
    #expect(memory > 5 << 20 || eventually { pair.service.counters.spooled > 0 })
    #expect(pair.near.received.count <= 1000)
    pair.near.send(.end)
    pair.near.makeRoom()
    let record = pair.record()
    #expect(record?.how == "ended")
    #expect(pair.near.received == bytes)
    #expect(((record?.spooled ?? 0) > 0) == (memory < 5 << 20))
  }

  @Test func aSpoolThatIsFullIsAReset() {
    let pair = Pair(near: ScriptedStream(room: 10)) {
      $0.memory = 1 << 20
      $0.spool = 1 << 20
    }
    pair.far.send(.bytes(pattern(5 << 20)), .end)
    pair.far.expire()
    let record = pair.record()
    #expect(record?.how == "broken")
    #expect(record?.reason?.contains("the spool is full") == true)
    #expect(pair.near.isAborted && !pair.near.isEnded)
  }

  @Test func aPeerThatCannotBeToldLearnsOfTheEndByTheClosing() {
    let pair = Pair(far: ScriptedStream(hasAWord: false)) { $0.limits.halfClose = 0.1 }
    pair.near.send(.bytes([7]), .end)
    #expect(pair.record()?.how == "half-closed")
    #expect(pair.far.received == [7] && pair.far.isClosed && !pair.far.isAborted)
    #expect(pair.near.isAborted, "the answer did not end")
  }

  @Test func aConnectionThatStandsStillIsReset() {
    let pair = Pair { $0.limits.idle = 0.2 }
    pair.near.send(.bytes([7]))
    #expect(pair.record()?.how == "idle")
    #expect(pair.near.isAborted && pair.far.isAborted)
  }

  @Test func stoppingWaitsForWhatIsOpen() {
    let pair = Pair()
    #expect(eventually { pair.service.openConnections == 1 })
    pair.near.send(.bytes([1]), .end)
    pair.far.send(.end)
    #expect(pair.service.stop(deadline: 60))
    #expect(pair.near.isClosed && !pair.near.isAborted)
  }

  @Test func stoppingBreaksOffWhatDoesNotEnd() {
    let pair = Pair()
    #expect(eventually { pair.service.openConnections == 1 })
    #expect(!pair.service.stop(deadline: 0.05))
    #expect(pair.record()?.how == "stopped")
    #expect(pair.near.isAborted && pair.far.isAborted)
    pair.service.take(RelayEnd(ScriptedStream()))
    #expect(pair.notices.denials.count == 1, "nobody comes in any more")
  }
}

@Suite struct LocalClientTests {
  @Test func aClientThatHasClosedItsLocalSocketIsNotWaitedFor() throws {
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
    let client = TCPStream(socket: ends[0], peer: "relay")
    // It has no word for an end: the silence of the other direction would be waited for.
    let far = ScriptedStream(hasAWord: false)
    let notices = Notices()
    var settings = RelaySettings()
    settings.limits.halfClose = 3600
    let service = RelayService(target: "far", settings, observe: notices.add) { RelayEnd(far) }
    service.take(RelayEnd(TCPStream(socket: ends[1], peer: "local")))
    try client.write([1, 2, 3])
    #expect(eventually { far.received == [1, 2, 3] })
    client.close()
    #expect(eventually { notices.records.first?.how == "half-closed" })
    #expect(far.isClosed && !far.isAborted)
  }
}

@Suite struct PathTests {
  private func path(drops: Int, roundTrip: Double?) -> PathStatistics {
    var path = PathStatistics()
    (path.connections, path.sent, path.drops, path.roundTrip) = (1, 100, drops, roundTrip)
    return path
  }

  @Test func figuresOfAllConnectionsAreSummedAndNeverFall() {
    let paths = [
      path(drops: 5, roundTrip: 0.1), path(drops: 7, roundTrip: 0.3), path(drops: 6, roundTrip: nil),
    ]
    for (isAccepted, drops) in [(true, 7), (false, 18)] {
      // Connections that are accepted share the listener's socket and its drops.
      let fars = Handout(paths)
      let service = RelayService(target: "far") {
        let path = fars.next()
        return isAccepted ? RelayEnd(ScriptedStream()) : RelayEnd(ScriptedStream(), path: { path })
      }
      for path in paths {
        service.take(isAccepted ? RelayEnd(ScriptedStream(), path: { path }) : RelayEnd(ScriptedStream()))
      }
      #expect(eventually { service.counters.path.connections == 3 })
      let open = service.counters
      #expect(open.path.sent == 300 && open.path.drops == drops)
      #expect(open.path.roundTrip.map { abs($0 - 0.2) < 1e-9 } == true)
      service.breakOff()
      #expect(service.stop(deadline: 60))
      let ended = service.counters
      #expect(ended.path == PathStatistics())
      #expect(ended.past.sent == 300 && ended.past.drops == drops && ended.past.connections == 0)
    }
  }
}

@Suite struct AdmissionTests {
  private func service(_ notices: Notices, _ change: (inout RelaySettings) -> Void) -> RelayService {
    var settings = RelaySettings()
    change(&settings)
    return RelayService(target: "far", settings, observe: notices.add) { RelayEnd(ScriptedStream()) }
  }

  @Test func onlyAllowedAddressesComeIn() throws {
    let notices = Notices()
    let ranges = try ["192.0.2.0/24", "2001:db8::/32"].map { try #require(AddressRange($0)) }
    let service = service(notices) { $0.allowed = ranges }
    let stranger = ScriptedStream("198.51.100.1:5")
    service.take(RelayEnd(stranger))
    #expect(stranger.isAborted && stranger.isClosed)
    #expect(service.counters.refused == 1)
    for peer in ["192.0.2.200:5", "[2001:db8::7]:5", "[::ffff:192.0.2.9]:5", "local"] {
      service.take(RelayEnd(ScriptedStream(peer)))
    }
    #expect(service.openConnections == 4)
    service.take(RelayEnd(ScriptedStream("?")))
    #expect(notices.denials.count == 2)
    service.breakOff()
    #expect(service.stop(deadline: 60))
  }

  @Test func tooManyAreResetAtOnce() {
    let notices = Notices()
    let service = service(notices) {
      $0.maxConnections = 3
      $0.maxPerSource = 2
    }
    let streams = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1", "192.0.2.3:1"].map {
      ScriptedStream($0)
    }
    for stream in streams { service.take(RelayEnd(stream)) }
    #expect(streams.map(\.isAborted) == [false, false, true, false, true])
    #expect(service.counters.total == 5 && service.counters.refused == 2)
    service.breakOff()
    #expect(service.stop(deadline: 60))
    #expect(service.counters.open == 0)
  }

  @Test func aTargetThatCannotBeReachedIsAReset() {
    let notices = Notices()
    let service = RelayService(target: "far", observe: notices.add) { () throws(RelayRefusal) in
      throw RelayRefusal(Failure(.network, retry: .now, "Nobody there."), isSilent: true)
    }
    let near = ScriptedStream()
    service.take(RelayEnd(near))
    #expect(eventually { notices.refusals.count == 1 })
    #expect(near.isAborted && near.isClosed && notices.refusals[0].isSilent)
    #expect(service.counters.connectFailures == 1)
    #expect(service.stop(deadline: 60))
  }
}
