/// Allows a number of bytes per second, averaged over a short while.
///
/// Tokens are bytes. Taking is allowed while there is at least one, and may go into debt: pieces come in the size the
/// network gave them, and the next ones wait until the debt is paid. So the average is exact whatever the pieces' size.
package struct TokenBucket: Sendable {
  /// What an idle bucket saves up, in seconds of its rate: enough to bridge a late wake-up, too little to be seen.
  package static let burstSeconds = 0.2

  /// Bytes per second, at least 1.
  package private(set) var rate: Double
  private var tokens: Double
  private var last: Instant

  /// Starts empty: the first piece is allowed after a token has come in.
  package init(bytesPerSecond: Int, now: Instant) {
    rate = Double(max(1, bytesPerSecond))
    tokens = 0
    last = now
  }

  /// Another rate from now on. What was saved or owed stays, but no more is saved than the new rate allows.
  package mutating func setRate(_ bytesPerSecond: Int, now: Instant) {
    refill(now)
    rate = Double(max(1, bytesPerSecond))
    tokens = min(tokens, burst)
  }

  /// Seconds until `take` is allowed, 0 when it is now.
  package mutating func secondsUntilReady(now: Instant) -> Double {
    refill(now)
    return tokens >= 1 ? 0 : (1 - tokens) / rate
  }

  /// True when a piece may be taken now; `spend` its size then.
  package mutating func isReady(now: Instant) -> Bool { secondsUntilReady(now: now) == 0 }

  /// Books `bytes` that were taken.
  package mutating func spend(_ bytes: Int) { tokens -= Double(bytes) }

  private var burst: Double { max(1, rate * Self.burstSeconds) }

  /// A clock that went backwards gives nothing and takes nothing.
  private mutating func refill(_ now: Instant) {
    let seconds = now - last
    last = now
    guard seconds > 0 else { return }
    tokens = min(burst, tokens + seconds * rate)
  }
}
