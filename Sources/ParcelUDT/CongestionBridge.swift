import CUDT
import ParcelCore
import ParcelSystem
import Synchronization

/// One connection's congestion control and repair at work: libudt's threads and the pacer come in, paces, repeated loss reports and
/// retransmissions go out.
///
/// Everything that changes lies behind one lock that is hardly ever waited for. Inside it nothing of libudt is called: `sent`
/// comes with a lock of libudt's held, which the answers need.
package final class CongestionBridge: @unchecked Sendable {
  private let connection: OpaquePointer
  private let state = Mutex(State())

  fileprivate struct State {
    var law = CongestionLaw.none
    var control = ControlSlot()
    var opening = parcel_udt_opening()
    var opened = Instant.zero
    /// Seconds; nil before the peer's first word.
    var firstAnswer: Double?
    var losses: LossRepair?
    /// The newest data packet that came.
    var newest: Int32 = 0
    var repair: SenderRepair?
    var peerIsOurs = false
    /// The next number to be sent, and what is acknowledged.
    var next: Int32 = 0
    var acknowledged: Int32 = 0
    var lastSent = Instant.zero
    var lastEvent = Instant.zero
    /// Packets that writers may have waiting.
    var backlog: Int32 = 0
    /// The pacer knows of us.
    var isActive = false
  }

  /// Packets of one loss report or of one order to send again.
  private static let most = 64
  /// Seconds without a packet after which the sending thread is left alone.
  private static let pause = 0.05

  package init(_ connection: OpaquePointer) { self.connection = connection }

  // MARK: - Events

  /// Before everything else.
  package func opened(_ opening: parcel_udt_opening) {
    state.withLock { state in
      state.opening = opening
      state.law = CongestionLaw(opening)
      state.opened = MonotonicClock.now()
      state.next = opening.first
      state.newest = opening.first
      state.acknowledged = opening.first
    }
  }

  /// The peer has said something: the first time, that is a round trip after an accepted connection began.
  package func heard() {
    state.withLock { state in
      if state.firstAnswer == nil { state.firstAnswer = MonotonicClock.now() - state.opened }
    }
  }

  /// The peer repeats its loss reports, or does not as far as is known: one of ours says so before its first request, and to wait for a
  /// stock one to have said nothing for some seconds would leave those without repair.
  package func know(peerIsOurs: Bool) {
    state.withLock { state in
      state.peerIsOurs = peerIsOurs
      state.repair?.scope = peerIsOurs ? .tail : .everything
    }
  }

  /// True: the pacer is to be told that there is work. Never for the stock law.
  package func sent(_ sequence: Int32, size: Int, backlog: Int) -> Bool {
    let now = MonotonicClock.now()
    let sequence = PacketSequence(sequence)
    return state.withLock { state in
      if state.repair == nil { state.begin(now: now) }
      let isNew = sequence.value == state.next
      if isNew { state.next = sequence.next.value }
      state.control.sent(sequence, size: size, isRetransmission: !isNew, now: now)
      if isNew, backlog <= 0 { state.control.applicationLimited(now: now) }
      state.repair?.sent(sequence, isRetransmission: !isNew, now: now)
      state.lastSent = now
      return state.activate(now)
    }
  }

  /// A data packet came. The receive thread. True: the pacer is to be told.
  package func arrived(_ sequence: Int32, roundTrip: Double, variance: Double) -> Bool {
    let now = MonotonicClock.now()
    let sequence = PacketSequence(sequence)
    var (isNews, mustReport) = (false, false)
    state.withLock { state in
      if state.losses == nil {
        state.losses = LossRepair(first: PacketSequence(state.opening.first), window: 65_536, now: now)
        if state.firstAnswer == nil { state.firstAnswer = now - state.opened }
      }
      state.losses?.received(sequence, now: now)
      if (sequence.value &- state.newest) & Int32.max < 1 << 30 { state.newest = sequence.value }
      guard let missing = state.losses?.missing, missing > 0 else { return }
      mustReport = true
      isNews = state.activate(now)
    }
    if mustReport { reportMissing(now: now, roundTrip: roundTrip, variance: variance) }
    return isNews
  }

  package func acknowledged(_ sequence: Int32) -> parcel_udt_pace? {
    change { state, now in
      state.acknowledged = sequence
      state.control.acknowledged(upTo: PacketSequence(sequence), now: now)
      state.repair?.acknowledged(upTo: PacketSequence(sequence), now: now)
    }
  }

  package func lost(_ words: UnsafeBufferPointer<Int32>) -> parcel_udt_pace? {
    withUnsafeTemporaryAllocation(of: SequenceRange.self, capacity: words.count) { ranges in
      let count = LossReport.decode(words, into: ranges, limit: 65_536)
      return change { state, now in
        let ranges = UnsafeBufferPointer(rebasing: ranges[..<count])
        state.control.lost(ranges, now: now)
        state.repair?.lost(ranges)
      }
    }
  }

  /// The peer, one of ours, tells its newest packet. The receive thread, outside libudt's own reading of packets that steer.
  package func peerHas(newest: UInt64) {
    let pace = change { state, now in
      state.control.arrived(newest: PacketSequence(Int32(truncatingIfNeeded: newest)), now: now)
    }
    if var pace { parcel_udt_steer(connection, &pace) }
  }

  func timedOut() -> parcel_udt_pace? { change { state, now in state.control.timedOut(now: now) } }

  private func change(_ body: (inout State, Instant) -> Void) -> parcel_udt_pace? {
    state.withLock { state in
      let now = MonotonicClock.now()
      state.lastEvent = now
      body(&state, now)
      return state.control.pace
    }
  }

  // MARK: - The pacer's turn

  package struct Turn {
    /// False: nothing is on its way any more, and the pacer forgets us.
    var isActive = false
    /// Packets leave now.
    var isSending = false
    /// Microseconds between two packets.
    var interval = 0.0
    /// The newest packet that came, while older ones are missing: a peer of ours wants to know.
    package var newest: Int32?
    /// Nothing has happened for long: the next turn may come late.
    var isQuiet = false
  }

  /// Every few milliseconds while packets are on their way. Seconds.
  package func tick(now: Instant, roundTrip: Double, variance: Double) -> Turn {
    let (turn, pace) = state.withLock { state -> (Turn, parcel_udt_pace?) in
      state.control.tick(now: now)
      let isSending = state.next != state.acknowledged && state.control.isPresent
      let isMissing = (state.losses?.missing ?? 0) > 0
      state.isActive = isSending || isMissing
      var turn = Turn(isActive: state.isActive)
      turn.isSending = isSending && now - state.lastSent < Self.pause
      turn.interval = state.control.interval
      turn.newest = isMissing ? state.newest : nil
      turn.isQuiet = now - state.lastEvent > 2 && now - state.lastSent > 2
      return (turn, isSending ? state.control.pace : nil)
    }
    if var pace { parcel_udt_steer(connection, &pace) }
    if turn.isActive { limitBacklog() }
    guard turn.isActive else { return turn }
    reportMissing(now: now, roundTrip: roundTrip, variance: variance)
    sendAgain(now: now, roundTrip: roundTrip, variance: variance)
    return turn
  }

  /// Bytes are taken from writers for as long as the sending thread needs until the next tick, and no sooner: the rest of a file waits
  /// on disk, not here. With libudt's own law its buffer's size is the limit.
  func limitBacklog() {
    let packets: Int32? = state.withLock { state in
      guard state.law.preset != nil else { return nil }
      let window = Double(state.control.pace?.window ?? 0)
      let rate = state.control.interval > 0 ? 1e6 / state.control.interval : 0
      let wanted = Int32(min(65_536, max(1024, window + 0.05 * rate + 256)))
      guard abs(wanted - state.backlog) > state.backlog / 8 else { return nil }
      state.backlog = wanted
      return wanted
    }
    if let packets { parcel_udt_limit_backlog(connection, packets) }
  }

  private func reportMissing(now: Instant, roundTrip: Double, variance: Double) {
    withUnsafeTemporaryAllocation(of: SequenceRange.self, capacity: Self.most) { ranges in
      let count = state.withLock {
        $0.losses?.repeats(now: now, roundTrip: roundTrip, variance: variance, into: ranges) ?? 0
      }
      guard count > 0 else { return }
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * Self.most) { words in
        let length = LossReport.encode(UnsafeBufferPointer(rebasing: ranges[..<count]), into: words)
        parcel_udt_report_missing(connection, words.baseAddress, Int32(length))
      }
    }
  }

  private func sendAgain(now: Instant, roundTrip: Double, variance: Double) {
    withUnsafeTemporaryAllocation(of: PacketSequence.self, capacity: Self.most) { packets in
      let count = state.withLock {
        $0.repair?.resend(now: now, roundTrip: roundTrip, variance: variance, into: packets) ?? 0
      }
      guard count > 0 else { return }
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: Self.most) { numbers in
        for index in 0..<count { numbers[index] = packets[index].value }
        parcel_udt_send_again(connection, numbers.baseAddress, Int32(count))
      }
    }
  }

  /// What the sender keeps to now; nil for libudt's own law.
  package var pace: parcel_udt_pace? { state.withLock { $0.control.pace } }

  // MARK: - For people

  /// Nil for the stock law, and before the first packet.
  var condition: ControlCondition? { state.withLock { $0.control.condition } }
  /// Packets that were found missing and came after all.
  var filled: Int { state.withLock { $0.losses?.filled ?? 0 } }
  /// Packets reported missing again, and packets sent again unasked.
  var repaired: (reported: Int, resent: Int) {
    state.withLock { ($0.losses?.repeated ?? 0, $0.repair?.resent ?? 0) }
  }
}

