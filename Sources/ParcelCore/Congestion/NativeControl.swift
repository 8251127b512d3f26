/// UDT's own law, for simulations beside ours (in a real connection libudt runs its own).
///
/// After Gu and Grossman, "UDT: UDP-based data transfer for high-speed wide area networks", Computer Networks 51 (2007), and
/// draft-gg-udt-03, section 6, with the constants that libudt 4.11 has.
package struct NativeControl: CongestionControl {
  /// Seconds between two increases.
  private static let step = 0.010

  package private(set) var interval = 1.0
  package var window: Int { min(Int(windowPackets), connection.peerWindow) }

  private var windowPackets = 16.0
  private var isSlowStart = true
  private var report = PeerReport()
  private var lastIncrease: Instant
  private var lastAcknowledged: Int
  private var newest: Int
  private var sequences: SequenceUnwrapper
  /// A loss was reported since the last increase.
  private var hasLoss = false
  private var lastDecreasePosition: Int
  private var lastDecreaseInterval = 1.0
  private var reportsPerEpoch = 1.0
  private var reports = 1
  private var decreases = 1
  private var everyReport = 1
  private var random: SeededRandom
  private let connection: CongestionPreset.Connection

  init(_ connection: CongestionPreset.Connection, now: Instant) {
    self.connection = connection
    lastIncrease = now
    sequences = SequenceUnwrapper(first: connection.first)
    lastAcknowledged = Int(connection.first.value)
    newest = lastAcknowledged
    lastDecreasePosition = lastAcknowledged - 1
    random = SeededRandom(seed: connection.seed)
  }

  package var condition: ControlCondition {
    ControlCondition(phase: "native", rate: 1e6 / interval, minimumRoundTrip: nil)
  }

  package mutating func sent(_ sequence: PacketSequence, size: Int, isRetransmission: Bool, now: Instant) {
    newest = max(newest, sequences.position(sequence))
    sequences.advance(to: newest)
  }

  package mutating func measured(_ report: PeerReport) { self.report = report }

  package mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {
    guard now - lastIncrease >= Self.step else { return }
    lastIncrease = now
    let position = sequences.position(sequence)
    if isSlowStart {
      windowPackets += Double(max(0, position - lastAcknowledged))
      lastAcknowledged = position
      if windowPackets > Double(connection.peerWindow) { leaveSlowStart() }
    } else {
      windowPackets = report.receiveRate * (report.roundTrip + Self.step) + 16
    }
    guard !isSlowStart else { return }
    guard !hasLoss else {
      hasLoss = false
      return
    }
    increase()
  }

  package mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant) {
    guard let first = ranges.first else { return }
    if isSlowStart {
      leaveSlowStart()
      if report.receiveRate > 0 { return }
    }
    hasLoss = true
    if sequences.position(first.first) > lastDecreasePosition {
      lastDecreaseInterval = interval
      reportsPerEpoch = (reportsPerEpoch * 0.875 + Double(reports) * 0.125).rounded(.up)
      reports = 1
      decreases = 1
      everyReport = max(1, Int((reportsPerEpoch * random.unit()).rounded(.up)))
      decrease()
    } else {
      decreases += 1
      reports += 1
      if decreases <= 5, reports % everyReport == 0 { decrease() }
    }
  }

  package mutating func timedOut(now: Instant) { if isSlowStart { leaveSlowStart() } }
  package mutating func applicationLimited(now: Instant) {}
  package mutating func tick(now: Instant) {}

  private mutating func leaveSlowStart() {
    isSlowStart = false
    interval =
      report.receiveRate > 0
      ? 1e6 / report.receiveRate : 1e6 * (report.roundTrip + Self.step) / windowPackets
  }

  private mutating func decrease() {
    interval = (interval * 1.125).rounded(.up)
    lastDecreasePosition = newest
  }

  private mutating func increase() {
    var spare = report.capacity - 1e6 / interval
    if interval > lastDecreaseInterval { spare = min(spare, report.capacity / 9) }
    let size = Double(connection.payload + 44)
    var packets = 0.01
    if spare > 0 {
      var power = 1.0
      while power < spare * size * 8 { power *= 10 }
      packets = max(power * 1.5e-6 / size, packets)
    }
    let step = Self.step * 1e6
    interval = interval * step / (interval * packets + step)
  }
}
