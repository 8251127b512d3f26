import Testing

@testable import ParcelCore

@Suite("Packet sequences and loss reports")
struct SequenceTests {
  @Test("Positions go on counting when the sequence wraps at 2^31")
  func wrap() {
    var unwrapper = SequenceUnwrapper(first: PacketSequence(Int32.max - 1))
    let last = unwrapper.position(PacketSequence(Int32.max))
    unwrapper.advance(to: last)
    let wrapped = unwrapper.position(PacketSequence(0))
    #expect(wrapped == last + 1)
    unwrapper.advance(to: wrapped)
    #expect(unwrapper.position(PacketSequence(Int32.max)) == last)
    #expect(PacketSequence(Int32.max).next == PacketSequence(0))
    #expect(PacketSequence(position: wrapped) == PacketSequence(0))
  }

  @Test("What is written as a loss report is read as the same ranges")
  func reportRoundTrip() {
    let ranges = [
      SequenceRange(PacketSequence(5)), SequenceRange(PacketSequence(9), PacketSequence(12)),
      SequenceRange(PacketSequence(Int32.max), PacketSequence(1)),
    ]
    #expect(decode(encode(ranges)) == ranges)
  }

  @Test(
    "Words that make no sense end the reading",
    arguments: [
      [Int32.min | 7],  // a first without a last
      [Int32.min | 7, Int32.min | 9],  // a last that is a first
      [Int32.min | 9, 7],  // backwards: nearly 2^31 packets
      [Int32.min | 0, 70_000],  // more than any window
    ])
  func hostile(words: [Int32]) {
    #expect(decode([3] + words) == [SequenceRange(PacketSequence(3))])
  }

  @Test("A report with more ranges than there is room for is cut")
  func cut() {
    var words = [Int32](repeating: 0, count: 2)
    let ranges = (0..<3).map {
      SequenceRange(PacketSequence(Int32($0 * 10)), PacketSequence(Int32($0 * 10 + 1)))
    }
    let written = ranges.withUnsafeBufferPointer { ranges in
      words.withUnsafeMutableBufferPointer { LossReport.encode(ranges, into: $0) }
    }
    #expect(written == 2)
    #expect(decode(words) == [ranges[0]])
  }

  private func encode(_ ranges: [SequenceRange]) -> [Int32] {
    var words = [Int32](repeating: 0, count: 64)
    let count = ranges.withUnsafeBufferPointer { ranges in
      words.withUnsafeMutableBufferPointer { LossReport.encode(ranges, into: $0) }
    }
    return Array(words[..<count])
  }

  private func decode(_ words: [Int32]) -> [SequenceRange] {
    var ranges = [SequenceRange](repeating: SequenceRange(PacketSequence(0)), count: 16)
    let count = words.withUnsafeBufferPointer { words in
      ranges.withUnsafeMutableBufferPointer { LossReport.decode(words, into: $0, limit: 65_536) }
    }
    return Array(ranges[..<count])
  }
}
