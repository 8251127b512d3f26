/// A set of bytes of one file, kept as sorted, disjoint, non-touching ranges.
///
/// `insert` and `remove` cost a binary search and the shift of what follows; a download in good order has few ranges.
package struct ByteRangeSet: Equatable, Sendable {
  /// Ascending; between two neighbours at least one byte is missing.
  package private(set) var ranges: [ByteRange] = []

  package init() {}

  package init(_ ranges: [ByteRange]) {
    for range in ranges { insert(range) }
  }

  package var isEmpty: Bool { ranges.isEmpty }

  /// Bytes in the set.
  package var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// The end of the unbroken run that starts at byte 0, 0 when byte 0 is missing.
  package var prefixEnd: Int { ranges.first.map { $0.start == 0 ? $0.end : 0 } ?? 0 }

  /// The index of the first range that ends at or after `offset`.
  private func index(endingAtOrAfter offset: Int) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].end < offset { low = middle + 1 } else { high = middle }
    }
    return low
  }

  package mutating func insert(_ range: ByteRange) {
    guard !range.isEmpty else { return }
    let first = index(endingAtOrAfter: range.start)
    var last = first
    var merged = range
    while last < ranges.count, ranges[last].start <= range.end {
      merged.start = min(merged.start, ranges[last].start)
      merged.end = max(merged.end, ranges[last].end)
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: CollectionOfOne(merged))
  }

  package mutating func remove(_ range: ByteRange) {
    guard !range.isEmpty else { return }
    var first = index(endingAtOrAfter: range.start)
    if first < ranges.count, ranges[first].end == range.start { first += 1 }
    var last = first
    var kept: [ByteRange] = []
    while last < ranges.count, ranges[last].start < range.end {
      let old = ranges[last]
      if old.start < range.start { kept.append(ByteRange(old.start, range.start)) }
      if range.end < old.end { kept.append(ByteRange(range.end, old.end)) }
      last += 1
    }
    ranges.replaceSubrange(first..<last, with: kept)
  }

  package mutating func formUnion(_ other: ByteRangeSet) {
    for range in other.ranges { insert(range) }
  }

  package func contains(_ range: ByteRange) -> Bool {
    guard !range.isEmpty else { return true }
    let i = index(endingAtOrAfter: range.start + 1)
    return i < ranges.count && ranges[i].contains(range)
  }

  package func contains(_ offset: Int) -> Bool { contains(ByteRange(offset, offset + 1)) }

  /// The bytes of `whole` that are not in the set, ascending.
  package func missing(in whole: ByteRange) -> ByteRangeSet {
    var rest = ByteRangeSet([whole])
    for range in ranges where range.overlaps(whole) { rest.remove(range) }
    return rest
  }

  /// How many bytes of `range` are in the set.
  package func count(in range: ByteRange) -> Int {
    var total = 0
    var i = index(endingAtOrAfter: range.start)
    while i < ranges.count, ranges[i].start < range.end {
      total += ranges[i].intersection(range)?.count ?? 0
      i += 1
    }
    return total
  }
}

extension ByteRangeSet: CustomStringConvertible {
  package var description: String { "[" + ranges.map(\.description).joined(separator: ", ") + "]" }
}
