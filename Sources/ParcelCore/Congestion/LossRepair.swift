/// The receiver's repair: reports packets missing again that were reported once and did not come.
///
/// libudt reports each gap once, when it appears. If that report or the packet's second transmission is lost, nothing happens until a
/// timeout that re-sends the whole window. This keeps the missing packets and names those again whose second
/// transmission must have been lost, as ordinary loss reports, which every UDT sender understands.
package struct LossRepair: Sendable {
  /// Adjacent missing packets that were reported at one time.
  private struct Gap: Sendable {
    var first = 0
    var count: Int32 = 0
    /// Microseconds, modulo 2^32.
    var reportedAt: UInt32 = 0
    /// Microseconds that the sender needs for the packets reported before these.
    var backlog: UInt32 = 0
  }

  private var sequences: SequenceUnwrapper
  /// One past the newest packet received.
  private var next: Int
  /// One bit per packet of the window: missing.
  private var missingBits: ContiguousArray<UInt64>
  private let bitMask: Int
  /// Oldest report first.
  private var gaps: GrowingRing<Gap>
  /// Packets missing now.
  package private(set) var missing = 0
  /// Packets that were missing and came, so far.
  package private(set) var filled = 0
  /// Packets reported again so far.
  package private(set) var repeated = 0
  /// Gaps that found no room: only the sender's timeout repairs them.
  package private(set) var forgotten = 0

  /// The newest retransmission that came: its position and time.
  private var repaired = -1
  private var repairedAt: UInt32 = 0
  private var lastRepeat: UInt32 = 0
  private var arrivals = ArrivalRate()
  private var repairTime = RepairTime()
  private let start: Instant

  /// At least this many microseconds lie between two repeats, so that they are few and name many.
  private static let batch: UInt32 = 5_000

  /// `window` is the largest span of packets, 16 ... 65,536.
  package init(first: PacketSequence, window: Int, now: Instant) {
    sequences = SequenceUnwrapper(first: first)
    next = Int(first.value)
    var bits = 1024
    while bits < min(max(window, 16), 65_536) { bits *= 2 }
    missingBits = ContiguousArray(repeating: 0, count: bits / 64)
    bitMask = bits - 1
    gaps = GrowingRing(capacity: 64, limit: max(64, bits / 4), blank: Gap())
    start = now
  }

  /// A data packet arrived, new, late or twice.
  package mutating func received(_ sequence: PacketSequence, now: Instant) {
    let position = sequences.position(sequence)
    let clock = microseconds(now)
    arrivals.count(clock)
    if position >= next {
      if position > next { open(next..<position, clock: clock) }
      clear(position)
      next = position + 1
      sequences.advance(to: position)
    } else if missing > 0, next - position <= bitMask, isMissing(position) {
      clear(position)
      missing -= 1
      filled += 1
      repairTime.arrived(position, at: clock)
      repaired = position
      repairedAt = clock
    }
  }

  /// Packets to report missing again, oldest report first, into `ranges`; returns how many ranges.
  ///
  /// Call after packets and every 5 to 10 ms while anything is missing (the tail: nothing may arrive any more). `roundTrip` and
  /// `variance` (seconds) are the receiver's, for as long as this has not measured itself how long a repair takes: libudt begins with
  /// 0.1 s and 0.05 s and is slow to learn better. A packet is named when its last report is older than 1.5 round trips
  /// + 4 variances + 10 ms and the time the sender needs for the packets reported before it: so none is named whose
  /// retransmission still waits its turn. It is named sooner, after little more than a round trip, when the retransmission of a later
  /// packet has come: UDT sends the lowest lost packet first, so its own must have left before, and was lost.
  package mutating func repeats(
    now: Instant, roundTrip: Double, variance: Double, into ranges: UnsafeMutableBufferPointer<SequenceRange>
  ) -> Int {
    guard missing > 0, !gaps.isEmpty, !ranges.isEmpty else { return skipEmpty() }
    let clock = microseconds(now)
    let (roundTrip, variance) = repairTime.estimate(at: clock) ?? (roundTrip, variance)
    let age = RepairWait.microseconds(1.5 * roundTrip + 4 * variance + 0.010)
    let overtaken = RepairWait.microseconds(1.1 * roundTrip + 2 * variance + 0.003)
    guard clock &- lastRepeat >= Self.batch else { return 0 }
    var written = 0
    for _ in 0..<gaps.count {
      let gap = gaps.first
      let isOld = clock &- gap.reportedAt >= age &+ gap.backlog
      let isOvertaken =
        gap.first < repaired && Int32(bitPattern: repairedAt &- gap.reportedAt) >= Int32(overtaken)
      guard isOld || isOvertaken, written < ranges.count else { break }
      gaps.removeFirst()
      repeatGap(gap, clock: clock, into: ranges, written: &written)
    }
    if written > 0 { lastRepeat = clock }
    return written
  }

  private mutating func skipEmpty() -> Int {
    if missing == 0 { gaps.removeAll() }
    return 0
  }

  /// Names what of `gap` is still missing and takes it up again with a new time.
  private mutating func repeatGap(
    _ gap: Gap, clock: UInt32, into ranges: UnsafeMutableBufferPointer<SequenceRange>, written: inout Int
  ) {
    var position = gap.first
    let end = gap.first + Int(gap.count)
    while position < end {
      guard isMissing(position) else {
        position += 1
        continue
      }
      var last = position
      while last + 1 < end, isMissing(last + 1) { last += 1 }
      let isReported = written < ranges.count
      if isReported {
        repairTime.reportedAgain(position...last)
        ranges[written] = SequenceRange(PacketSequence(position: position), PacketSequence(position: last))
        written += 1
        repeated += last - position + 1
      }
      let reportedAt = isReported ? clock : gap.reportedAt
      push(
        Gap(first: position, count: Int32(last - position + 1), reportedAt: reportedAt, backlog: gap.backlog))
      position = last + 1
    }
  }

  private mutating func open(_ positions: Range<Int>, clock: UInt32) {
    // Only as many as the window holds can be missing; a hostile peer may claim more.
    let positions = max(positions.lowerBound, positions.upperBound - bitMask)..<positions.upperBound
    for position in positions where !isMissing(position) {
      missingBits[(position & bitMask) >> 6] |= 1 << UInt64(position & 63)
      missing += 1
    }
    repairTime.reported(positions.lowerBound, at: clock)
    push(
      Gap(
        first: positions.lowerBound, count: Int32(positions.count), reportedAt: clock,
        backlog: arrivals.microseconds(for: missing)))
  }

  private mutating func push(_ gap: Gap) { if !gaps.append(gap) { forgotten += 1 } }

  private func isMissing(_ position: Int) -> Bool {
    missingBits[(position & bitMask) >> 6] & (1 << UInt64(position & 63)) != 0
  }

  private mutating func clear(_ position: Int) {
    missingBits[(position & bitMask) >> 6] &= ~(1 << UInt64(position & 63))
  }

  private func microseconds(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: (now.nanoseconds - start.nanoseconds) / 1000)
  }
}

