/// A half-open range of byte offsets in one file: `start` is the first byte, `end` the first byte after it.
///
/// Offsets are bytes from the file's beginning, 0 ... 2^63 - 1.
package struct ByteRange: Hashable, Sendable {
  package var start: Int
  package var end: Int

  /// Stops the program when `end < start` or `start < 0`: such a range is a mistake of ours, never data.
  package init(_ start: Int, _ end: Int) {
    precondition(start >= 0 && end >= start, "byte range \(start)..<\(end) is not a range")
    self.start = start
    self.end = end
  }

  /// Bytes in the range.
  package var count: Int { end - start }
  package var isEmpty: Bool { end == start }

  package func contains(_ other: ByteRange) -> Bool { start <= other.start && other.end <= end }
  package func overlaps(_ other: ByteRange) -> Bool { start < other.end && other.start < end }

  /// What both ranges have, nil when that is nothing.
  package func intersection(_ other: ByteRange) -> ByteRange? {
    let low = max(start, other.start)
    let high = min(end, other.end)
    return low < high ? ByteRange(low, high) : nil
  }
}

extension ByteRange: CustomStringConvertible {
  /// `0..<1048576`, as Swift writes it.
  package var description: String { "\(start)..<\(end)" }
}
