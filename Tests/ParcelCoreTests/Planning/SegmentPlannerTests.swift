import ParcelCore
import Testing

@Suite struct SegmentPlannerTests {
  let mega = 1 << 20

  func id(_ n: Int) -> TransferID { TransferID(UInt64(n)) }

  @Test func segmentsAreHandedOutFromTheFrontAtBlockBoundaries() {
    var planner = SegmentPlanner(size: 20 * mega + 5, blockSize: mega)
    #expect(planner.assign(to: id(1), length: 8 * mega) == ByteRange(0, 8 * mega))
    #expect(planner.assign(to: id(2), length: 8 * mega + 3) == ByteRange(8 * mega, 16 * mega))
    #expect(planner.assign(to: id(3), length: 8 * mega) == ByteRange(16 * mega, 20 * mega + 5))
    #expect(planner.assign(to: id(4), length: 8 * mega) == nil)
  }

  @Test func aCrumbAtTheEndGoesToTheSegmentBeforeIt() {
    var planner = SegmentPlanner(size: 8 * mega + 100, blockSize: mega)
    #expect(planner.assign(to: id(1), length: 8 * mega) == ByteRange(0, 8 * mega + 100))
  }

  @Test func whatAnEarlierRunLeftIsNotFetchedAgain() {
    let have = ByteRangeSet([ByteRange(0, 3 * mega + 7), ByteRange(5 * mega, 9 * mega)])
    var planner = SegmentPlanner(size: 10 * mega, blockSize: mega, have: have)
    #expect(planner.assign(to: id(1), length: 64 * mega) == ByteRange(3 * mega + 7, 5 * mega))
    #expect(planner.assign(to: id(2), length: 64 * mega) == ByteRange(9 * mega, 10 * mega))
  }

  @Test func nothingIsHandedOutBeyondTheWindow() {
    var planner = SegmentPlanner(size: 100 * mega, blockSize: mega)
    #expect(planner.assign(to: id(1), length: 10 * mega, window: 10 * mega) != nil)
    #expect(planner.assign(to: id(2), length: 10 * mega, window: 10 * mega) == nil)
    planner.end(id(1), at: 10 * mega)
    #expect(
      planner.assign(to: id(3), length: 10 * mega, window: 10 * mega) == ByteRange(10 * mega, 20 * mega))
  }

  @Test func aBrokenTransferGivesItsRestBack() {
    var planner = SegmentPlanner(size: 10 * mega, blockSize: mega)
    _ = planner.assign(to: id(1), length: 10 * mega)
    planner.end(id(1), at: 3 * mega + 11)
    #expect(planner.have.ranges == [ByteRange(0, 3 * mega + 11)])
    #expect(planner.assign(to: id(2), length: 2 * mega) == ByteRange(3 * mega + 11, 5 * mega))
  }

  @Test func theSlowestSegmentIsSplitSoThatBothHalvesEndTogether() throws {
    var planner = SegmentPlanner(size: 40 * mega, blockSize: mega)
    _ = planner.assign(to: id(1), length: 20 * mega)
    _ = planner.assign(to: id(2), length: 20 * mega)
    planner.advance(id(1), to: 10 * mega, rate: Double(9 * mega))
    planner.advance(id(2), to: 21 * mega, rate: Double(mega))
    let takeover = try #require(planner.takeover(minimum: mega, minimumSeconds: 1))
    #expect(takeover.victim == id(2))
    // 19 MiB are left; the victim runs at 1 of the mean 5 MiB/s, so it keeps a sixth, up to the next block.
    #expect(takeover.offset == 25 * mega)
  }

  @Test func aSplitNeedsEnoughLeftToPay() {
    var planner = SegmentPlanner(size: 4 * mega, blockSize: mega)
    _ = planner.assign(to: id(1), length: 4 * mega)
    planner.advance(id(1), to: 2 * mega + 1, rate: 10)
    #expect(planner.takeover(minimum: mega, minimumSeconds: 1) == nil)
    planner.advance(id(1), to: 2 * mega + 1, rate: Double(100 * mega))
    #expect(planner.takeover(minimum: 1, minimumSeconds: 1) == nil)
  }

  @Test func theBlockSizeGrowsOnlyForHugeFiles() {
    #expect(SegmentPlanner.blockSize(for: 0) == mega)
    #expect(SegmentPlanner.blockSize(for: 131_072 * mega) == mega)
    #expect(SegmentPlanner.blockSize(for: 131_074 * mega) == 2 * mega)
    #expect(SegmentPlanner.blockSize(for: 8 << 40) == 64 * mega)
  }

  /// Random lives of a download: whatever breaks, splits or goes bad, no byte has two owners, and in the end every byte
  /// was fetched.
  @Test(arguments: 0..<60) func noByteHasTwoOwnersAndAllArrive(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    let size = Int(random.next() % UInt64(60 * mega))
    var planner = SegmentPlanner(size: size, blockSize: mega)
    var number = 0
    var steps = 0
    while !planner.isComplete {
      steps += 1
      guard steps < 20_000 else {
        Issue.record("no end after \(steps) steps")
        return
      }
      number += 1
      switch random.next() % 5 {
      case 0, 1: _ = planner.assign(to: id(number), length: Int(random.next() % UInt64(8 * mega)))
      case 2:
        guard let some = planner.active.randomElement(using: &random) else { continue }
        let to = some.position + Int(random.next() % UInt64(some.remaining + 1))
        planner.advance(some.id, to: to, rate: random.unit() * 1e6)
      case 3:
        guard let some = planner.active.randomElement(using: &random) else { continue }
        planner.end(some.id, at: random.next() % 3 == 0 ? some.range.end : some.position)
      default:
        guard let takeover = planner.takeover(minimum: mega, minimumSeconds: 0),
          let victim = planner.active.first(where: { $0.id == takeover.victim })
        else { continue }
        #expect(takeover.offset > victim.position && takeover.offset < victim.range.end)
        #expect(takeover.offset % mega == 0)
        planner.shrink(takeover.victim, to: takeover.offset)
        planner.assign(ByteRange(takeover.offset, victim.range.end), to: id(number))
      }
      for (i, a) in planner.active.enumerated() {
        #expect(planner.have.count(in: a.range) == 0)
        for b in planner.active[(i + 1)...] { #expect(!a.range.overlaps(b.range)) }
      }
      #expect(planner.received <= size)
    }
    #expect(planner.have.count == size)
  }
}
