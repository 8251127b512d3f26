/// The packet sizes to try with one peer, when large ones vanish on the way: 1500 (1480 over IPv6), then 1400, then 1280.
package struct SegmentLadder: Hashable, Sendable {
  private static let steps: [Int?] = [nil, 1400, 1280]
  private var step = 0

  package init() {}

  /// Bytes of an IP packet; nil: what is usual.
  package var segment: Int? { Self.steps[step] }

  /// A connection with `segment` was made and carried no data. False when there is nothing smaller; the next connection
  /// then starts from the top again, because size is not the trouble.
  package mutating func noData(with segment: Int?) -> Bool {
    // Of several connections that were made alike, the first one counts.
    guard segment == self.segment else { return true }
    step = (step + 1) % Self.steps.count
    return step > 0
  }
}
