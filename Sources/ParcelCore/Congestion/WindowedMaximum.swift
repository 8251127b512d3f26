/// The largest value of the last few rounds.
struct WindowedMaximum: Sendable {
  private var rounds: ContiguousArray<Double>
  private var newest = 0

  init(rounds: Int) { self.rounds = ContiguousArray(repeating: 0, count: rounds) }

  var value: Double {
    var largest = 0.0
    for value in rounds where value > largest { largest = value }
    return largest
  }

  mutating func include(_ value: Double) {
    if value > rounds[newest] { rounds[newest] = value }
  }

  /// A new round begins; the oldest is forgotten.
  mutating func advance() {
    newest = (newest + 1) % rounds.count
    rounds[newest] = 0
  }

  /// Forgets all but the newest `kept` rounds.
  mutating func forget(allBut kept: Int) {
    for age in kept..<max(kept, rounds.count) {
      rounds[(newest + rounds.count - age) % rounds.count] = 0
    }
  }
}

/// The round trip without queue: the smallest seen, until nothing near it was seen for a long time.
struct MinimumRoundTrip: Sendable {
  /// Microseconds; nil before the first sample.
  private(set) var value: Int?
  /// When a sample last came near it.
  private(set) var confirmed = 0
  /// When the queue was last seen small: under a quarter of the minimum.
  private(set) var eased = 0
  /// Smallest sample of the running measurement by probe.
  private var probed: Int?

  mutating func include(_ sample: Int, now: Int) {
    if let probed { self.probed = min(probed, sample) }
    guard let known = value else {
      value = sample
      confirmed = now
      eased = now
      return
    }
    if sample <= known + known / 4 + 2000 { eased = now }
    if sample <= known + known / 16 + 500 { confirmed = now }
    if sample < known { value = sample }
  }

  /// Seconds since a sample came near the minimum.
  func age(now: Int) -> Double { Double(now - confirmed) / 1e6 }

  /// Seconds since the queue was seen small.
  func crowdedTime(now: Int) -> Double { Double(now - eased) / 1e6 }

  /// From now on the smallest sample is looked for that replaces the known one.
  mutating func beginProbe() { probed = Int.max }

  mutating func endProbe(now: Int) {
    if let probed, probed < Int.max { value = probed }
    probed = nil
    confirmed = now
  }
}
