/// What the records of a journal add up to.
package struct JournalState: Equatable, Sendable {
  /// The bytes that some prefix of the records claims.
  package struct Claim: Equatable, Sendable {
    /// XXH3-64 digest of each complete block.
    package var blocks: [Int: UInt64] = [:]
    /// Bytes besides complete blocks.
    package var extra = ByteRangeSet()

    package init() {}
  }

  package private(set) var object: JournalObject?
  /// Everything claimed.
  package private(set) var all = Claim()
  /// What a `synced` record covers, less what was lost since.
  package private(set) var durable = Claim()
  /// The last `boot` record.
  package private(set) var boot: String?
  /// Records so far.
  package private(set) var records = 0
  /// Claims in order of their records that no `synced` covers yet.
  private var waiting: [(number: Int, record: JournalRecord)] = []

  package init() {}

  package var layout: BlockLayout? { object?.identity.size.map { BlockLayout(size: $0) } }

  /// False when the record cannot follow the ones before (a block outside the file, a progress without an object, …):
  /// the journal is wrong from here on and the state is unchanged.
  package mutating func apply(_ record: JournalRecord) -> Bool {
    guard fits(record) else { return false }
    records += 1
    switch record {
    case .object(let object):
      self.object = object
      (all, durable, waiting) = (Claim(), Claim(), [])
    case .blocks, .extra:
      all.take(record)
      waiting.append((records, record))
    case .lost(let range):
      drop(range)
    case .boot(let id): boot = id
    case .synced(let count):
      for entry in waiting.prefix(while: { $0.number <= count }) { durable.take(entry.record) }
      waiting.removeAll { $0.number <= count }
    }
    return true
  }

  private func fits(_ record: JournalRecord) -> Bool {
    switch record {
    case .object(let object):
      guard let size = object.identity.size else { return true }
      return BlockLayout(size: size).blockSize == object.blockSize
    case .blocks(let first, let digests):
      guard let layout else { return false }
      return first <= layout.blockCount && digests.count <= layout.blockCount - first
    case .extra(let set):
      guard let layout else { return false }
      return (set.ranges.last?.end ?? 0) <= layout.size
    case .lost(let range): return layout.map { range.end <= $0.size } ?? false
    case .boot: return true
    case .synced(let count): return count <= records
    }
  }

  /// A lost byte is lost to every claim, also to the waiting ones.
  private mutating func drop(_ range: ByteRange) {
    guard let layout else { return }
    all.drop(range, layout)
    durable.drop(range, layout)
    let touched = layout.touchedBlocks(in: range)
    waiting = waiting.flatMap { entry -> [(number: Int, record: JournalRecord)] in
      switch entry.record {
      case .blocks(let first, let digests):
        return digests.indices.filter { !touched.contains(first + $0) }
          .map { (entry.number, .blocks(first: first + $0, digests: [digests[$0]])) }
      case .extra(var set):
        set.remove(layout.wholeRange(touched))
        return [(entry.number, .extra(set))]
      default: return [entry]
      }
    }
  }

  package static func == (a: JournalState, b: JournalState) -> Bool {
    a.object == b.object && a.all == b.all && a.durable == b.durable && a.boot == b.boot
  }
}

extension JournalState.Claim {
  fileprivate mutating func take(_ record: JournalRecord) {
    switch record {
    case .blocks(let first, let digests):
      for (index, digest) in digests.enumerated() { blocks[first + index] = digest }
    case .extra(let set): extra = set
    default: break
    }
  }

  fileprivate mutating func drop(_ range: ByteRange, _ layout: BlockLayout) {
    let touched = layout.touchedBlocks(in: range)
    for block in touched { blocks[block] = nil }
    extra.remove(layout.wholeRange(touched))
  }

  /// All claimed bytes.
  package func ranges(_ layout: BlockLayout) -> ByteRangeSet {
    var set = extra
    for block in blocks.keys.sorted() { set.insert(layout.range(block)) }
    return set
  }

  /// The records that state this claim, in order.
  package var records: [JournalRecord] {
    var records: [JournalRecord] = JournalRecord.runs(of: blocks)
    if !extra.isEmpty { records.append(.extra(extra)) }
    return records
  }
}

extension JournalRecord {
  /// Blocks as records: runs of consecutive ones, at most `digestsPerLine` on each.
  package static func runs(of blocks: [Int: UInt64]) -> [JournalRecord] {
    var records: [JournalRecord] = []
    var first = 0
    var digests: [UInt64] = []
    for (block, digest) in blocks.sorted(by: { $0.key < $1.key }) {
      if block != first + digests.count || digests.count == digestsPerLine {
        if !digests.isEmpty { records.append(.blocks(first: first, digests: digests)) }
        (first, digests) = (block, [])
      }
      digests.append(digest)
    }
    if !digests.isEmpty { records.append(.blocks(first: first, digests: digests)) }
    return records
  }
}

extension BlockLayout {
  /// The bytes of consecutive blocks.
  package func wholeRange(_ blocks: Range<Int>) -> ByteRange {
    blocks.isEmpty
      ? ByteRange(0, 0) : ByteRange(range(blocks.lowerBound).start, range(blocks.upperBound - 1).end)
  }
}
