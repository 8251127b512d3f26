/// What identifies the content of a file on disk without reading it. Times are nanoseconds since 1970, on the clock of the
/// file system.
package struct FileStamp: Hashable, Sendable {
  package var device: UInt64
  package var inode: UInt64
  package var size: Int
  package var modified: Int
  /// Change of the inode: nobody can set it back.
  package var changed: Int

  package init(device: UInt64, inode: UInt64, size: Int, modified: Int, changed: Int) {
    (self.device, self.inode, self.size) = (device, inode, size)
    (self.modified, self.changed) = (modified, changed)
  }

  /// Nanoseconds in which a file system may give two changes the same time: a tick of the kernel's clock where times have
  /// fractions, two seconds (FAT, some network file systems) where they look as if they had none.
  package var grain: Int {
    modified % 1_000_000 != 0 || changed % 1_000_000 != 0 ? 20_000_000 : 2_000_000_000
  }

  /// A change after `moment`, at which the content was known, would show in the times. (What git calls "racily clean" does
  /// not: a change in the same tick leaves the times as they are.)
  package func showsChanges(after moment: Int) -> Bool { modified + grain <= moment }
}

/// One line of the ledger of verified files: at some time the file at `path` looked like `stamp`, and its digests were
/// these. As text behind a CRC-32C, like a journal's lines, but every line stands for itself: a damaged one costs itself.
///
///     52e0758f 64769 1835021 12345 1763820151123456789 1763820151223456789 md5=9e107d9d372bb6826bd81d3542a419d6 /data/a.bam
package struct VerifiedRecord: Hashable, Sendable {
  package var path: String
  package var stamp: FileStamp
  package var digests: [Digest]

  package init(path: String, stamp: FileStamp, digests: [Digest]) {
    (self.path, self.stamp, self.digests) = (path, stamp, digests)
  }

  package static let header = "parcel ledger 1\n"

  package var line: String {
    let digests = digests.map { "\($0.algorithm.rawValue)=\($0.hex)" }.joined(separator: ",")
    let text =
      "\(stamp.device) \(stamp.inode) \(stamp.size) \(stamp.modified) \(stamp.changed) \(digests) "
      + PercentText.encode(path)
    return JournalRecord.hex(UInt64(CRC32C.of(text.utf8)), digits: 8) + " " + text + "\n"
  }

  /// A line without its end; nil when checksum or words are wrong.
  package init?(line: some Sequence<UInt8>) {
    let line = Array(line)
    guard line.count > 9, line[8] == 32, let sum = Hex.decode(String(decoding: line[..<8], as: UTF8.self)),
      CRC32C.of(line[9...]) == sum.reduce(UInt32(0), { $0 << 8 | UInt32($1) })
    else { return nil }
    let words = line[9...].split(separator: 32, omittingEmptySubsequences: false)
      .map { Substring(decoding: $0, as: UTF8.self) }
    guard words.count == 7, let device = UInt64(words[0]), let inode = UInt64(words[1]),
      let size = Int(words[2]),
      let modified = Int(words[3]), let changed = Int(words[4]), let path = PercentText.decode(words[6])
    else { return nil }
    let digests = words[5].split(separator: ",").compactMap { word -> Digest? in
      let parts = word.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let algorithm = Digest.Algorithm(rawValue: String(parts[0])) else { return nil }
      return Digest(algorithm, hex: parts[1], source: .manifest)
    }
    guard !digests.isEmpty else { return nil }
    self.init(
      path: path,
      stamp: FileStamp(device: device, inode: inode, size: size, modified: modified, changed: changed),
      digests: digests)
  }

  /// The file is as it was, and has all of `wanted`.
  package func vouches(for wanted: [Digest], now: FileStamp) -> Bool {
    now == stamp && !wanted.isEmpty
      && wanted.allSatisfy { want in
        digests.contains { $0.algorithm == want.algorithm && $0.bytes == want.bytes }
      }
  }
}
