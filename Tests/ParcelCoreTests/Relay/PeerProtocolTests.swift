import ParcelCore
import ParcelTesting
import Testing

/// Two ends and a path between them that loses, doubles and delays, in a time of its own.
private struct Wire {
  var ends = [PeerProtocol(), PeerProtocol()]
  var now = Instant.zero
  var random: Seeded
  var loss: Double
  /// Messages on their way: when they arrive, to which end.
  private var flying: [(at: Instant, to: Int, message: PeerMessage)] = []
  private(set) var sent = 0

  init(seed: UInt64, loss: Double) {
    random = Seeded(seed)
    self.loss = loss
  }

  mutating func send(_ messages: [PeerMessage], from end: Int) {
    for message in messages {
      sent += 1
      let copies = Double.random(in: 0..<1, using: &random) < 0.1 ? 2 : 1
      for _ in 0..<copies where Double.random(in: 0..<1, using: &random) >= loss {
        let delay = Double.random(in: 0.01..<0.4, using: &random)
        flying.append((now + delay, 1 - end, message))
      }
    }
  }

  mutating func act(_ end: Int, _ body: (inout PeerProtocol, Instant) -> [PeerMessage]) {
    send(body(&ends[end], now), from: end)
  }

  /// Time goes on; both ends are ticked each 100 ms.
  mutating func run(seconds: Double) {
    let steps = Int(seconds * 100)
    for step in 0..<steps {
      now = now + 0.01
      let arrived = flying.filter { $0.at <= now }
      flying.removeAll { $0.at <= now }
      for (_, end, message) in arrived { act(end) { $0.receive(message, now: $1) } }
      guard step % 10 == 0 else { continue }
      for end in 0...1 { act(end) { $0.tick(now: $1, isAcknowledged: true) } }
    }
  }

  mutating func start() { for end in 0...1 { act(end) { $0.start(now: $1) } } }
}

@Suite("Messages between our own ends")
struct PeerProtocolTests {
  @Test("are read as they were written, and nothing else is")
  func words() {
    for kind in PeerMessage.Kind.allCases {
      let message = PeerMessage(kind, count: 0x1234_5678_9ABC_DEF0, isFinal: kind == .read)
      #expect(PeerMessage(words: message.words) == message)
      // A later version may say more.
      #expect(PeerMessage(words: message.words + [1, 2]) == message)
    }
    #expect(PeerMessage(words: [1, 0x10001, 0, 0]) == nil)
    #expect(PeerMessage(words: [PeerMessage.magic, 0x10001, 0]) == nil)
    #expect(PeerMessage(words: [PeerMessage.magic, 0x10000, 0, 0]) == nil)
    #expect(PeerMessage(words: [PeerMessage.magic, 0x100FF, 0, 0]) == nil)
    #expect(PeerMessage(words: [PeerMessage.magic, 1, 0, 0]) == nil)
  }

  @Test(
    "both ends know each other, the ends of bytes and that all was read, over a path that loses 30 %",
    arguments: 0..<200)
  func lossy(seed: Int) {
    var wire = Wire(seed: UInt64(seed), loss: 0.3)
    wire.start()
    wire.act(0) { $0.endWriting(total: 1000, now: $1, roundTrip: 0.4) }
    wire.run(seconds: 1)
    wire.act(1) { peer, _ in peer.didRead(400) }
    wire.act(1) { $0.endWriting(total: 5, now: $1, roundTrip: 0.4) }
    wire.run(seconds: 25)
    #expect(wire.ends.map(\.peer) == [.ours, .ours])
    #expect(wire.ends[1].peerTotal == 1000 && wire.ends[0].peerTotal == 5)
    #expect(!wire.ends[1].isAtEnd && !wire.ends[0].isEverythingRead)
    wire.act(1) { peer, _ in peer.didRead(600) }
    wire.act(0) { peer, _ in peer.didRead(5) }
    wire.run(seconds: 25)
    #expect(wire.ends.allSatisfy { $0.isAtEnd && $0.isEverythingRead })
    // Once all is said they are silent.
    let sent = wire.sent
    wire.run(seconds: 10)
    #expect(wire.sent == sent)
  }

  @Test("a reset gets through, and its end knows when it need not stay", arguments: 0..<50)
  func reset(seed: Int) {
    var wire = Wire(seed: UInt64(seed), loss: 0.3)
    wire.start()
    wire.run(seconds: 2)
    wire.act(0) { $0.breakOff(now: $1, roundTrip: 0.1) }
    wire.run(seconds: 3.2)
    #expect(wire.ends[1].wasReset)
    #expect(wire.ends[0].isResetDone)
    #expect(!wire.ends[0].wasReset)
  }

