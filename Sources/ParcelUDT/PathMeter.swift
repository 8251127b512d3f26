import CUDT
import ParcelCore

/// Makes rates of libudt's totals.
struct PathMeter: Sendable {
  private struct Sample {
    var now: Instant
    var read: Double
    var delivered: Double
    var received: Int64
    var lost: Int32
  }

  private var last: Sample?

  mutating func statistics(
    _ facts: parcel_udt_facts, bytes: (read: UInt64, written: UInt64), drops: Int, now: Instant
  ) -> PathStatistics {
    var path = PathStatistics()
    path.connections = 1
    path.roundTrip = facts.heard > 0 ? Double(facts.round_trip) / 1e6 : nil
    path.received = Int(facts.received)
    path.sent = Int(facts.sent)
    path.receiveLost = Int(facts.receive_lost)
    path.sendLost = Int(facts.send_lost)
    path.retransmitted = Int(facts.retransmitted)
    path.window = Int(max(0, min(facts.window, 1e9)))
    path.drops = drops
    // What waits in libudt is not on its way yet.
    let waiting = Double(facts.unacknowledged) * Double(facts.payload)
    let sample = Sample(
      now: now, read: Double(bytes.read), delivered: max(0, Double(bytes.written) - waiting),
      received: facts.received, lost: facts.receive_lost)
    if let last, now > last.now {
      let seconds = now - last.now
      path.receiveRate = (sample.read - last.read) / seconds
      path.sendRate = max(0, sample.delivered - last.delivered) / seconds
      let lost = Double(sample.lost &- last.lost)
      let all = lost + Double(sample.received - last.received)
      path.loss = all > 0 ? min(1, max(0, lost / all)) : 0
    }
    last = sample
    return path
  }
}
