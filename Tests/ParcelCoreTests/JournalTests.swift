import ParcelCore
import Testing

private let object = JournalObject(
  identity: ObjectIdentity(
    size: 3_500_000, etag: "\"33a6 4d%\"", lastModified: "Wed, 21 Oct 2015 07:28:00 GMT"),
  digests: [Digest(.md5, hex: "9e107d9d372bb6826bd81d3542a419d6", source: .manifest)].compactMap { $0 },
  blockSize: 1 << 20)

private let records: [JournalRecord] = [
  .object(object),
  .boot("5b4d9d2c-6c4f-4f0c-9d4e-0c9f8f6f1a77"),
  .blocks(first: 0, digests: [0x2d06_8005_38d3_94c2, 7]),
  .extra(ByteRangeSet([ByteRange(2_097_152, 2_200_000), ByteRange(3_300_000, 3_400_000)])),
  .synced(records: 4),
  .blocks(first: 2, digests: [0xffff_ffff_ffff_ffff]),
  .extra(ByteRangeSet([ByteRange(3_300_000, 3_500_000)])),
  .lost(ByteRange(1_048_576, 2_097_152)),
]

private let text = Journal.header + records.map(Journal.line).joined()

private func state(after count: Int) -> JournalState {
  var state = JournalState()
  for record in records.prefix(count) {
    let isGood = state.apply(record)
    #expect(isGood)
  }
  return state
}

@Suite struct JournalTests {
  @Test func `CRC-32C has the value of the standard's example`() {
    #expect(CRC32C.of("123456789".utf8) == 0xE306_9283)
    #expect(CRC32C.of("".utf8) == 0)
  }

  @Test func `a journal reads like this`() {
    #expect(
      text == """
        parcel journal 1
        dc4a3548 object size=3500000 block=1048576 etag="33a6%204d%25" modified=Wed,%2021%20Oct%202015%2007:28:00%20GMT md5=9e107d9d372bb6826bd81d3542a419d6
        52e0758f boot 5b4d9d2c-6c4f-4f0c-9d4e-0c9f8f6f1a77
        a1aa4b86 blocks 0 2d06800538d394c2 0000000000000007
        2d7e47d1 extra 2097152..<2200000 3300000..<3400000
        352fa29a synced 4
        7cb4a3e3 blocks 2 ffffffffffffffff
        15311406 extra 3300000..<3500000
        cf862e15 lost 1048576..<2097152

        """)
  }

  @Test(arguments: records) func `every record is read as it was written`(record: JournalRecord) {
    #expect(JournalRecord(record.text) == record)
  }

  @Test func `a journal cut at any byte says what its whole lines say`() {
    let bytes = Array(text.utf8)
    let ends = bytes.indices.filter { bytes[$0] == 10 }.map { $0 + 1 }
    for length in 0...bytes.count {
      let reading = Journal.replay(Array(bytes[..<length]))
      let whole = ends.filter { $0 <= length }.count - 1
      if whole < 1 {
        #expect(reading == .unreadable)
      } else {
        #expect(reading == .state(state(after: whole), validLength: ends[whole]))
      }
    }
  }

  @Test func `one wrong byte anywhere takes away its line and what follows`() {
    let bytes = Array(text.utf8)
    let ends = bytes.indices.filter { bytes[$0] == 10 }.map { $0 + 1 }
    for index in ends[0]..<bytes.count {
      var wrong = bytes
      wrong[index] ^= 0x15
      let whole = ends.filter { $0 <= index }.count - 1
      let expected: Journal.Reading =
        whole < 1 ? .unreadable : .state(state(after: whole), validLength: ends[whole])
      #expect(Journal.replay(wrong) == expected, "byte \(index)")
    }
  }

  @Test func `a later version is not read`() {
    #expect(Journal.replay(Array("parcel journal 2\nanything\n".utf8)) == .laterVersion(2))
    #expect(Journal.replay(Array("PNG\n".utf8)) == .unreadable)
    #expect(Journal.replay([]) == .unreadable)
  }

  @Test func `what came after the last sync is claimed but not durable`() throws {
    let state = state(after: 7)
    let layout = try #require(state.layout)
    #expect(
      state.durable.ranges(layout)
        == ByteRangeSet([ByteRange(0, 2_200_000), ByteRange(3_300_000, 3_400_000)]))
    #expect(
      state.all.ranges(layout) == ByteRangeSet([ByteRange(0, 3_145_728), ByteRange(3_300_000, 3_500_000)]))
  }

  @Test func `lost bytes are lost to the durable claim too`() throws {
    let state = state(after: 8)
    let layout = try #require(state.layout)
    #expect(
      state.durable.ranges(layout)
        == ByteRangeSet([
          ByteRange(0, 1_048_576), ByteRange(2_097_152, 2_200_000), ByteRange(3_300_000, 3_400_000),
        ]))
    #expect(state.all.blocks[1] == nil)
  }

  @Test func `a synced line covers only the records it counts`() throws {
    var state = state(after: 6)
    let first = state.apply(.synced(records: 5))
    #expect(first)
    #expect(state.durable.blocks[2] == nil)
    let second = state.apply(.synced(records: 6))
    #expect(second)
    #expect(state.durable.blocks[2] == .max)
  }

  @Test(arguments: [
    JournalRecord.blocks(first: 4, digests: [1]), .blocks(first: .max, digests: [1]),
    .extra(ByteRangeSet([ByteRange(0, 3_500_001)])), .lost(ByteRange(3_499_999, 3_500_001)),
    .synced(records: 99),
  ])
  func `a record that does not fit the file is refused`(record: JournalRecord) {
    var state = state(after: 4)
    let before = state
    let isGood = state.apply(record)
    #expect(!isGood)
    #expect(state == before)
  }

  @Test func `a compacted journal says the same`() throws {
    for count in 1...records.count {
      let before = state(after: count)
      let compacted = Journal.compacted(object: object, boot: "b", durable: before.durable, all: before.all)
      guard case .state(let after, let length) = Journal.replay(Array(compacted.text.utf8)) else {
        Issue.record("unreadable")
        return
      }
      #expect(length == compacted.text.utf8.count)
      #expect(after.records == compacted.records)
      #expect(after.durable == before.durable)
      #expect(after.all.blocks == before.all.blocks)
      #expect(after.all.extra == before.all.extra)
    }
  }

  @Test func `runs are cut so that lines stay readable`() {
    let blocks = Dictionary(uniqueKeysWithValues: (0..<40).map { ($0, UInt64($0)) })
    let lines = JournalRecord.runs(of: blocks.merging([50: 1]) { $1 })
    #expect(
      lines == [
        .blocks(first: 0, digests: (0..<32).map { UInt64($0) }),
        .blocks(first: 32, digests: (32..<40).map { UInt64($0) }), .blocks(first: 50, digests: [1]),
      ])
  }
}

