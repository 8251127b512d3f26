/// Sends at one rate whatever happens: for a user's own link. Only the peer's window limits what is on its way.
package struct FixedControl: CongestionControl {
  package let interval: Double
  package let window: Int
  private let packetsPerSecond: Double

  init(_ connection: CongestionPreset.Connection, bytesPerSecond: Int) {
    packetsPerSecond = max(1, Double(bytesPerSecond) / Double(connection.payload))
    interval = 1e6 / packetsPerSecond
    window = connection.peerWindow
  }

  package var condition: ControlCondition { ControlCondition(phase: "fixed", rate: packetsPerSecond) }

  package mutating func sent(_ sequence: PacketSequence, size: Int, isRetransmission: Bool, now: Instant) {}
  package mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {}
  package mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>, now: Instant) {}
  package mutating func timedOut(now: Instant) {}
  package mutating func applicationLimited(now: Instant) {}
  package mutating func tick(now: Instant) {}
}
