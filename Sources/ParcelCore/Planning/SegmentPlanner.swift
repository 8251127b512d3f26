/// Which bytes of one file are here, which are on their way, and what the next connection should fetch.
///
/// Segments are handed out near the front of the file, so that the whole-file digest can follow the unbroken prefix
/// from the page cache. A byte has one owner: a range is handed out once, and comes back only when its transfer ended
/// (`end`) or gave a part away (`shrink`). Offsets in bytes; boundaries that the planner chooses lie on blocks.
package struct SegmentPlanner: Sendable {
  /// A range that a transfer is fetching.
  package struct Assignment: Hashable, Sendable {
    package var id: TransferID
    package var range: ByteRange
    /// First byte not yet received, `range.start ... range.end`.
    package var position: Int
    /// Bytes per second, smoothed.
    package var rate: Double

    package var remaining: Int { range.end - position }
    /// Seconds until the range is complete; infinite while nothing arrives.
    package var secondsLeft: Double { rate > 0 ? Double(remaining) / rate : .infinity }
  }

  /// A split of a running segment: `victim` keeps what lies before `offset`.
  package struct Takeover: Hashable, Sendable {
    package var victim: TransferID
    package var offset: Int
  }

  /// Bytes of the whole file.
  package let size: Int
  /// Bytes, a power of two; every boundary the planner chooses is a multiple of it.
  package let blockSize: Int
  /// Bytes that are here.
  package private(set) var have: ByteRangeSet
  /// In the order they were handed out.
  package private(set) var active: [Assignment] = []

  package init(size: Int, blockSize: Int, have: ByteRangeSet = ByteRangeSet()) {
    self.size = size
    self.blockSize = blockSize
    self.have = have
  }

  package var isComplete: Bool { have.prefixEnd == size }

  /// Bytes here or received by running transfers.
  package var received: Int { have.count + active.reduce(0) { $0 + ($1.position - $1.range.start) } }

  /// The first missing range that nobody fetches, at most `length` bytes (rounded to blocks), given to `id`.
  ///
  /// Nil when everything is here or on its way, or when the range would lie more than `window` bytes behind the end of
  /// the unbroken prefix: then a `takeover` near the front serves the reader of the prefix better.
  package mutating func assign(to id: TransferID, length: Int, window: Int = .max) -> ByteRange? {
    var taken = have
    for assignment in active { taken.insert(assignment.range) }
    guard let gap = taken.missing(in: ByteRange(0, size)).ranges.first else { return nil }
    if window < size, gap.start >= have.prefixEnd + window { return nil }
    let wanted = max(length, blockSize)
    var end = gap.start + min(wanted, gap.count)
    if end < gap.end { end = max(roundedUp(gap.start + 1), end / blockSize * blockSize) }
    // A crumb left behind would cost a request of its own.
    if gap.end - end < blockSize { end = gap.end }
    let range = ByteRange(gap.start, min(end, gap.end))
    active.append(Assignment(id: id, range: range, position: range.start, rate: 0))
    return range
  }

  /// Gives `id` a range that the caller chose (what a takeover freed).
  package mutating func assign(_ range: ByteRange, to id: TransferID) {
    active.append(Assignment(id: id, range: range, position: range.start, rate: 0))
  }

  /// The running segment that most needs help and where to split it, nil when no split would pay.
  ///
  /// The one with the longest time left is split so that both halves end together, given that a fresh connection is
  /// about as fast as the mean; never for less than `minimum` bytes, nor when under `minimumSeconds` are left.
  package func takeover(minimum: Int, minimumSeconds: Double) -> Takeover? {
    let moving = active.filter { $0.rate > 0 }
    let mean = moving.isEmpty ? 0 : moving.reduce(0) { $0 + $1.rate } / Double(moving.count)
    let candidates = active.filter {
      $0.remaining >= max(2 * blockSize, minimum) && $0.secondsLeft > minimumSeconds
    }
    guard
      let victim = candidates.max(by: { ($0.secondsLeft, $1.range.start) < ($1.secondsLeft, $0.range.start) })
    else { return nil }
    let share = victim.rate + mean > 0 ? victim.rate / (victim.rate + mean) : 0.5
    let keep = Int(Double(victim.remaining) * share)
    let offset = roundedUp(victim.position + max(keep, 1))
    guard offset < victim.range.end else { return nil }
    return Takeover(victim: victim.id, offset: offset)
  }

  /// The transfer's range now ends at `limit` (never before its position).
  package mutating func shrink(_ id: TransferID, to limit: Int) {
    guard let i = active.firstIndex(where: { $0.id == id }) else { return }
    let old = active[i].range
    active[i].range = ByteRange(old.start, min(max(limit, old.start), old.end))
    active[i].position = min(active[i].position, active[i].range.end)
  }

  /// A running transfer's progress.
  package mutating func advance(_ id: TransferID, to position: Int, rate: Double) {
    guard let i = active.firstIndex(where: { $0.id == id }) else { return }
    active[i].position = min(max(position, active[i].position), active[i].range.end)
    active[i].rate = rate
  }

  /// The transfer ended; everything before `position` is here, the rest of its range is missing again.
  package mutating func end(_ id: TransferID, at position: Int) {
    guard let i = active.firstIndex(where: { $0.id == id }) else { return }
    let range = active.remove(at: i).range
    have.insert(ByteRange(range.start, min(max(position, range.start), range.end)))
  }

  /// Bytes that turned out not to be right.
  package mutating func lose(_ range: ByteRange) {
    have.remove(range)
  }

  private func roundedUp(_ offset: Int) -> Int { (offset + blockSize - 1) / blockSize * blockSize }

  /// The journal's, so that what the planner cuts is whole there.
  package static func blockSize(for size: Int) -> Int { BlockLayout(size: size).blockSize }
}