@Suite struct JournalRecoveryTests {
  private let wanted = Target(path: "/d/a.bam", size: 3_500_000, digests: object.digests)

  private func recover(
    _ journal: String?, part: Int? = 3_500_000, _ target: Target? = nil,
    boot: String = "5b4d9d2c-6c4f-4f0c-9d4e-0c9f8f6f1a77"
  ) -> JournalRecovery {
    JournalRecovery(
      journal: journal.map { Array($0.utf8) }, partSize: part, target: target ?? wanted, boot: boot,
      name: "a.bam")
  }

  private func sentence(_ recovery: JournalRecovery) -> String? {
    if case .refuse(let sentence) = recovery { return sentence }
    return nil
  }

  @Test func `under the same start of the machine everything is trusted`() {
    guard case .keep(_, let trusted, let doubtful, let state, _) = recover(text) else {
      Issue.record("refused")
      return
    }
    #expect(trusted == state.all)
    #expect(doubtful.isEmpty)
  }

  @Test func `under another start only synced bytes are trusted and newer blocks are doubtful`() {
    guard case .keep(_, let trusted, let doubtful, let state, _) = recover(text, boot: "other") else {
      Issue.record("refused")
      return
    }
    #expect(trusted == state.durable)
    #expect(doubtful == [2: .max])
  }

  @Test func `bytes that do not fit are refused with a sentence`() {
    #expect(sentence(recover(nil))?.contains("no journal") == true)
    #expect(sentence(recover(text, part: nil))?.contains("missing") == true)
    #expect(sentence(recover("x"))?.contains("not a journal") == true)
    #expect(sentence(recover("parcel journal 9\n"))?.contains("later version") == true)
    #expect(
      sentence(recover(text, part: 3_000_000))
        == "'a.bam.part' has 3000000 bytes where its journal needs 3500000: starting over.")
    #expect(
      sentence(recover(text, Target(path: "/d/a.bam", size: 5, digests: [])))?.contains("3500000") == true)
    let other = Digest(.md5, hex: String(repeating: "0", count: 32), source: .manifest).map { [$0] } ?? []
    #expect(
      sentence(recover(text, Target(path: "/d/a.bam", size: nil, digests: other)))?.contains("another object")
        == true)
  }

  @Test func `a size that only the server says at the moment is no reason to start over`() {
    var said = Target(path: "/d/a.bam", size: 1228, digests: [])
    said.sizeIsWanted = false
    #expect(sentence(recover(text, said)) == nil)
    // The same from a manifest is.
    said.sizeIsWanted = true
    #expect(sentence(recover(text, said)) != nil)
  }
}

@Suite struct BlockLayoutTests {
  @Test func `blocks double until there are few enough`() {
    #expect(BlockLayout(size: 0).blockCount == 0)
    #expect(BlockLayout(size: 1).blockCount == 1)
    #expect(BlockLayout(size: 131_072 << 20).blockSize == 1 << 20)
    #expect(BlockLayout(size: 131_072 << 20 + 1).blockSize == 2 << 20)
  }

  @Test func `the short last block is a whole one`() {
    let layout = BlockLayout(size: 2_500_000)
    #expect(layout.range(2) == ByteRange(2_097_152, 2_500_000))
    #expect(layout.wholeBlocks(in: ByteRange(1, 2_500_000)) == 1..<3)
    #expect(layout.wholeBlocks(in: ByteRange(1, 2_499_999)) == 1..<2)
    #expect(layout.wholeBlocks(in: ByteRange(5, 6)).isEmpty)
    #expect(layout.touchedBlocks(in: ByteRange(1_048_575, 1_048_577)) == 0..<2)
  }
}
