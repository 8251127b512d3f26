import ParcelCore

/// The sending half of a UDT connection, as libudt 4.11 does it: lost packets first, then new ones while the span from the
/// acknowledgement is within the window; paced with packet pairs; silence makes everything unacknowledged lost.
struct SimulatedSender {
  var control: any CongestionControl
  var repair: SenderRepair?
  /// Moved by light acknowledgements too.
  private(set) var acknowledged: Int
  private(set) var next: Int
  private(set) var sentPackets = 0
  private(set) var sentAgain = 0
  private(set) var timeouts = 0
  /// Nanoseconds; nil when idle: then the next packet goes at once.
  var due: Int64?
  /// One past the last packet there is to send.
  let end: Int

  private var fullyAcknowledged: Int
  private var lossList = PositionBits()
  private var flowWindow: Int
  private let peerWindow: Int
  private var roundTrip = 0.1
  private var variance = 0.05
  private var lastHeard: Int64 = 0
  private var silences = 1
  /// Packets per second that the application gives, 0 for as many as wanted.
  private let supply: Double
  private let began: Int64
  private let firstPosition: Int

  init(
    control: any CongestionControl, repair: SenderRepair?, first: Int, packets: Int, window: Int,
    supply: Double, began: Int64
  ) {
    self.control = control
    self.repair = repair
    acknowledged = first
    fullyAcknowledged = first
    next = first
    firstPosition = first
    end = first + packets
    flowWindow = window
    peerWindow = window
    self.supply = supply
    self.began = began
    lastHeard = began
  }

  var isDone: Bool { acknowledged >= end }

  /// The next packet to send now, booked as sent; nil when there is none or the window is full.
  mutating func take(now: Int64) -> (position: Int, isNew: Bool)? {
    let position: Int
    let isNew: Bool
    if let lost = lossList.first(in: acknowledged..<next) {
      lossList.remove(lost)
      position = lost
      isNew = false
    } else {
      guard next < end else { return nil }
      guard hasSupply(now) else {
        control.applicationLimited(now: Instant(nanoseconds: now))
        return nil
      }
      guard next - acknowledged + 1 <= min(flowWindow, control.window) else { return nil }
      position = next
      next += 1
      isNew = true
    }
    book(position, isNew: isNew, now: now)
    return (position, isNew)
  }

  mutating func book(_ position: Int, isNew: Bool, now: Int64) {
    sentPackets += 1
    if !isNew { sentAgain += 1 }
    let moment = Instant(nanoseconds: now)
    let sequence = PacketSequence(position: position)
    control.sent(sequence, size: 1456, isRetransmission: !isNew, now: moment)
    repair?.sent(sequence, isRetransmission: !isNew, now: moment)
  }

  private func hasSupply(_ now: Int64) -> Bool {
    supply == 0 || Double(next - firstPosition) < Double(now - began) / 1e9 * supply
  }

  mutating func light(upTo position: Int, now: Int64) {
    heard(now)
    guard position >= acknowledged, position <= next else { return }
    flowWindow -= position - acknowledged
    acknowledged = position
  }

  mutating func acknowledge(upTo position: Int, report: PeerReport, now: Int64) {
    heard(now)
    guard position <= next else { return }
    if position >= acknowledged {
      flowWindow = peerWindow
      acknowledged = position
    }
    let trip = report.roundTrip
    variance += (abs(trip - roundTrip) - variance) / 4
    roundTrip += (trip - roundTrip) / 8
    control.measured(report)
    for passed in fullyAcknowledged..<max(position, fullyAcknowledged) { lossList.remove(passed) }
    guard position > fullyAcknowledged else { return }
    fullyAcknowledged = position
    let moment = Instant(nanoseconds: now)
    control.acknowledged(upTo: PacketSequence(position: position), now: moment)
    repair?.acknowledged(upTo: PacketSequence(position: position), now: moment)
  }

  mutating func lost(_ ranges: [SequenceRange], positions: [ClosedRange<Int>], now: Int64) {
    heard(now)
    ranges.withUnsafeBufferPointer {
      control.lost($0, now: Instant(nanoseconds: now))
      repair?.lost($0)
    }
    for range in positions {
      for position in range where position >= acknowledged && position < next { lossList.insert(position) }
    }
  }

  mutating func arrived(newest: Int, now: Int64) {
    heard(now)
    control.arrived(newest: PacketSequence(position: newest), now: Instant(nanoseconds: now))
  }

  /// Every 10 ms. Returns packets that the repair wants sent now, beside the pacing.
  mutating func tick(now: Int64, resend: UnsafeMutableBufferPointer<PacketSequence>) -> Int {
    let moment = Instant(nanoseconds: now)
    let silence = max(
      Double(silences) * (roundTrip + 4 * variance) + 0.010, Double(silences) * 0.3)
    if Double(now - lastHeard) / 1e9 > silence {
      if next > acknowledged {
        if lossList.count == 0 { for position in acknowledged..<next { lossList.insert(position) } }
        timeouts += 1
        control.timedOut(now: moment)
      }
      silences += 1
      lastHeard = now
    }
    control.tick(now: moment)
    return repair?.resend(now: moment, roundTrip: roundTrip, variance: variance, into: resend) ?? 0
  }

  private mutating func heard(_ now: Int64) {
    lastHeard = now
    silences = 1
  }
}
