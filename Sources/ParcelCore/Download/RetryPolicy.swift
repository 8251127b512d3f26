/// Random numbers from a seed: the same seed gives the same run, in tests and in bug reports (SplitMix64,
/// Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014).
package struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// 0 ..< 1
  package mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// How long to wait before the next try, and when to give up.
package struct RetryPolicy: Sendable {
  /// Failures in a row, without a byte of progress between them, after which a download fails. Nil: never.
  package var limit: Int?
  /// Seconds before the second try; doubled for each further one.
  package var first = 0.5
  /// Seconds at most.
  package var longest = 60.0

  /// Goes on also after what a person would be asked about, where waiting may help: nobody is there (`--until-done`).
  package var outlastsTrouble = false

  package init(limit: Int? = 10) { self.limit = limit }

  /// For runs that nobody watches: for ever, and rarely after a while.
  package static var untilDone: RetryPolicy {
    var policy = RetryPolicy(limit: nil)
    policy.longest = 300
    policy.outlastsTrouble = true
    return policy
  }

  /// A failure that a person could mend, and that may also go away by itself: a certificate that a hotel's network put in
  /// the way or that has just expired, a proxy that wants a login today. What the object itself makes impossible stays so.
  package func outlasts(_ failure: Failure) -> Bool {
    guard outlastsTrouble, failure.retry == .needsUser else { return false }
    switch failure.code {
    case .network, .stalled, .server, .busy, .tls, .proxy: return true
    default: return false
    }
  }

  /// Seconds to wait after the `failures`th failure in a row (1, 2, …): `first * 2^(failures-1)` up to `longest`, of
  /// which a random half to all is taken, so that a thousand clients do not come back at once. The server's
  /// `Retry-After` counts when it is longer.
  package func delay(failures: Int, retryAfter: Double?, random: Double) -> Double {
    let doublings = min(max(failures - 1, 0), 20)
    let base = min(first * Double(1 << doublings), longest)
    return max(base * (0.5 + 0.5 * random), retryAfter ?? 0)
  }

  package func givesUp(after failures: Int) -> Bool { limit.map { failures > $0 } ?? false }
}
