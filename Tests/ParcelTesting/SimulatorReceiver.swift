import ParcelCore

/// The receiving half of a UDT connection, as libudt 4.11 does it: a full acknowledgement every clock turn that advances, a light one
/// each 64 packets, a loss report at once for each gap and only once. With `repair` it is one of ours.
struct SimulatedReceiver {
  /// Everything before this has arrived: what the application can read.
  private(set) var cumulative: Int
  private(set) var next: Int
  /// Packets that came a second time.
  private(set) var duplicates = 0
  private(set) var firstArrival: Int64?
  var repair: LossRepair?
  /// Seconds, from acknowledgements and their answers.
  private(set) var roundTrip = 0.1
  private(set) var variance = 0.05

  private var missing = PositionBits()
  private var acknowledged: Int
  private var answered: Int
  private var lastSent: Int64 = 0
  private var packetsSinceClock = 0
  private var lights = 1
  /// One past the packet that was told as the newest.
  private var told = 0
  private var speed = ArrivalSpeed()

  init(first: Int, window: Int, isOurs: Bool) {
    cumulative = first
    next = first
    acknowledged = first
    answered = first - 1
    if isOurs {
      repair = LossRepair(first: PacketSequence(position: first), window: window, now: .zero)
    }
  }

  /// A packet came. Returns the gap it opened, and whether a light acknowledgement is due.
  mutating func receive(_ position: Int, now: Int64) -> (gap: Range<Int>?, light: Int?) {
    if firstArrival == nil { firstArrival = now }
    repair?.received(PacketSequence(position: position), now: Instant(nanoseconds: now))
    speed.arrival(position, now: now)
    var gap: Range<Int>?
    if position >= next {
      if position > next {
        gap = next..<position
        for lost in next..<position { missing.insert(lost) }
      }
      next = position + 1
    } else if missing.contains(position) {
      missing.remove(position)
    } else {
      duplicates += 1
    }
    if missing.count == 0 {
      cumulative = next
    } else if !missing.contains(cumulative) {
      cumulative = missing.first(in: cumulative..<next) ?? next
    }
    packetsSinceClock += 1
    guard packetsSinceClock >= 64 * lights else { return (gap, nil) }
    lights += 1
    return (gap, cumulative == answered ? nil : cumulative)
  }

  /// The acknowledgement clock turned. Returns what to acknowledge fully, nil for nothing.
  mutating func clock(now: Int64) -> Int? {
    packetsSinceClock = 0
    lights = 1
    guard cumulative != answered else { return nil }
    if cumulative > acknowledged {
      acknowledged = cumulative
    } else if Double(now - lastSent) / 1e9 < roundTrip + 4 * variance {
      return nil
    }
    lastSent = now
    return acknowledged
  }

  /// The clock turned. Returns the newest packet when ours must tell it: a hole keeps the acknowledgement from it.
  mutating func newestToTell() -> Int? {
    guard repair != nil, cumulative < next, next > told else { return nil }
    told = next
    return next - 1
  }

  mutating func answer(upTo position: Int, sentAt: Int64, now: Int64) {
    let sample = Double(now - sentAt) / 1e9
    variance += (abs(sample - roundTrip) - variance) / 4
    roundTrip += (sample - roundTrip) / 8
    answered = max(answered, position)
  }

  var report: PeerReport {
    PeerReport(receiveRate: speed.receiveRate, capacity: speed.capacity, roundTrip: roundTrip)
  }
}

/// libudt's arrival speed and packet-pair capacity: median-filtered gaps.
private struct ArrivalSpeed {
  private var gaps = ContiguousArray<Double>(repeating: 1, count: 16)
  private var pairs = ContiguousArray<Double>(repeating: 0.001, count: 64)
  private var gapIndex = 0
  private var pairIndex = 0
  private var last: Int64 = 0
  private var pairStart: Int64?

  mutating func arrival(_ position: Int, now: Int64) {
    gaps[gapIndex] = Double(now - last) / 1e9
    gapIndex = (gapIndex + 1) % gaps.count
    last = now
    if position & 15 == 0 {
      pairStart = now
    } else if position & 15 == 1, let start = pairStart {
      pairs[pairIndex] = Double(max(now - start, 1)) / 1e9
      pairIndex = (pairIndex + 1) % pairs.count
      pairStart = nil
    }
  }

  var receiveRate: Double { Self.speed(gaps, needed: gaps.count / 2) }
  var capacity: Double { max(1, Self.speed(pairs, needed: 0)) }

  private static func speed(_ values: ContiguousArray<Double>, needed: Int) -> Double {
    let median = values.sorted()[values.count / 2]
    var sum = 0.0
    var count = 0
    for value in values where value < median * 8 && value > median / 8 {
      sum += value
      count += 1
    }
    return count > needed && sum > 0 ? Double(count) / sum : 0
  }
}
