/// The text of a journal (`NAME.parcel`): a first line with format and version, then one line per record, each behind
/// its CRC-32C. Example:
///
///     parcel journal 1
///     5293ab22 object size=3145728 block=1048576 etag="33a64df5" md5=9e107d9d372bb6826bd81d3542a419d6
///     52e0758f boot 5b4d9d2c-6c4f-4f0c-9d4e-0c9f8f6f1a77
///     7fdc7f55 blocks 0 2d06800538d394c2 9a1f3c6b77e0d215
///     e1e5c671 synced 3
///
/// What follows the first line that is torn or wrong does not count.
package enum Journal {
  package static let version = 1
  package static let name = "parcel journal "
  package static let header = name + "\(version)\n"

  /// A record's line, line end included.
  package static func line(_ record: JournalRecord) -> String {
    let text = record.text
    return JournalRecord.hex(UInt64(CRC32C.of(text.utf8)), digits: 8) + " " + text + "\n"
  }

  /// What reading a journal gave.
  package enum Reading: Equatable, Sendable {
    /// `validLength` is the number of bytes up to the end of the last good line.
    case state(JournalState, validLength: Int)
    /// Written by a later version of this program.
    case laterVersion(Int)
    /// Not a journal, or torn before its object was named.
    case unreadable
  }

  package static func replay(_ bytes: [UInt8]) -> Reading {
    guard let end = bytes.firstIndex(of: 10), bytes.starts(with: name.utf8) else { return .unreadable }
    let number = Substring(decoding: bytes[name.utf8.count..<end], as: UTF8.self)
    guard let version = JournalRecord.number(number), version > 0 else { return .unreadable }
    guard version <= Self.version else { return .laterVersion(version) }
    var state = JournalState()
    var valid = end + 1
    while let lineEnd = bytes[valid...].firstIndex(of: 10) {
      guard let record = record(bytes[valid..<lineEnd]), state.apply(record) else { break }
      valid = lineEnd + 1
    }
    return state.object == nil ? .unreadable : .state(state, validLength: valid)
  }

  /// The record of one line without its end, nil when checksum or words are wrong.
  private static func record(_ line: ArraySlice<UInt8>) -> JournalRecord? {
    guard line.count > 9, line[line.startIndex + 8] == 32,
      let sum = Hex.decode(String(decoding: line.prefix(8), as: UTF8.self))
    else { return nil }
    let text = line.dropFirst(9)
    let expected = sum.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard CRC32C.of(text) == expected else { return nil }
    return JournalRecord(String(decoding: text, as: UTF8.self))
  }

  /// A journal that says the same in as few lines as possible: what is durable, `synced`, then the rest.
  package static func compacted(
    object: JournalObject, boot: String, durable: JournalState.Claim, all: JournalState.Claim
  ) -> (text: String, records: Int) {
    var records: [JournalRecord] = [.object(object), .boot(boot)]
    records += durable.records
    records.append(.synced(records: records.count))
    let fresh = all.blocks.filter { durable.blocks[$0.key] != $0.value }
    records += JournalRecord.runs(of: fresh)
    if all.extra != durable.extra { records.append(.extra(all.extra)) }
    return (header + records.map(line).joined(), records.count)
  }
}
