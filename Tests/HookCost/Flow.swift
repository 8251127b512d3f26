import CHookCost
import CUDT
import ParcelCore
import ParcelUDT

/// One bulk flow over a bottleneck, in a time of its own, as libudt sends it and tells of it: its events go through the hooks of a sender and
/// of a receiver, which are measured.
///
/// The hooks' answers steer it: pace and window, what is reported or sent again. The latter goes straight to libudt, where it cannot be
/// seen here, so a second repair at each end gets the same events and says the same. Nothing here allocates once it has begun.
final class Flow {
  struct Path {
    /// Packets per second.
    var rate = 200e6 / 12_000
    /// Seconds there and back.
    var roundTrip = 0.1
    /// Share of packets, 0 ... 1.
    var loss = 0.0
    /// The receiver repeats its reports; else it is a stock one.
    var isOurReceiver = true
    /// The hooks decide how fast is sent; else libudt's own law does, and what its calls cost is measured instead.
    var isModel = true
  }

  private static let second: Int64 = 1_000_000_000
  private static let clock: Int64 = 10_000_000
  private static let tick: Int64 = 8_000_000
  private static let window = 65_536

  private let path: Path
  private let meter: Meter
  private let sender: CongestionBridge
  private let receiver: CongestionBridge
  private var shadow: LossRepair
  private var shadowSender: SenderRepair
  private let stock: OpaquePointer
  private var random = SeededRandom(seed: 7)
  private var now = 1000 * Flow.second

  // The sender's libudt.
  private(set) var sent = 0
  private var next = 0
  private var acknowledged = 0
  private var waiting = Bits()
  private var due: Int64
  private var pace = parcel_udt_pace(period: 1000, window: 32)

  // The path there: when it is free again, and what is on it.
  private var free: Int64 = 0
  private let flying: Ring<(time: Int64, position: Int)>

  // The receiver's libudt.
  private(set) var arrived = 0
  private var newest = -1
  private var cumulative = 0
  private var answered = 0
  private var told = -1
  private var missing = Bits()