/// Packets per second that arrive, over the last quarter of a second or so.
private struct ArrivalRate: Sendable {
  private var began: UInt32 = 0
  private var packets = 0
  /// Microseconds per packet.
  private var spacing = 0.0

  private static let width: UInt32 = 100_000

  mutating func count(_ clock: UInt32) {
    packets += 1
    let elapsed = clock &- began
    guard elapsed >= Self.width else { return }
    // After a pause the speed is what it was before.
    if elapsed < 3 * Self.width {
      let measured = Double(elapsed) / Double(packets)
      spacing = spacing == 0 ? measured : (spacing + measured) / 2
    }
    began = clock
    packets = 0
  }

  /// Microseconds in which `packets` arrive, at most a second; 0 while the rate is unknown.
  func microseconds(for packets: Int) -> UInt32 { UInt32(min(1e6, spacing * Double(packets))) }
}

/// Seconds from the first report of a packet to its repair, and their mean deviation (smoothed as in RFC 6298). One packet at a time
/// is timed.
private struct RepairTime: Sendable {
  private var timed: Int?
  private var began: UInt32 = 0
  private var measuredAt: UInt32 = 0
  private var smoothed = 0.0
  private var deviation = 0.0

  mutating func reported(_ position: Int, at clock: UInt32) {
    // One that was given up does not block the next for ever.
    guard timed == nil || clock &- began > 5_000_000 else { return }
    timed = position
    began = clock
  }

  mutating func arrived(_ position: Int, at clock: UInt32) {
    guard position == timed else { return }
    timed = nil
    let sample = Double(clock &- began) / 1e6
    if smoothed == 0 {
      smoothed = sample
      deviation = sample / 8
    } else {
      deviation += (abs(sample - smoothed) - deviation) / 4
      smoothed += (sample - smoothed) / 8
    }
    measuredAt = clock
  }

  /// Its repair was lost: the time would say nothing.
  mutating func reportedAgain(_ positions: ClosedRange<Int>) {
    if let timed, positions.contains(timed) { self.timed = nil }
  }

  /// Nil when nothing was measured in the last five seconds.
  func estimate(at clock: UInt32) -> (roundTrip: Double, variance: Double)? {
    smoothed > 0 && clock &- measuredAt < 5_000_000 ? (smoothed, deviation) : nil
  }
}
