/// First in, first out, of a fixed size.
final class Ring<Element> {
  private let slots: UnsafeMutableBufferPointer<Element>
  private var head = 0
  private var count = 0

  /// `size`: a power of two.
  init(_ size: Int, _ blank: Element) {
    slots = .allocate(capacity: size)
    slots.initialize(repeating: blank)
  }

  deinit { slots.deallocate() }

  var isEmpty: Bool { count == 0 }
  var first: Element { slots[head] }

  func append(_ element: Element) {
    precondition(count < slots.count, "more is on its way than there is room for")
    slots[(head + count) & (slots.count - 1)] = element
    count += 1
  }

  func takeFirst() -> Element {
    let element = slots[head]
    head = (head + 1) & (slots.count - 1)
    count -= 1
    return element
  }
}

/// A set of positions, of which all are within 131,072 of each other.
struct Bits {
  private let words = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 2048)
  private(set) var count = 0

  init() { words.initialize(repeating: 0) }

  private func place(_ position: Int) -> (Int, UInt64) { (position >> 6 & 2047, 1 << UInt64(position & 63)) }

  mutating func insert(_ position: Int) {
    let (word, bit) = place(position)
    if words[word] & bit == 0 { count += 1 }
    words[word] |= bit
  }

  mutating func remove(_ position: Int) {
    let (word, bit) = place(position)
    if words[word] & bit != 0 { count -= 1 }
    words[word] &= ~bit
  }

  /// The lowest from `start` to before `end`.
  func lowest(from start: Int, to end: Int) -> Int? {
    guard count > 0 else { return nil }
    var position = start
    while position < end {
      let (word, bit) = place(position)
      let rest = words[word] & ~(bit - 1)
      if rest != 0 {
        let found = position & ~63 + rest.trailingZeroBitCount
        return found < end ? found : nil
      }
      position = position & ~63 + 64
    }
    return nil
  }
}