extension CongestionBridge.State {
  /// The first packet leaves.
  fileprivate mutating func begin(now: Instant) {
    let first = PacketSequence(opening.first)
    let window = Int(opening.window)
    var beginning = CongestionPreset.Connection(
      first: first, peerWindow: window, payload: Int(opening.payload),
      // An answer that was waited for longer says nothing of the path.
      roundTrip: firstAnswer.flatMap { (0.0005...1).contains($0) ? $0 : nil },
      seed: UInt64(truncatingIfNeeded: now.nanoseconds))
    beginning.sendQuantum = 0.001
    control = ControlSlot(law.preset?.control(for: beginning, now: now))
    repair = SenderRepair(
      scope: peerIsOurs ? .tail : .everything, first: first, window: min(window, 65_536), now: now)
  }

  fileprivate mutating func activate(_ now: Instant) -> Bool {
    lastEvent = now
    guard !isActive else { return false }
    isActive = true
    return true
  }
}

/// The preset as C carries it.
enum CongestionLaw: Sendable {
  /// libudt's own.
  case none
  case preset(CongestionPreset)

  init(_ opening: parcel_udt_opening) {
    switch opening.congestion {
    case 1: self = .preset(.model)
    case 2: self = .preset(.fair)
    case 3: self = .preset(.fixed(bytesPerSecond: Int(max(1, min(opening.rate, 1e15)))))
    default: self = .none
    }
  }

