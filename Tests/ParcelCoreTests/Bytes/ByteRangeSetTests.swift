import ParcelCore
import Testing

@Suite struct ByteRangeSetTests {
  @Test func touchingRangesBecomeOne() {
    var set = ByteRangeSet([ByteRange(0, 10), ByteRange(20, 30)])
    set.insert(ByteRange(10, 20))
    #expect(set.ranges == [ByteRange(0, 30)])
  }

  @Test func removingTheMiddleLeavesBothEnds() {
    var set = ByteRangeSet([ByteRange(0, 100)])
    set.remove(ByteRange(40, 60))
    #expect(set.ranges == [ByteRange(0, 40), ByteRange(60, 100)])
    #expect(set.missing(in: ByteRange(30, 70)).ranges == [ByteRange(40, 60)])
  }

  @Test func thePrefixEndsAtTheFirstHole() {
    #expect(ByteRangeSet([ByteRange(1, 5)]).prefixEnd == 0)
    #expect(ByteRangeSet([ByteRange(0, 5), ByteRange(6, 9)]).prefixEnd == 5)
  }

  /// Random operations against a plain array of booleans, which is slow and plainly right.
  @Test(arguments: 0..<40) func agreesWithAnArrayOfBytes(seed: Int) {
    var random = SeededRandom(seed: UInt64(seed))
    var set = ByteRangeSet()
    var model = [Bool](repeating: false, count: 200)
    for _ in 0..<200 {
      let a = Int(random.next() % 201)
      let b = Int(random.next() % 201)
      let range = ByteRange(min(a, b), max(a, b))
      let inserts = random.next() % 2 == 0
      if inserts { set.insert(range) } else { set.remove(range) }
      for i in range.start..<range.end { model[i] = inserts }
      #expect(set.count == model.count { $0 })
      #expect(set.count(in: range) == (inserts ? range.count : 0))
      #expect(set.contains(range) == model[range.start..<range.end].allSatisfy { $0 })
      for (first, second) in zip(set.ranges, set.ranges.dropFirst()) { #expect(first.end < second.start) }
    }
    for i in 0..<200 { #expect(set.contains(i) == model[i]) }
  }
}
