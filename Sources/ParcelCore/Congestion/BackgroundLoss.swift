/// The share of packets that the path loses whatever the rate: radio noise, dirty fibre, a policer far upstream.
///
/// Only packets that left no faster than the path delivers, in rounds without a queue, count: what is lost then is not our
/// congestion. Rounds are merged until they hold enough packets, and of the last eight such groups the lower quartile is
/// taken, so one group with a congestion loss does not raise the floor.
struct BackgroundLoss: Sendable {
  /// The floor, 0 ... `cap`.
  private(set) var floor = 0.0
  private let cap: Double
  private var groups: ContiguousArray<Double> = []
  private var newest = 0
  private var seen = 0
  private var missing = 0

  static let groupPackets = 256

  init(cap: Double) {
    self.cap = cap
    groups.reserveCapacity(8)
  }

  mutating func include(seen: Int, lost: Int) {
    self.seen += seen
    missing += lost
    guard self.seen >= Self.groupPackets else { return }
    let share = Double(missing) / Double(self.seen)
    self.seen = 0
    missing = 0
    if groups.count < 8 { groups.append(share) } else { groups[newest] = share }
    newest = (newest + 1) % 8
    floor = min(cap, quartile)
  }

  /// The quarter-smallest, without sorting: at most eight values.
  private var quartile: Double {
    let rank = groups.count / 4
    for candidate in groups {
      var below = 0
      var equal = 0
      for other in groups {
        if other < candidate { below += 1 } else if other == candidate { equal += 1 }
      }
      if below <= rank, below + equal > rank { return candidate }
    }
    return 0
  }
}
