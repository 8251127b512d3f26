/// Packets proven and lost in one round, by the pacing they left under.
struct RoundLosses: Sendable {
  private(set) var seen = 0
  private(set) var lost = 0
  /// Of those that left no faster than the path delivers.
  private(set) var calmSeen = 0
  private(set) var calmLost = 0
  /// Separate gaps.
  private(set) var gaps = 0

  mutating func prove(_ pace: PacketLedger.Pace, isLost: Bool) {
    seen += 1
    if isLost { lost += 1 }
    if pace != .faster {
      calmSeen += 1
      if isLost { calmLost += 1 }
    }
  }

  mutating func countGap() { gaps += 1 }

  var share: Double { seen > 0 ? Double(lost) / Double(seen) : 0 }

  /// The same for the packets that left no faster than the path delivers.
  func calmExceeds(_ expected: Double) -> Bool {
    let mean = expected * Double(calmSeen)
    return gaps >= 6 && Double(calmLost) > mean + 3 * mean.squareRoot()
  }

  /// True when the losses are certainly more than the share `expected`: above it by three standard deviations, and not one
  /// burst.
  func exceeds(_ expected: Double) -> Bool {
    let mean = expected * Double(seen)
    return gaps >= 6 && Double(lost) > mean + 3 * mean.squareRoot()
  }
}
