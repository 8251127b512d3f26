/// Counts a hole as delivered one round trip after it was sent again.
///
/// Waiting for the cumulative acknowledgement instead makes the delivered count stand still and then leap by thousands, when the
/// first hole closes. If the peer reports the packet missing once more, the credit is taken back by the caller.
struct RepairCredit: Sendable {
  struct Entry: Sendable {
    var position = 0
    var sentAt: UInt32 = 0
  }

  private var waiting: GrowingRing<Entry>

  init(limit: Int) { waiting = GrowingRing(capacity: 64, limit: limit, blank: Entry()) }

  /// `position` was sent again at `sentAt` (microseconds modulo 2^32). When the ring is full the hole waits for the
  /// acknowledgement.
  mutating func resent(_ position: Int, at sentAt: UInt32) {
    waiting.append(Entry(position: position, sentAt: sentAt))
  }

  /// The oldest retransmission that is a round trip (microseconds) old, taken off; nil when there is none yet. Whether it
  /// still stands (the packet is a hole, and was not sent again later) is the caller's to look up.
  mutating func due(now: UInt32, roundTrip: UInt32) -> Entry? {
    guard !waiting.isEmpty, now &- waiting.first.sentAt >= roundTrip else { return nil }
    let entry = waiting.first
    waiting.removeFirst()
    return entry
  }
}