  // The path back.
  private enum News {
    case acknowledgement(Int)
    case report(count: Int)
    case newest(Int)
  }
  private let returning: Ring<(time: Int64, news: News)>
  private let words: Ring<Int32>
  private let report = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 512)
  private let again = UnsafeMutableBufferPointer<PacketSequence>.allocate(capacity: 64)
  private let ranges = UnsafeMutableBufferPointer<SequenceRange>.allocate(capacity: 256)

  private var acknowledging: Int64
  private var senderTurn: Int64
  private var receiverTurn: Int64
  private let first: Int32 = Int32.max - 100_000
  /// In the place of connections: all zeros is one that libudt has left, so calls end where they would reach it.
  private let places = UnsafeMutableRawPointer.allocate(byteCount: 8192, alignment: 64)

  init(_ path: Path, meter: Meter) {
    self.path = path
    self.meter = meter
    places.initializeMemory(as: UInt8.self, repeating: 0, count: 8192)
    set_clock(now)
    sender = CongestionBridge(OpaquePointer(places))
    receiver = CongestionBridge(OpaquePointer(places + 4096))
    due = now + 2 * Flow.second
    acknowledging = now + Self.clock
    senderTurn = now + Self.tick
    receiverTurn = now + Self.tick / 2
    flying = Ring(1 << 17, (0, 0))
    returning = Ring(1 << 16, (0, .newest(0)))
    words = Ring(1 << 17, 0)
    let begin = Instant(nanoseconds: now)
    shadow = LossRepair(first: PacketSequence(first), window: Self.window, now: begin)
    shadowSender = SenderRepair(
      scope: path.isOurReceiver ? .tail : .everything, first: PacketSequence(first), window: Self.window,
      now: begin)
    stock = stock_law_make(first, Int32(Self.window))
    open()
  }

  deinit {
    stock_law_release(stock)
    places.deallocate()
    report.deallocate()
    ranges.deallocate()
    again.deallocate()
    set_clock(0)
  }

  private func open() {
    var opening = parcel_udt_opening()
    (opening.first, opening.window, opening.payload) = (first, Int32(Self.window), 1456)
    opening.congestion = path.isModel ? 1 : PARCEL_UDT_NATIVE
    sender.opened(opening)
    receiver.opened(opening)
    now += Int64(path.roundTrip * 1e9)
    set_clock(now)
    sender.heard()
    receiver.heard()
    sender.know(peerIsOurs: path.isOurReceiver)
    receiver.know(peerIsOurs: true)
    due = now
  }

  private func sequence(_ position: Int) -> Int32 {
    Int32(truncatingIfNeeded: (Int(first) + position) & 0x7FFF_FFFF)
  }
  private func position(_ sequence: Int32) -> Int { Int((sequence &- first) & Int32.max) % (1 << 31) }

  /// Runs until so many more packets have left.
  func run(packets: Int) {
    let end = sent + packets
    while sent < end { step() }
  }

  private func step() {
    let arrival = flying.isEmpty ? Int64.max : flying.first.time
    let news = returning.isEmpty ? Int64.max : returning.first.time
    let turns = min(acknowledging, min(senderTurn, receiverTurn))
    now = min(min(arrival, news), min(due, turns))
    set_clock(now)
    if now == arrival {
      receive(flying.takeFirst().position)
    } else if now == news {
      hear(returning.takeFirst().news)
    } else if now == due {
      send()
    } else if now == acknowledging {
      acknowledge()
    } else if now == senderTurn {
      senderTurn += Self.tick
      turnSender()
    } else {
      receiverTurn += Self.tick
      turnReceiver()
    }
  }

  // MARK: - The sender

  private func send() {
    let packet: Int
    let isNew = waiting.count == 0
    if let lost = waiting.lowest(from: acknowledged, to: next) {
      waiting.remove(lost)
      packet = lost
    } else {
      guard next - acknowledged < min(Self.window, Int(pace.window)) else {
        due = .max
        return
      }
      packet = next
      next += 1
    }
    sent += 1
    if path.isModel {
      let number = sequence(packet)
      _ = meter.measure(.sent) { sender.sent(number, size: 1456, backlog: 1000) }
      if sent == 1, let known = sender.pace { pace = known }
      shadowSender.sent(PacketSequence(number), isRetransmission: !isNew, now: Instant(nanoseconds: now))
    }
    carry(packet)
    // The packet pair.
    if packet == next - 1, packet & 15 == 0 { return }
    due = now + Int64(pace.period * 1000)
  }

  private func carry(_ packet: Int) {
    let each = Int64(1e9 / path.rate)
    let queue = max(0, free - now)
    if Double(queue) > path.roundTrip * 1e9 { return }
    free = max(now, free) + each
    if path.loss > 0, random.unit() < path.loss { return }
    flying.append((free + Int64(path.roundTrip * 0.5e9), packet))
  }

  private func hear(_ news: News) {
    switch news {
    case .acknowledgement(let position):
      for old in acknowledged..<max(acknowledged, position) { waiting.remove(old) }
      acknowledged = max(acknowledged, position)
      let number = sequence(position)
      if path.isModel {
        let answer = meter.measure(.acknowledged) { sender.acknowledged(number) }
        if let answer { pace = answer }
        shadowSender.acknowledged(upTo: PacketSequence(number), now: Instant(nanoseconds: now))
      } else {
        tellStock()
        meter.measure(.acknowledged) { stock_law_acknowledged(stock, number) }
      }
    case .report(let count): hearReport(count)
    case .newest(let position):
      guard path.isModel else { return }
      meter.measure(.newest) { sender.peerHas(newest: UInt64(sequence(position))) }
      if let known = sender.pace { pace = known }
    }
    obeyStock()
    wake()
  }

  private func hearReport(_ count: Int) {
    for index in 0..<count { report[index] = words.takeFirst() }
    let told = UnsafeBufferPointer(rebasing: report[..<count])
    let known = LossReport.decode(told, into: ranges, limit: 65_536)
    for range in ranges[..<known] {
      let (first, last) = (position(range.first.value), position(range.last.value))
      for lost in max(first, acknowledged)...max(last, acknowledged) where lost < next && lost >= first {
        waiting.insert(lost)
      }
    }
    if path.isModel {
      let answer = meter.measure(.lost) { sender.lost(told) }
      if let answer { pace = answer }
      shadowSender.lost(UnsafeBufferPointer(rebasing: ranges[..<known]))
    } else {
      tellStock()
      meter.measure(.lost) { stock_law_lost(stock, told.baseAddress, Int32(count)) }
    }
  }

  private func turnSender() {
    if path.isModel {
      _ = meter.measure(.senderTick) {
        sender.tick(now: Instant(nanoseconds: now), roundTrip: path.roundTrip, variance: 0.005)
      }
      if let known = sender.pace { pace = known }
      sendAgain()
    }
    wake()
  }

  private func sendAgain() {
    let count = shadowSender.resend(
      now: Instant(nanoseconds: now), roundTrip: path.roundTrip, variance: 0.005,
      into: UnsafeMutableBufferPointer(rebasing: again[..<64]))
    for packet in again[..<count] where position(packet.value) >= acknowledged {
      waiting.insert(position(packet.value))
    }
  }

  /// What libudt tells its law before each event.
  private func tellStock() {
    let rate = Int32(path.rate)
    stock_law_measured(stock, sequence(next - 1), rate, rate, Int32(path.roundTrip * 1e6))
  }

  private func obeyStock() {
    guard !path.isModel else { return }
    var known = pace
    stock_law_pace(stock, &known.period, &known.window)
    pace = known
  }

  private func wake() { if due == .max { due = now } }

  // MARK: - The receiver

  private func receive(_ packet: Int) {
    arrived += 1
    let number = sequence(packet)
    if path.isOurReceiver {
      _ = meter.measure(.arrived) { receiver.arrived(number, roundTrip: path.roundTrip, variance: 0.005) }
      shadow.received(PacketSequence(number), now: Instant(nanoseconds: now))
    }
    if packet > newest {
      if packet > newest + 1 {
        for lost in newest + 1..<packet { missing.insert(lost) }
        let gap = SequenceRange(
          PacketSequence(sequence(newest + 1)), PacketSequence(sequence(packet - 1)))
        ranges[0] = gap
        tell(ranges: 1)
      }
      newest = packet
    } else {
      missing.remove(packet)
    }
    cumulative = missing.lowest(from: cumulative, to: newest + 1) ?? newest + 1
    if path.isOurReceiver { repeatReports() }
  }

  private func repeatReports() {
    let room = UnsafeMutableBufferPointer(rebasing: ranges[..<64])
    let count = shadow.repeats(
      now: Instant(nanoseconds: now), roundTrip: path.roundTrip, variance: 0.005, into: room)
    if count > 0 { tell(ranges: count) }
  }

  private func tell(ranges count: Int) {
    let length = LossReport.encode(UnsafeBufferPointer(rebasing: ranges[..<count]), into: report)
    for word in report[..<length] { words.append(word) }
    tell(.report(count: length))
  }

  private func tell(_ news: News) { returning.append((now + Int64(path.roundTrip * 0.5e9), news)) }

  private func acknowledge() {
    acknowledging += Self.clock
    guard cumulative > answered else { return }
    answered = cumulative
    tell(.acknowledgement(cumulative))
  }

  private func turnReceiver() {
    guard path.isOurReceiver else { return }
    let turn = meter.measure(.receiverTick) {
      receiver.tick(now: Instant(nanoseconds: now), roundTrip: path.roundTrip, variance: 0.005)
    }
    repeatReports()
    if turn.newest != nil, newest > told {
      told = newest
      tell(.newest(newest))
    }
  }

  /// Packets that the receiver has in order, and what the hooks of both ends repaired.
  var state: (delivered: Int, repaired: Int) { (cumulative, shadow.repeated + shadowSender.resent) }
  /// Seconds since the beginning.
  var age: Double { Double(now - 1000 * Self.second) / 1e9 }
}
