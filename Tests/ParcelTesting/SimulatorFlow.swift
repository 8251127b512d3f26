import ParcelCore

/// One flow of a running simulation.
struct SimulatedFlow {
  let description: SimulatorScenario.Flow
  var sender: SimulatedSender?
  var receiver: SimulatedReceiver?
  var cubic = SimulatedCubic()
  var isWakeSet = false
  /// When each full acknowledgement left, by its number: what libudt keeps to time the answers.
  var acknowledgementTimes: [Int: Int64] = [:]
  /// Packets refused by the queue or lost behind it.
  var lost = 0
  /// Nanoseconds: longest time without a packet more for the application, after its first.
  private(set) var longestGap: Int64 = 0
  private var lastAdvance: Int64?
  let first: Int
  private let seed: UInt64

  init(_ description: SimulatorScenario.Flow, scenario: SimulatorScenario, seed: UInt64) {
    self.description = description
    self.seed = seed
    first = Int(scenario.firstSequence)
  }

  mutating func begin(_ preset: CongestionPreset, scenario: SimulatorScenario, now: Int64) {
    let connection = CongestionPreset.Connection(
      first: PacketSequence(position: first), peerWindow: scenario.window,
      roundTrip: scenario.forward.delay + scenario.backward.delay, sendQuantum: scenario.quantum,
      acknowledgementClock: scenario.acknowledgementClock, seed: seed)
    let moment = Instant(nanoseconds: now)
    let repair = SenderRepair(
      scope: scenario.isOurReceiver ? .tail : .everything, first: connection.first, window: scenario.window,
      now: moment)
    sender = SimulatedSender(
      control: preset.control(for: connection, now: moment), repair: scenario.isOurSender ? repair : nil,
      first: first, packets: description.packets, window: scenario.window, supply: description.supply,
      began: now)
    receiver = SimulatedReceiver(first: first, window: scenario.window, isOurs: scenario.isOurReceiver)
  }

  /// The application can read more.
  mutating func advanced(_ now: Int64) {
    if let lastAdvance { longestGap = max(longestGap, now - lastAdvance) }
    lastAdvance = now
  }

  /// Packets that the application has, in order.
  var delivered: Int { receiver.map { $0.cumulative - first } ?? cubic.arrived }
}
