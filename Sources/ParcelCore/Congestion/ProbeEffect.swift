/// How much queue a probe made, against what it would make on a path of our own: our share of the path.
///
/// A flow that alone sends a quarter faster for one round trip makes a quarter of a round trip of queue; one that has half of the path makes half
/// of that. So a flow with a small share goes further with its next probe, and two flows move towards equal shares; a share
/// that is small because much of the path is free is found sooner, too.
struct ProbeEffect: Sendable {
  /// Our share of the path, 0.2 ... 1, averaged over the last probes.
  private(set) var share = 1.0

  private var before = 0
  private var previous = 0
  private var peak = 0
  private var expected = 0.0

  /// A probe begins that sends `excess` faster for `duration` microseconds; `trip` is the round trip before it.
  mutating func begin(trip: Int, excess: Double, duration: Int) {
    before = trip
    previous = trip
    peak = trip
    expected = excess * Double(duration)
  }

  /// A round trip during the probe or the drain after it. The smaller of two in a row counts: one alone may be jitter.
  mutating func include(_ trip: Int) {
    peak = max(peak, min(trip, previous))
    previous = trip
  }

  mutating func end() {
    guard expected > 0 else { return }
    let seen = min(1, max(0.2, Double(peak - before) / expected))
    share += (seen - share) / 4
    expected = 0
  }
}
