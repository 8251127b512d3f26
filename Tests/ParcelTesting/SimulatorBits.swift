/// A set of positions within a window of 131,072.
struct PositionBits {
  private var words = ContiguousArray<UInt64>(repeating: 0, count: 2048)
  private(set) var count = 0

  func contains(_ position: Int) -> Bool {
    words[(position & 0x1FFFF) >> 6] & (1 << UInt64(position & 63)) != 0
  }

  mutating func insert(_ position: Int) {
    guard !contains(position) else { return }
    words[(position & 0x1FFFF) >> 6] |= 1 << UInt64(position & 63)
    count += 1
  }

  mutating func remove(_ position: Int) {
    guard contains(position) else { return }
    words[(position & 0x1FFFF) >> 6] &= ~(1 << UInt64(position & 63))
    count -= 1
  }

  /// The first member in `positions`, nil when there is none.
  func first(in positions: Range<Int>) -> Int? {
    guard count > 0 else { return nil }
    var position = positions.lowerBound
    while position < positions.upperBound {
      let word = words[(position & 0x1FFFF) >> 6] >> UInt64(position & 63)
      if word == 0 {
        position += 64 - (position & 63)
        continue
      }
      position += word.trailingZeroBitCount
      return position < positions.upperBound ? position : nil
    }
    return nil
  }
}
