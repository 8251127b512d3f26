/// Decides how fast one connection sends. Knows packets, times and losses; nothing of sockets or of libudt.
///
/// All events come in the order of their time, from one thread at a time (the hook holds one lock). After every event
/// `interval` and `window` are what the sender must keep to. No event allocates memory; `sent` is on the path of every packet.
package protocol CongestionControl: Sendable {
  /// A data packet left. `size` is its payload in bytes.
  mutating func sent(_ sequence: PacketSequence, size: Int, isRetransmission: Bool, now: Instant)
  /// Everything before `sequence` has arrived. For UDT: a full acknowledgement that advances.
  mutating func acknowledged(upTo sequence: PacketSequence, now: Instant)
  /// The peer reports these missing, first reports and repeats alike.
  mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant)
  /// The peer was silent for so long that everything unacknowledged is sent again.
  mutating func timedOut(now: Instant)
  /// The sender had nothing to send though it was allowed to: what is measured now says nothing about the path.
  mutating func applicationLimited(now: Instant)
  /// A peer of ours says that `newest` is the newest packet it has: sent every 10 ms while its acknowledgement stands before a hole. All
  /// missing before it has been reported.
  mutating func arrived(newest: PacketSequence, now: Instant)
  /// What the peer's acknowledgement said besides; only the stock law believes it.
  mutating func measured(_ report: PeerReport)
  /// Comes every 5 to 10 ms while data is unacknowledged.
  mutating func tick(now: Instant)

  /// Microseconds between two packets, retransmissions included; 0 is as fast as possible.
  var interval: Double { get }
  /// How far the next packet may be from the cumulative acknowledgement, in packets: what UDT limits.
  var window: Int { get }
  /// For people and traces: where the controller is and what it believes.
  var condition: ControlCondition { get }
}

extension CongestionControl {
  package mutating func measured(_ report: PeerReport) {}
  package mutating func arrived(newest: PacketSequence, now: Instant) {}
}

/// What a UDT receiver measures and puts into its acknowledgements. Smoothed twice, and wrong after bursts (it reports their
/// speed): the model does without.
package struct PeerReport: Hashable, Sendable {
  /// Packets per second that arrive, 0 when unknown.
  package var receiveRate = 0.0
  /// Packets per second, from packet pairs.
  package var capacity = 1.0
  /// Seconds.
  package var roundTrip = 0.1

  package init(receiveRate: Double = 0, capacity: Double = 1, roundTrip: Double = 0.1) {
    self.receiveRate = receiveRate
    self.capacity = capacity
    self.roundTrip = roundTrip
  }
}

/// What a controller believes, for statistics and traces.
package struct ControlCondition: Hashable, Sendable {
  /// One lower-case word: `startup`, `drain`, `cruise`, `up`, `down`, `roundtrip`, `native`, `fixed`.
  package var phase: String
  /// Packets per second that the path delivers, as believed; 0 when unknown.
  package var rate: Double = 0
  /// Seconds, without queue; nil before it was measured.
  package var minimumRoundTrip: Double?
  /// Packets believed on their way.
  package var flight = 0
  /// Share of packets lost whatever the rate, 0 ... 1.
  package var backgroundLoss: Double = 0
}

/// What the hook must know of UDT to carry out what a controller wants.
package enum UDTPacing {
  /// UDT's packet period (microseconds) for a wanted `interval` between packets.
  ///
  /// After every new packet whose number is a multiple of 16 the next one goes out at once (the packet pair that probes
  /// capacity): 16 packets take 15 periods.
  package static func period(forInterval interval: Double) -> Double { interval * 16 / 15 }
}

/// A controller by the name a person gives it: `model`, `fair`, `native`, `fixed=RATE`.
package enum CongestionPreset: Hashable, Sendable {
  case model
  case fair
  case native
  /// Payload bytes per second.
  case fixed(bytesPerSecond: Int)

  /// Everything a controller is told about its connection at the start.
  package struct Connection: Sendable {
    /// The first data packet's number.
    package var first: PacketSequence
    /// Packets that the peer takes at most, 16 ... 65,536.
    package var peerWindow: Int
    /// Payload bytes of a full packet.
    package var payload: Int
    /// Seconds, from the handshake; nil when it was not measured.
    package var roundTrip: Double?
    /// Seconds by which the sender's packets bunch up: 0.009 for stock UDT, about 0.001 when its clock is kicked.
    package var sendQuantum: Double
    /// Seconds between the receiver's acknowledgements, 0.010 for stock UDT.
    package var acknowledgementClock: Double
    /// Any number: two connections of one process should have different ones.
    package var seed: UInt64

    package init(
      first: PacketSequence, peerWindow: Int, payload: Int = 1456, roundTrip: Double? = nil,
      sendQuantum: Double = 0.001, acknowledgementClock: Double = 0.010, seed: UInt64 = 1
    ) {
      self.first = first
      self.peerWindow = min(max(peerWindow, 16), 65_536)
      self.payload = payload
      self.roundTrip = roundTrip.map { min(max($0, 50e-6), 10) }
      self.sendQuantum = sendQuantum
      self.acknowledgementClock = acknowledgementClock
      self.seed = seed
    }
  }

  /// A controller for one connection that begins now.
  package func control(for connection: Connection, now: Instant) -> any CongestionControl {
    switch self {
    case .model: ModelControl(connection, parameters: .model, now: now)
    case .fair: ModelControl(connection, parameters: .fair, now: now)
    case .native: NativeControl(connection, now: now)
    case .fixed(let bytesPerSecond): FixedControl(connection, bytesPerSecond: bytesPerSecond)
    }
  }
}
