/// The words of a UDT loss report (NAK): a single packet is its sequence, a range is its first with the highest bit
/// set and then its last (UDT draft-gg-udt-03, section 2, and appendix A).
package enum LossReport {
  /// Ranges of `words` into `ranges`, as many as fit; returns how many. Words that make no sense (a first without a
  /// last, a range that runs backwards or longer than `limit` packets) end the reading: the peer may be hostile.
  package static func decode(
    _ words: UnsafeBufferPointer<Int32>, into ranges: UnsafeMutableBufferPointer<SequenceRange>, limit: Int
  ) -> Int {
    var count = 0
    var index = 0
    while index < words.count, count < ranges.count {
      let first = PacketSequence(words[index])
      guard words[index] < 0 else {
        ranges[count] = SequenceRange(first)
        count += 1
        index += 1
        continue
      }
      guard index + 1 < words.count, words[index + 1] >= 0 else { return count }
      let range = SequenceRange(first, PacketSequence(words[index + 1]))
      let length = Int((range.last.value &- range.first.value) & Int32.max) + 1
      guard length <= limit else { return count }
      ranges[count] = range
      count += 1
      index += 2
    }
    return count
  }

  /// Words for `ranges` into `words`, whole ranges only; returns how many words were written.
  package static func encode(
    _ ranges: UnsafeBufferPointer<SequenceRange>, into words: UnsafeMutableBufferPointer<Int32>
  ) -> Int {
    var count = 0
    for range in ranges {
      let needed = range.first == range.last ? 1 : 2
      guard count + needed <= words.count else { break }
      if needed == 1 {
        words[count] = range.first.value
      } else {
        words[count] = range.first.value | Int32.min
        words[count + 1] = range.last.value
      }
      count += needed
    }
    return count
  }
}
