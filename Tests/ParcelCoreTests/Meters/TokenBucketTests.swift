import ParcelCore
import Testing

@Suite("Token buckets")
struct TokenBucketTests {
  @Test("Over a long time no more than the rate goes out, and no less when always asked")
  func rate() {
    var bucket = TokenBucket(bytesPerSecond: 1000, burst: 0.1)
    var now = Instant(seconds: 50)
    for _ in 0..<1000 { now = now + bucket.reserve(100, at: now) }
    // 100,000 bytes at 1,000 a second, less the burst that was free.
    #expect(abs((now - Instant(seconds: 50)) - 99.9) < 0.001)
  }

  @Test("A pause saves up one burst and not more")
  func burst() {
    var bucket = TokenBucket(bytesPerSecond: 1000, burst: 0.1)
    #expect(bucket.reserve(100, at: Instant(seconds: 1)) == 0)
    #expect(abs(bucket.reserve(100, at: Instant(seconds: 1)) - 0.1) < 1e-6)
    #expect(bucket.reserve(100, at: Instant(seconds: 1000)) == 0)
    #expect(abs(bucket.reserve(200, at: Instant(seconds: 1000)) - 0.2) < 1e-6)
  }
}
