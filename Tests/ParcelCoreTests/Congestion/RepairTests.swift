import Testing

@testable import ParcelCore

@Suite("Loss repair")
struct RepairTests {
  // MARK: - The receiver's

  @Test("A packet is reported again after 1.5 round trips, 4 variances and 10 ms, and not before")
  func age() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    repair.receive(0..<10, at: 0)
    repair.receive(11..<20, at: 0.001)
    #expect(repair.missing == 1)
    #expect(repair.ask(at: 0.209).isEmpty)
    #expect(repair.ask(at: 0.2111) == [10...10])
    // Reported now: again only after as long.
    #expect(repair.ask(at: 0.3).isEmpty)
    #expect(repair.ask(at: 0.4222) == [10...10])
  }

  @Test("Packets that came late or were sent again are not reported")
  func repaired() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    repair.receive(0..<10, at: 0)
    repair.receive(15..<20, at: 0.001)
    repair.receive(11..<13, at: 0.1)
    #expect(repair.missing == 3)
    #expect(repair.ask(at: 0.5) == [10...10, 13...14])
    #expect(repair.filled == 2)
    repair.receive(10..<15, at: 0.6)
    #expect(repair.missing == 0)
    // Each counts once, however often it came.
    #expect(repair.filled == 5)
    #expect(repair.ask(at: 5).isEmpty)
  }

  @Test("Packets of many reports are named in one, oldest first")
  func batch() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    for packet in stride(from: 0, to: 100, by: 2) {
      repair.receive(packet..<(packet + 1), at: Double(packet) / 1e5)
    }
    let named = repair.ask(at: 1)
    #expect(named.count == 49)
    #expect(named.first == 1...1)
    #expect(named.last == 97...97)
  }

  @Test("No report is written beyond the caller's room, and the rest is not forgotten")
  func room() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    for packet in stride(from: 0, to: 20, by: 2) { repair.receive(packet..<(packet + 1), at: 0) }
    #expect(repair.ask(at: 1, room: 3) == [1...1, 3...3, 5...5])
    #expect(repair.ask(at: 1.01, room: 3) == [7...7, 9...9, 11...11])
    #expect(repair.missing == 9)
  }

  @Test("Nothing is reported again while the sender still works off what was reported before")
  func backlog() {
    var repair = LossRepair(first: PacketSequence(0), window: 65_536, now: .zero)
    // 1000 packets/s; then 500 packets are missing at once: their repair takes half a second.
    for packet in 0..<1000 { repair.receive(packet..<(packet + 1), at: Double(packet) / 1000) }
    repair.receive(1500..<1501, at: 1)
    #expect(repair.ask(at: 1.4).isEmpty)
    #expect(repair.ask(at: 1.65).isEmpty)
    #expect(repair.ask(at: 1.8) == [1000...1499])
  }

  @Test("The retransmission of a later packet shows sooner that one was lost again")
  func overtaken() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    repair.receive(0..<10, at: 0)
    repair.receive(11..<20, at: 0)
    repair.receive(21..<30, at: 0.01)
    // 20 is repaired after a round trip; 10, reported before it, is not.
    repair.receive(20..<21, at: 0.115)
    #expect(repair.ask(at: 0.116) == [])
    repair.receive(40..<41, at: 0.12)
    repair.receive(30..<31, at: 0.2)
    #expect(repair.ask(at: 0.2) == [10...10])
  }

  @Test("A hostile jump in the numbers costs bounded memory and work")
  func hostile() {
    var repair = LossRepair(first: PacketSequence(0), window: 1024, now: .zero)
    repair.receive(0..<1, at: 0)
    repair.receive(900_000_000..<900_000_001, at: 0.1)
    #expect(repair.missing <= 1024)
    for packet in stride(from: 900_000_001, to: 900_400_000, by: 2) {
      repair.receive(packet..<(packet + 1), at: 0.2)
    }
    #expect(repair.forgotten > 0)
  }

  @Test("A round trip that a peer makes up, negative or of half an hour, is a wait of none to a minute")
  func lies() {
    let waits = [-2147.483_648, 0, 0.25, 2147.483_647, .infinity, -.infinity].map(RepairWait.microseconds)
    #expect(waits == [0, 0, 250_000, 60_000_000, 60_000_000, 0])
  }

  @Test("Reports cross the wrap of the sequence")
  func wrap() {
    let first = Int(Int32.max) - 4
    var repair = LossRepair(first: PacketSequence(position: first), window: 1024, now: .zero)
    repair.receive(first..<(first + 2), at: 0)
    repair.receive((first + 8)..<(first + 9), at: 0)
    var ranges = [SequenceRange(PacketSequence(0))]
    let count = ranges.withUnsafeMutableBufferPointer {
      repair.repeats(now: Instant(seconds: 1), roundTrip: 0.1, variance: 0, into: $0)
    }
    #expect(count == 1)
    #expect(ranges == [SequenceRange(PacketSequence(Int32.max - 2), PacketSequence(2))])
  }

  // MARK: - The sender's

  @Test(
    "With a stock receiver the retransmission of a reported packet is sent once more when it is not acknowledged"
  )
  func suspicion() {
    var repair = SenderRepair(scope: .everything, first: PacketSequence(0), window: 1024, now: .zero)
    repair.send(0..<100, at: 0)
    repair.report([10, 20])
    repair.send(10..<11, isRetransmission: true, at: 0.1)
    repair.send(20..<21, isRetransmission: true, at: 0.1)
    repair.acknowledged(upTo: PacketSequence(10), now: Instant(seconds: 0.1))
    #expect(repair.ask(at: 0.2).isEmpty)
    #expect(repair.ask(at: 0.25) == [10, 20])
  }

  @Test(
    "The packet that the acknowledgement stands at is sent as often as it takes, other reported ones six times"
  )
  func head() {
    var repair = SenderRepair(scope: .everything, first: PacketSequence(0), window: 1024, now: .zero)
    repair.send(0..<100, at: 0)
    repair.report([10, 20])
    for packet in [10, 20] { repair.send(packet..<(packet + 1), isRetransmission: true, at: 0.1) }
    repair.acknowledged(upTo: PacketSequence(10), now: Instant(seconds: 0.1))
    var asked: [Int: Int] = [:]
    for turn in 1...12 {
      let time = 0.1 + 0.2 * Double(turn)
      for packet in repair.ask(at: time) {
        repair.send(packet..<(packet + 1), isRetransmission: true, at: time)
        asked[packet, default: 0] += 1
      }
    }
    #expect(asked == [10: 12, 20: 5])
  }

  @Test("What libudt sends again unasked, a window after a silence, is not sent a third time on suspicion")
  func unasked() {
    var repair = SenderRepair(scope: .everything, first: PacketSequence(0), window: 1024, now: .zero)
    repair.send(0..<100, at: 0)
    repair.send(0..<100, isRetransmission: true, at: 0.5)
    #expect(repair.ask(at: 0.6).isEmpty)
    #expect(repair.ask(at: 0.7) == [99])
    repair.send(99..<100, isRetransmission: true, at: 0.7)
    repair.acknowledged(upTo: PacketSequence(30), now: Instant(seconds: 0.75))
    // It stands there although 30 was sent 0.25 s ago: that was lost again, and the next one is known with the next answer.
    #expect(repair.ask(at: 0.76) == [30])
    repair.send(30..<31, isRetransmission: true, at: 0.76)
    #expect(repair.ask(at: 0.77).isEmpty)
    repair.acknowledged(upTo: PacketSequence(60), now: Instant(seconds: 0.86))
    #expect(repair.ask(at: 0.86) == [60])
  }

  @Test("A variance as large as the round trip does not make a hole wait for several")
  func variance() {
    var repair = SenderRepair(scope: .everything, first: PacketSequence(0), window: 1024, now: .zero)
    repair.send(0..<100, at: 0)
    repair.report([10])
    repair.send(10..<11, isRetransmission: true, at: 0.1)
    repair.acknowledged(upTo: PacketSequence(10), now: Instant(seconds: 0.2))
    repair.send(100..<101, at: 0.24)
    #expect(repair.ask(at: 0.25, variance: 0.1).isEmpty)
    #expect(repair.ask(at: 0.3, variance: 0.1) == [10])
  }

  @Test(
    "Without any report the packet at which the acknowledgement stands is sent again: the report was lost")
  func lostReport() {
    var repair = SenderRepair(scope: .everything, first: PacketSequence(0), window: 4096, now: .zero)
    for packet in 0..<400 { repair.send(packet..<(packet + 1), at: Double(packet) / 1000) }
    repair.acknowledged(upTo: PacketSequence(100), now: Instant(seconds: 0.2))
    #expect(repair.ask(at: 0.31).isEmpty)
    #expect(repair.ask(at: 0.41) == [100])
  }

  @Test("A silent tail is sent again, more patiently each time, also to receivers that repeat their reports")
  func tail() {
    var repair = SenderRepair(scope: .tail, first: PacketSequence(0), window: 1024, now: .zero)
    repair.send(0..<50, at: 0)
    repair.acknowledged(upTo: PacketSequence(48), now: Instant(seconds: 0.1))
    #expect(repair.ask(at: 0.2).isEmpty)
    #expect(repair.ask(at: 0.26) == [49])
    repair.send(49..<50, isRetransmission: true, at: 0.26)
    #expect(repair.ask(at: 0.45).isEmpty)
    #expect(repair.ask(at: 0.6) == [49])
    repair.acknowledged(upTo: PacketSequence(50), now: Instant(seconds: 0.7))
    #expect(repair.ask(at: 5).isEmpty)
  }

  @Test("With a receiver that repeats its reports nothing but the tail is sent unasked")
  func tailOnly() {
    var repair = SenderRepair(scope: .tail, first: PacketSequence(0), window: 4096, now: .zero)
    for packet in 0..<500 { repair.send(packet..<(packet + 1), at: Double(packet) / 1000) }
    repair.send(100..<101, isRetransmission: true, at: 0.25)
    repair.acknowledged(upTo: PacketSequence(100), now: Instant(seconds: 0.2))
    #expect(repair.ask(at: 0.5).isEmpty)
  }
}

