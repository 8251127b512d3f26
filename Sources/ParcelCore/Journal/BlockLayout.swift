/// How a file is cut into blocks, the unit of local integrity.
package struct BlockLayout: Hashable, Sendable {
  /// Size of the file in bytes.
  package let size: Int
  /// Bytes of every block but the last, which may be shorter. A power of two, at least 1 MiB.
  package let blockSize: Int

  package static let smallestBlock = 1 << 20
  /// More blocks than this make the blocks larger instead.
  package static let mostBlocks = 131_072

  /// 1 MiB, doubled until the file has at most 131,072 blocks.
  package init(size: Int) {
    var block = Self.smallestBlock
    while (size - 1) / block + 1 > Self.mostBlocks { block *= 2 }
    self.size = size
    blockSize = block
  }

  package var blockCount: Int { size == 0 ? 0 : (size - 1) / blockSize + 1 }

  /// Bytes of a block, `0 ..< blockCount`.
  package func range(_ block: Int) -> ByteRange {
    // In this order nothing overflows, however large a journal says that the file is.
    let start = block * blockSize
    return ByteRange(start, size - start > blockSize ? start + blockSize : size)
  }

  /// The blocks that lie in `range` as a whole.
  package func wholeBlocks(in range: ByteRange) -> Range<Int> {
    let first = range.start / blockSize + (range.start % blockSize == 0 ? 0 : 1)
    let last = range.end >= size ? blockCount : range.end / blockSize
    return first < last ? first..<last : first..<first
  }

  /// The blocks of which `range` has at least one byte.
  package func touchedBlocks(in range: ByteRange) -> Range<Int> {
    guard !range.isEmpty else { return 0..<0 }
    return range.start / blockSize..<(range.end - 1) / blockSize + 1
  }
}
