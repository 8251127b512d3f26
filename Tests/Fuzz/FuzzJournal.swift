import ParcelCore

/// Bytes as a journal. Random bytes never have the right checksum, so of every other input each line gets one.
@Sendable func fuzzJournal(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let isSealed = input.byte() & 1 == 1
  let partSize = Int(input.number(4))
  var journal = Array(input.rest)
  if isSealed {
    journal = Array(Journal.header.utf8)
    for line in input.rest.split(separator: 10) {
      let sum = CRC32C.of(line)
      journal += Hex.encode((0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }).utf8
      journal += [32] + line + [10]
    }
  }
  if isSealed { requireStableRecords(input.rest) }
  guard case .state(let state, let length) = Journal.replay(journal) else { return }
  require(length <= journal.count, "valid beyond its end")
  require(
    Journal.replay(Array(journal[..<length])) == .state(state, validLength: length),
    "the good part reads otherwise")
  if let layout = state.layout {
    requireInside(state.all, layout)
    requireInside(state.durable, layout)
    requireCompacts(state)
  } else {
    require(state.all.blocks.isEmpty && state.all.extra.isEmpty, "claims without a size")
  }
  requireRecovery(journal, partSize, state)
}

private func requireInside(_ claim: JournalState.Claim, _ layout: BlockLayout) {
  let whole = ByteRange(0, layout.size)
  require(claim.blocks.keys.allSatisfy { (0..<layout.blockCount).contains($0) }, "a block outside the file")
  for range in claim.ranges(layout).ranges {
    require(whole.contains(range) && !range.isEmpty, "\(range) is outside \(whole)")
  }
}

/// What is read is written so that it reads the same.
private func requireStableRecords(_ lines: ArraySlice<UInt8>) {
  for line in lines.split(separator: 10) {
    guard let record = JournalRecord(String(decoding: line, as: UTF8.self)) else { continue }
    require(JournalRecord(record.text) == record, "'\(record.text)' reads otherwise")
  }
}

private func requireCompacts(_ state: JournalState) {
  guard let object = state.object else { return }
  let (text, records) = Journal.compacted(
    object: object, boot: "boot", durable: state.durable, all: state.all)
  guard case .state(let again, let length) = Journal.replay(Array(text.utf8)) else {
    return require(false, "a compacted journal cannot be read")
  }
  require(length == text.utf8.count && again.records == records, "a compacted journal is not good to its end")
  // `synced` of an earlier record may know a block that a later one lost: what counts is that nothing is added.
  require(again.durable == state.durable, "durable: \(again.durable) was \(state.durable)")
  for (block, digest) in again.all.blocks where state.all.blocks[block] != digest {
    require(state.durable.blocks[block] == digest, "block \(block) came from nowhere")
  }
}

private func requireRecovery(_ journal: [UInt8], _ partSize: Int, _ state: JournalState) {
  for boot in [state.boot ?? "", "another"] {
    let target = Target(path: "/d/f", size: nil, digests: [])
    let found = JournalRecovery(journal: journal, partSize: partSize, target: target, boot: boot, name: "f")
    guard case .keep(_, let trusted, let doubtful, _, _) = found else { continue }
    guard let layout = state.layout else { return require(false, "kept without a size") }
    requireInside(trusted, layout)
    let end = trusted.ranges(layout).ranges.last?.end ?? 0
    require(end <= partSize, "byte \(end) of a part of \(partSize) bytes is trusted")
    require(
      doubtful.keys.allSatisfy { (0..<layout.blockCount).contains($0) }, "a doubtful block outside the file")
  }
}