  @Test("a peer that says nothing counts as stock after 3 s, until it speaks")
  func stock() {
    var wire = Wire(seed: 1, loss: 1)
    wire.start()
    wire.run(seconds: 2.9)
    #expect(wire.ends[0].peer == .unknown)
    wire.run(seconds: 0.3)
    #expect(wire.ends[0].peer == .stock)
    let answer = wire.ends[0].receive(PeerMessage(.hello), now: wire.now)
    #expect(answer == [PeerMessage(.helloAnswer)])
    #expect(wire.ends[0].peer == .ours)
  }

  @Test("who is asked says how much it has written, and the answer is kept with its time")
  func question() {
    var wire = Wire(seed: 2, loss: 0)
    wire.start()
    wire.run(seconds: 1)
    #expect(wire.ends[0].told?.written == 0)
    wire.ends[1].didWrite(70_000)
    wire.ends[1].didWrite(1)
    let before = wire.now
    wire.send([wire.ends[0].question], from: 0)
    wire.run(seconds: 1)
    #expect(wire.ends[0].told.map { $0.written == 70_001 && $0.at > before } == true)
  }

  @Test(
    "leaves silences in which UDT resends what was lost, and asks nothing while bytes are still on their way")
  func silences() {
    var end = PeerProtocol()
    var times: [Double] = []
    _ = end.start(now: .zero)
    _ = end.endWriting(total: 10, now: .zero, roundTrip: 0.05)
    for step in 1...100 {
      let now = Instant(seconds: Double(step) / 10)
      let messages = end.tick(now: now, isAcknowledged: false)
      #expect(messages.allSatisfy { $0.kind == .hello })
    }
    end = PeerProtocol()
    _ = end.receive(PeerMessage(.helloAnswer), now: .zero)
    _ = end.endWriting(total: 10, now: .zero, roundTrip: 0.05)
    for step in 1...300 {
      let now = Instant(seconds: Double(step) / 10)
      if !end.tick(now: now, isAcknowledged: true).isEmpty { times.append(Double(step) / 10) }
    }
    let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
    #expect(gaps.suffix(10).allSatisfy { abs($0 - 1) < 0.15 })
    #expect(times.first == 0.1)
  }

  @Test("who stops reading says so, and the peer need not wait for more")
  func stopped() {
    var wire = Wire(seed: 3, loss: 0)
    wire.start()
    wire.run(seconds: 1)
    wire.act(1) { peer, _ in peer.didRead(4) }
    wire.act(1) { peer, _ in peer.stopReading() }
    wire.act(0) { $0.endWriting(total: 10, now: $1, roundTrip: 0.1) }
    wire.run(seconds: 1)
    #expect(wire.ends[0].peerStoppedReading)
    #expect(!wire.ends[0].isEverythingRead)
    #expect(wire.ends[0].peerReadCount == 4)
  }
}

@Suite("Whether a peer lives")
struct LivenessTests {
  @Test("Fourteen and a half seconds without a packet are its end, and a keep-alive now and then is not")
  func table() {
    var dead = Liveness(now: .zero)
    var idle = Liveness(now: .zero)
    var bulk = Liveness(now: .zero)
    var deadAt: Double?
    for step in 1...1200 {
      let seconds = Double(step) / 10
      let now = Instant(seconds: seconds)
      // Nobody there: the time-outs only grow.
      if dead.isDead(packets: 5, expirations: step < 4 ? 1 : 2 + step / 30, now: now), deadAt == nil {
        deadAt = seconds
      }
      // Idle: a keep-alive every 6 s sets them back, seen or not at the moment it is at 1.
      let idleIsDead = idle.isDead(packets: 5, expirations: 2 + step % 60 / 10, now: now)
      // Packets come although the time-outs are read when they are high.
      let bulkIsDead = bulk.isDead(packets: Int64(step / 100), expirations: 3, now: now)
      #expect(!idleIsDead && !bulkIsDead)
    }
    #expect(deadAt.map { (14.5...15).contains($0) } == true)
  }

  @Test("a peer is not dead because this machine is too busy to look")
  func lateLooks() {
    var liveness = Liveness(now: .zero)
    // Each 5 s, keep-alives between: 29 looks of half a second each.
    for step in 1...28 {
      let isDead = liveness.isDead(
        packets: 0, expirations: 1 + step, now: Instant(seconds: Double(5 * step)))
      #expect(!isDead)
    }
    let isDead = liveness.isDead(packets: 0, expirations: 30, now: Instant(seconds: 145))
    #expect(isDead)
  }
}

@Suite("Packet sizes to try")
struct SegmentLadderTests {
  @Test("go down while no data comes, once for all connections of a size, and start again behind the last")
  func ladder() {
    var ladder = SegmentLadder()
    #expect(ladder.segment == nil)
    var steps: [Int?] = []
    for failed in [nil, nil, 1400, 1280] as [Int?] {
      let isWorthwhile = ladder.noData(with: failed)
      #expect(isWorthwhile == (failed != 1280))
      steps.append(ladder.segment)
    }
    #expect(steps == [1400, 1400, 1280, nil])
  }
}
