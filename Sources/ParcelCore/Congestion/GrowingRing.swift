/// A first-in, first-out queue that allocates only when it must double, up to `limit`. Then it refuses.
struct GrowingRing<Element: Sendable>: Sendable {
  private var slots: ContiguousArray<Element>
  private let blank: Element
  private let limit: Int
  private var head = 0
  private(set) var count = 0

  /// `capacity` and `limit` are powers of two.
  init(capacity: Int, limit: Int, blank: Element) {
    slots = ContiguousArray(repeating: blank, count: capacity)
    self.limit = limit
    self.blank = blank
  }

  var isEmpty: Bool { count == 0 }

  /// The oldest. The ring must not be empty.
  var first: Element { slots[head] }

  /// False when the ring is full and stays as it was.
  @discardableResult mutating func append(_ element: Element) -> Bool {
    if count == slots.count {
      guard slots.count < limit else { return false }
      grow()
    }
    slots[(head + count) & (slots.count - 1)] = element
    count += 1
    return true
  }

  mutating func removeFirst() {
    head = (head + 1) & (slots.count - 1)
    count -= 1
  }

  mutating func removeAll() {
    head = 0
    count = 0
  }

  private mutating func grow() {
    var larger = ContiguousArray(repeating: blank, count: slots.count * 2)
    for index in 0..<count { larger[index] = slots[(head + index) & (slots.count - 1)] }
    slots = larger
    head = 0
  }
}