  var preset: CongestionPreset? { if case .preset(let preset) = self { preset } else { nil } }

  static func forC(_ preset: CongestionPreset) -> (number: Int32, rate: Double) {
    switch preset {
    case .native: (PARCEL_UDT_NATIVE, 0)
    case .model: (1, 0)
    case .fair: (2, 0)
    case .fixed(let bytesPerSecond): (3, Double(bytesPerSecond))
    }
  }
}

/// A controller, the usual one without the cost of an existential.
struct ControlSlot {
  private var model: ModelControl?
  private var other: (any CongestionControl)?

  init() {}

  init(_ control: (any CongestionControl)?) {
    if let control = control as? ModelControl { model = control } else { other = control }
  }

  var isPresent: Bool { model != nil || other != nil }
  var interval: Double { model?.interval ?? other?.interval ?? 0 }
  var condition: ControlCondition? { model?.condition ?? other?.condition }

  /// Nil for libudt's own law.
  var pace: parcel_udt_pace? {
    if let model { return Self.pace(model.interval, model.window) }
    if let other { return Self.pace(other.interval, other.window) }
    return nil
  }

  private static func pace(_ interval: Double, _ window: Int) -> parcel_udt_pace {
    parcel_udt_pace(period: UDTPacing.period(forInterval: interval), window: Double(window))
  }

  mutating func sent(_ sequence: PacketSequence, size: Int, isRetransmission: Bool, now: Instant) {
    model?.sent(sequence, size: size, isRetransmission: isRetransmission, now: now)
    other?.sent(sequence, size: size, isRetransmission: isRetransmission, now: now)
  }
  mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {
    model?.acknowledged(upTo: sequence, now: now)
    other?.acknowledged(upTo: sequence, now: now)
  }
  mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant) {
    model?.lost(ranges, now: now)
    other?.lost(ranges, now: now)
  }
  mutating func arrived(newest: PacketSequence, now: Instant) {
    model?.arrived(newest: newest, now: now)
    other?.arrived(newest: newest, now: now)
  }
  mutating func timedOut(now: Instant) {
    model?.timedOut(now: now)
    other?.timedOut(now: now)
  }
  mutating func applicationLimited(now: Instant) {
    model?.applicationLimited(now: now)
    other?.applicationLimited(now: now)
  }
  mutating func tick(now: Instant) {
    model?.tick(now: now)
    other?.tick(now: now)
  }
}
