import ParcelCore
import Testing

/// A bucket that `#expect` may ask: its macro does not let it be changed.
private final class Bucket {
  private var bucket: TokenBucket
  init(_ rate: Int, at seconds: Double) {
    bucket = TokenBucket(bytesPerSecond: rate, now: Instant(seconds: seconds))
  }
  var rate: Double { bucket.rate }
  func isReady(_ seconds: Double) -> Bool { bucket.isReady(now: Instant(seconds: seconds)) }
  func wait(_ seconds: Double) -> Double { bucket.secondsUntilReady(now: Instant(seconds: seconds)) }
  func setRate(_ rate: Int, at seconds: Double) { bucket.setRate(rate, now: Instant(seconds: seconds)) }
  func spend(_ bytes: Int) { bucket.spend(bytes) }
}

@Suite struct TokenBucketTests {
  /// Takes `piece` bytes whenever allowed, waking when the bucket says so, but at least `step` later; bytes in all.
  private func taken(
    _ bucket: Bucket, from start: Double, to end: Double, piece: Int, step: Double
  ) -> Int {
    var now = start
    var total = 0
    while true {
      while bucket.isReady(now) {
        bucket.spend(piece)
        total += piece
      }
      now += max(step, bucket.wait(now))
      if now >= end { return total }
    }
  }

  @Test(arguments: [
    (rate: 1000, piece: 16_384), (100_000, 16_384), (10_000_000, 16_384), (1000, 1),
    (3_000_000, 1_000_000),
  ])
  func theAverageIsTheRateWhateverThePieces(rate: Int, piece: Int) {
    let bucket = Bucket(rate, at: 100)
    let seconds = 200.0
    let step = piece == 1 ? 0.05 : 0.01
    let total = taken(bucket, from: 100, to: 100 + seconds, piece: piece, step: step)
    let expected = Double(rate) * seconds
    #expect(abs(Double(total) - expected) <= max(expected * 0.01, Double(piece)))
  }

  @Test func anIdleBucketSavesUpNoMoreThanItsBurst() {
    let bucket = Bucket(1000, at: 0)
    var total = 0
    while bucket.isReady(3600) {
      bucket.spend(10)
      total += 10
    }
    #expect(total == Int(1000 * TokenBucket.burstSeconds))
  }

  @Test func aDebtIsWaitedOutInFull() {
    let bucket = Bucket(1000, at: 0)
    #expect(bucket.isReady(0.1))
    bucket.spend(5100)
    #expect(!bucket.isReady(5))
    let wait = bucket.wait(5)
    #expect(wait > 0 && wait < 0.12)
    #expect(bucket.isReady(5 + wait + 1e-6))
  }

  @Test func aClockThatGoesBackwardsGivesAndTakesNothing() {
    let bucket = Bucket(1000, at: 100)
    #expect(bucket.isReady(100.1))
    #expect(bucket.isReady(50))
    bucket.spend(200)
    #expect(!bucket.isReady(40))
    #expect(abs(bucket.wait(40) - 0.101) < 1e-6)
    #expect(bucket.isReady(40.2))
  }

  @Test func anotherRateCountsFromNowOnAndKeepsTheDebt() {
    let bucket = Bucket(1000, at: 0)
    bucket.spend(2000)
    bucket.setRate(10_000, at: 1)
    #expect(bucket.rate == 10_000)
    #expect(abs(bucket.wait(1) - 0.1001) < 1e-6)
    bucket.setRate(10, at: 10)
    bucket.spend(1)
    #expect(bucket.isReady(10))
    bucket.spend(1)
    #expect(!bucket.isReady(10), "what a faster rate had saved is cut to the slower one's burst")
  }

  @Test func aRateOfNothingIsOneBytePerSecond() {
    let bucket = Bucket(0, at: 0)
    #expect(!bucket.isReady(0.5))
    #expect(bucket.isReady(1))
  }
}
