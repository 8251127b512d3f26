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

/// The rates that one round's samples show.
///
/// An acknowledgement that a busy machine handled late makes the one or two samples that begin with it too high, by a tenth on a real path,
/// and a maximum believes them for many rounds. So one or two that are higher than all others do not count.
struct RoundRates: Sendable {
  private var first = 0.0
  /// The second largest; 0 before there are two.
  private(set) var second = 0.0
  /// The third largest; 0 before there are three.
  private(set) var third = 0.0
  private var count = 0

  mutating func include(_ rate: Double) {
    count += 1
    if rate > first {
      (first, second, third) = (rate, first, second)
    } else if rate > second {
      (second, third) = (rate, second)
    } else if rate > third {
      third = rate
    }
  }

  /// What the round has shown: the third largest, the smaller of two, or the only one. Nil without samples.
  var best: Double? { count >= 3 ? third : count == 2 ? second : count == 1 ? first : nil }
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
