/// How many packets have arrived, from cumulative acknowledgements and loss reports, and when that is known exactly.
///
/// A UDT receiver acknowledges nothing beyond its first gap. But a report of [a, b] missing is sent the moment b + 1
/// arrives, so everything below b + 2 is either there or known to be a hole: that is exact. An acknowledgement is exact only when
/// it passes every known hole; while it stands before one, newer arrivals are unknown, and a rate sample that began there would
/// count them later, as if they had come all at once (measured: up to a third too high).
struct DeliveredCount: Sendable {
  /// Everything before this position is acknowledged.
  private(set) var acknowledged: Int
  /// One past the highest position that is known to have arrived.
  private(set) var proven: Int
  /// Positions in `acknowledged ..< proven` that are believed missing.
  private(set) var holes = 0
  private let first: Int

  init(first: Int) {
    acknowledged = first
    proven = first
    self.first = first
  }

  var delivered: Int { proven - first - holes }

  /// The acknowledgement moved to `position`, passing `passed` holes. True when the count is exact now.
  mutating func acknowledge(upTo position: Int, passed: Int) -> Bool {
    acknowledged = max(acknowledged, position)
    holes = max(0, holes - passed)
    let exact = position >= proven
    proven = max(proven, position)
    return exact
  }

  /// A loss report proved everything before `position` but `missing` packets between the old proof and it. True when the
  /// proof moved: the count is exact now.
  mutating func prove(upTo position: Int, missing: Int) -> Bool {
    guard position > proven else { return false }
    proven = position
    holes += missing
    return true
  }

  /// A packet counted as arrived turned out missing.
  mutating func reopenHole() { holes += 1 }
  /// A hole is believed repaired.
  mutating func closeHole() { holes = max(0, holes - 1) }
}
