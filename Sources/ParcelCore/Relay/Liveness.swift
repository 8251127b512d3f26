/// Whether a peer still lives. libudt takes 46 s to find that out; idle ends of UDT send each other keep-alives, so
/// a much shorter silence is proof enough.
package struct Liveness: Sendable {
  /// Seconds of silence after which a peer is dead.
  package static let limit = 14.5
  /// Most seconds of silence from one look to the next. Who comes late to look was kept from it by a busy machine, and so was
  /// perhaps the thread that takes packets in: of the rest of that time nothing is known.
  private static let longestLook = 0.5

  private var heard: Instant
  private var looked: Instant
  private var packets: Int64 = 0
  private var expirations = 1

  package init(now: Instant) { (heard, looked) = (now, now) }

  /// Seconds since the last sign of life, as far as it was looked for.
  package func silence(now: Instant) -> Double { now - heard }

  /// Takes what libudt counts, some times a second. `packets`: what came in; it does not count keep-alives, but any packet
  /// sets `expirations`, the number of time-outs since, back to 1. True: the peer is dead.
  package mutating func isDead(packets: Int64, expirations: Int, now: Instant) -> Bool {
    heard = heard + max(0, now - looked - Self.longestLook)
    looked = now
    if packets != self.packets || expirations <= 1 || expirations < self.expirations { heard = now }
    self.packets = packets
    self.expirations = expirations
    return silence(now: now) >= Self.limit
  }
}