extension LossRepair {
  fileprivate mutating func receive(_ packets: Range<Int>, at time: Double) {
    for packet in packets { received(PacketSequence(position: packet), now: Instant(seconds: time)) }
  }

  /// Round trip 0.1 s, variance 0.0125 s.
  fileprivate mutating func ask(at time: Double, room: Int = 64) -> [ClosedRange<Int>] {
    var ranges = [SequenceRange](repeating: SequenceRange(PacketSequence(0)), count: room)
    let count = ranges.withUnsafeMutableBufferPointer {
      repeats(now: Instant(seconds: time), roundTrip: 0.1, variance: 0.0125, into: $0)
    }
    return ranges[..<count].map { Int($0.first.value)...Int($0.last.value) }
  }
}

extension SenderRepair {
  fileprivate mutating func send(_ packets: Range<Int>, isRetransmission: Bool = false, at time: Double) {
    for packet in packets {
      sent(PacketSequence(position: packet), isRetransmission: isRetransmission, now: Instant(seconds: time))
    }
  }

  fileprivate mutating func report(_ packets: [Int]) {
    packets.map { SequenceRange(PacketSequence(position: $0)) }.withUnsafeBufferPointer { lost($0) }
  }

  /// Round trip 0.1 s.
  fileprivate mutating func ask(at time: Double, variance: Double = 0) -> [Int] {
    var packets = [PacketSequence](repeating: PacketSequence(0), count: 64)
    let count = packets.withUnsafeMutableBufferPointer {
      resend(now: Instant(seconds: time), roundTrip: 0.1, variance: variance, into: $0)
    }
    return packets[..<count].map { Int($0.value) }
  }
}
