import ParcelCore
import Testing

@Suite struct SpeedMeterTests {
  @Test func aSteadyRateIsRightFromTheStart() {
    var meter = SpeedMeter(timeConstant: 3)
    for tenth in 0...5 { meter.observe(count: tenth * 1000, now: Instant(seconds: Double(tenth) / 10)) }
    #expect(abs(meter.rate - 10_000) < 1)
  }

  @Test func itFollowsAChangeWithItsTimeConstant() {
    var meter = SpeedMeter(timeConstant: 3)
    for tenth in 0...600 { meter.observe(count: tenth * 1000, now: Instant(seconds: Double(tenth) / 10)) }
    for tenth in 601...630 { meter.observe(count: 600_000, now: Instant(seconds: Double(tenth) / 10)) }
    // After one time constant without a byte 1/e is left.
    #expect(abs(meter.rate / 10_000 - 0.368) < 0.01)
  }

  @Test func aClockThatGoesBackChangesNothing() {
    var meter = SpeedMeter(timeConstant: 3)
    meter.observe(count: 0, now: Instant(seconds: 10))
    meter.observe(count: 1000, now: Instant(seconds: 11))
    let before = meter.rate
    meter.observe(count: 5000, now: Instant(seconds: 5))
    #expect(meter.rate == before)
  }
}

@Suite struct RateHistoryTests {
  @Test func eachWholeSecondIsOneValue() {
    var history = RateHistory(capacity: 10)
    for tenth in 0...35 { history.observe(count: tenth * 10, now: Instant(seconds: Double(tenth) / 10)) }
    #expect(history.values == [100, 100, 100])
  }

  @Test func aPauseIsFilledAndTheOldestGoFirst() {
    var history = RateHistory(capacity: 3)
    history.observe(count: 0, now: .zero)
    history.observe(count: 100, now: Instant(seconds: 1))
    history.observe(count: 500, now: Instant(seconds: 5))
    #expect(history.values == [100, 100, 100])
    history.observe(count: 500, now: Instant(seconds: 6))
    #expect(history.values == [100, 100, 0])
  }
}
