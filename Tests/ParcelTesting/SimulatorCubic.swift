/// A TCP flow with CUBIC's window (RFC 9438) and perfect selective acknowledgements, to compete with. What it retransmits is not told
/// apart: its goodput is what arrives.
struct SimulatedCubic {
  private(set) var next = 0
  private(set) var arrived = 0
  private(set) var window = 10.0
  private(set) var flight = 0
  private var threshold = Double.infinity
  private var largest = 0.0
  private var epoch: Int64?
  private var origin = 0.0
  /// Losses of packets before this are answered already.
  private var recovery = 0
  /// Every packet before this is acknowledged or found lost.
  private var settled = 0
  private var seen = PositionBits()
  private(set) var lastHeard: Int64 = 0

  var maySend: Bool { Double(flight) < window }

  mutating func take() -> Int {
    flight += 1
    next += 1
    return next - 1
  }

  mutating func countArrival() { arrived += 1 }

  /// The acknowledgement of `position` came. What was sent three or more before it and is not acknowledged is lost.
  mutating func acknowledge(_ position: Int, roundTrip: Double, now: Int64) {
    lastHeard = now
    guard position >= settled else { return }
    seen.insert(position)
    flight = max(0, flight - 1)
    if position >= recovery { grow(roundTrip: roundTrip, now: now) }
    while settled <= position - 3 {
      if !seen.contains(settled) {
        flight = max(0, flight - 1)
        if settled >= recovery { reduce() }
      }
      seen.remove(settled)
      settled += 1
    }
  }

  /// Nothing was heard for a long time.
  mutating func timeout(now: Int64) {
    for position in settled..<next { seen.remove(position) }
    settled = next
    flight = 0
    recovery = next
    threshold = max(2, window * 0.7)
    window = 2
    epoch = nil
    lastHeard = now
  }

  private mutating func reduce() {
    recovery = next
    largest = window < largest ? window * 0.85 : window
    window = max(2, window * 0.7)
    threshold = window
    epoch = nil
  }

  private mutating func grow(roundTrip: Double, now: Int64) {
    guard window >= threshold else {
      window += 1
      return
    }
    if epoch == nil {
      epoch = now
      largest = max(largest, window)
      origin = Self.cubeRoot((largest - window) / 0.4)
    }
    let time = Double(now - (epoch ?? now)) / 1e9 + roundTrip - origin
    let target = min(max(largest + 0.4 * time * time * time, window), 1.5 * window)
    // Never slower than Reno with the same decrease.
    window += max((target - window) / window, 0.53 / window)
  }

  private static func cubeRoot(_ value: Double) -> Double {
    guard value > 0 else { return 0 }
    var root = max(1, value / 3)
    for _ in 0..<60 { root -= (root * root * root - value) / (3 * root * root) }
    return root
  }
}
