import ParcelCore
import Testing

@Suite struct HostBudgetTests {
  let start = Instant(seconds: 100)

  @Test func aHostGetsNoMoreThanItsBudget() {
    var budget = HostBudget(perHost: 2)
    var took = ["a", "a", "a", "b"].map { budget.take($0, now: start) }
    #expect(took == [true, true, false, true])
    budget.give(back: "a")
    took = ["a", "a"].map { budget.take($0, now: start) }
    #expect(took == [true, false])
  }

  @Test func aLimitOfItsOwnHoldsWhateverHostsGet() {
    var budget = HostBudget(perHost: 16)
    let took = (0..<3).map { _ in budget.take("relay", limit: 2, now: start) }
    #expect(took == [true, true, false])
    budget.perHost = 8
    let again = budget.take("relay", limit: 2, now: start)
    #expect(!again)
  }

  @Test func aBusyHostIsLeftAloneAsLongAsItAskedAndThenGetsHalf() {
    var budget = HostBudget(perHost: 8)
    for _ in 0..<8 { _ = budget.take("a", now: start) }
    for _ in 0..<8 {
      budget.give(back: "a")
      budget.busy("a", retryAfter: 5, now: start)  // eight answers, one event
    }
    let early = budget.take("a", now: start + 4.9)
    #expect(!early)
    var taken = 0
    while budget.take("a", now: start + 5.1) { taken += 1 }
    #expect(taken == 4)
    // One more after ten quiet seconds.
    let later = (0..<2).map { _ in budget.take("a", now: start + 20) }
    #expect(later == [true, false])
  }
}

@Suite struct ConnectionTunerTests {
  /// A path where each connection brings `each` bytes per second up to `limit` in all.
  func settle(each: Double, limit: Double, ceiling: Int, seconds: Int) -> Int {
    var tuner = ConnectionTuner(ceiling: ceiling)
    var bytes = 0.0
    for tenth in 0..<(seconds * 10) {
      bytes += min(Double(tuner.target) * each, limit) / 10
      tuner.observe(bytes: Int(bytes), connections: tuner.target, now: Instant(seconds: Double(tenth) / 10))
    }
    return tuner.target
  }

  @Test func itGrowsToTheCeilingWhileEachConnectionBringsMore() {
    #expect(settle(each: 1e6, limit: 1e9, ceiling: 16, seconds: 60) == 16)
  }

  @Test func itStopsWhereMoreConnectionsBringNothing() {
    let target = settle(each: 1e7, limit: 4e7, ceiling: 16, seconds: 60)
    #expect(target >= 4 && target <= 6)
  }

  @Test func interruptedItKeepsItsTargetAndJudgesNoStepByAnotherPathsRate() {
    var tuner = ConnectionTuner(ceiling: 16)
    var bytes = 0
    for tenth in 0..<80 {
      bytes += tuner.target * 100_000
      tuner.observe(bytes: bytes, connections: tuner.target, now: Instant(seconds: Double(tenth) / 10))
    }
    #expect(tuner.target == 6 && tuner.isGrowing)
    tuner.interrupt()
    for tenth in 600..<640 {
      tuner.observe(bytes: bytes, connections: tuner.target, now: Instant(seconds: Double(tenth) / 10))
    }
    #expect(tuner.target == 6)
  }

  @Test func itNeverLeavesItsRange() {
    #expect(ConnectionTuner(ceiling: 2).target == 2)
    #expect(ConnectionTuner(ceiling: 0).target == 1)
  }
}

@Suite struct ClockTextTests {
  @Test(arguments: [
    ("14:02:31", 600.0, "14:12"), ("23:55", 600, "00:05"), ("00:00:59", 1, "00:01"), ("12:00:00", 0, "12:00"),
    ("later", 600, "later"), ("25:00", 600, "25:00"), ("12:00", -1, "12:00"),
  ])
  func aTimeOfDayIsMovedOn(clock: String, seconds: Double, expected: String) {
    #expect(ClockText.later(clock, by: seconds) == expected)
  }
}

@Suite struct FramingTests {
  @Test(
    arguments: [
      ([], nil, 200, true), ([], 5, 200, false), ([], nil, 206, false),
      ([HTTPHeader("Content-Length", "7")], nil, 200, false),
      ([HTTPHeader("Transfer-Encoding", "gzip, Chunked")], nil, 200, false),
      ([HTTPHeader("Transfer-Encoding", "gzip")], nil, 200, true),
    ] as [([HTTPHeader], Int?, Int, Bool)])
  func aBodyWithoutLengthOrChunksEndsWithItsConnection(
    headers: [HTTPHeader], size: Int?, status: Int, expected: Bool
  ) {
    #expect(
      Framing.endsWithConnection(ResponseHead(status: status, headers: headers), size: size) == expected)
  }
}

@Suite struct SegmentSizingTests {
  @Test func aSegmentLastsFortyRoundTripsWithinItsBounds() {
    let sizing = SegmentSizing()
    #expect(sizing.length(rate: 0, roundTrip: 0.1) == 4 << 20)
    #expect(sizing.length(rate: 10e6, roundTrip: 0.1) == 40_000_000)
    #expect(sizing.length(rate: 100e6, roundTrip: 0.0001) == 25_000_000)
    #expect(sizing.length(rate: 1e9, roundTrip: 1) == 256 << 20)
    #expect(sizing.length(rate: .infinity, roundTrip: 1) == 256 << 20)
  }
}

@Suite struct RetryPolicyTests {
  @Test func theWaitDoublesUpToAMinuteAndIsNeverShorterThanHalf() {
    let policy = RetryPolicy()
    let shortest = (1...10).map { policy.delay(failures: $0, retryAfter: nil, random: 0) }
    #expect(shortest == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    #expect(policy.delay(failures: 3, retryAfter: nil, random: 1) == 2)
  }

  @Test func theServersWishCountsWhenItIsLonger() {
    #expect(RetryPolicy().delay(failures: 1, retryAfter: 37, random: 0.5) == 37)
    #expect(RetryPolicy().delay(failures: 9, retryAfter: 2, random: 1) == 60)
  }

  @Test func itGivesUpAfterItsLimitOrNever() {
    #expect(!RetryPolicy(limit: 3).givesUp(after: 3))
    #expect(RetryPolicy(limit: 3).givesUp(after: 4))
    #expect(!RetryPolicy(limit: nil).givesUp(after: 1_000_000))
  }

  @Test func theSameSeedGivesTheSameNumbers() {
    var a = SeededRandom(seed: 7)
    var b = SeededRandom(seed: 7)
    for _ in 0..<100 {
      let x = a.unit()
      #expect(x == b.unit() && x >= 0 && x < 1)
    }
  }
}
