/// What one line of a journal says.
package enum JournalRecord: Equatable, Sendable {
  /// Which object the bytes belong to. First record of a journal; a later one starts over.
  case object(JournalObject)
  /// Consecutive complete blocks, from `first` on, with the XXH3-64 digest of each.
  case blocks(first: Int, digests: [UInt64])
  /// All bytes that are there besides complete blocks. Replaces what an earlier record of this kind said.
  case extra(ByteRangeSet)
  /// Bytes that turned out not to be right: no longer there.
  case lost(ByteRange)
  /// The machine's start that the following records were written under (`/proc/sys/kernel/random/boot_id`).
  case boot(String)
  /// The first `records` records of this journal, and the bytes they speak of, are on the disk and not only in memory.
  case synced(records: Int)
}

/// The object that a journal's bytes belong to, and what it must be.
package struct JournalObject: Hashable, Sendable {
  package var identity: ObjectIdentity
  /// Digests that the manifest gave when the download began.
  package var digests: [Digest]
  /// Bytes of a block.
  package var blockSize: Int

  package init(identity: ObjectIdentity, digests: [Digest], blockSize: Int) {
    self.identity = identity
    self.digests = digests
    self.blockSize = blockSize
  }
}

extension JournalRecord {
  /// At most this many digests stand on one line, so that a torn line costs little and a person can read it.
  package static let digestsPerLine = 32

  /// The record as text, without checksum and line end.
  package var text: String {
    switch self {
    case .object(let object): object.text
    case .blocks(let first, let digests):
      "blocks \(first)" + digests.map { " " + Self.hex($0, digits: 16) }.joined()
    case .extra(let set): "extra" + set.ranges.map { " \($0)" }.joined()
    case .lost(let range): "lost \(range)"
    case .boot(let id): "boot " + PercentText.encode(id)
    case .synced(let records): "synced \(records)"
    }
  }

  /// Reads what `text` writes. Nil for anything else, so for the words of a later version too.
  package init?(_ text: some StringProtocol) {
    var words = text.split(separator: " ", omittingEmptySubsequences: false).map { Substring($0) }[...]
    guard let kind = words.popFirst() else { return nil }
    switch kind {
    case "object":
      guard let object = JournalObject(words: words) else { return nil }
      self = .object(object)
    case "blocks":
      guard let first = words.popFirst().flatMap(Self.number), !words.isEmpty else { return nil }
      let digests = words.compactMap { $0.utf8.count == 16 ? UInt64($0, radix: 16) : nil }
      guard digests.count == words.count else { return nil }
      self = .blocks(first: first, digests: digests)
    case "extra":
      let ranges = words.compactMap(Self.range)
      guard ranges.count == words.count else { return nil }
      self = .extra(ByteRangeSet(ranges))
    case "lost":
      guard words.count == 1, let range = words.first.flatMap(Self.range) else { return nil }
      self = .lost(range)
    case "boot":
      guard words.count == 1, let id = words.first.flatMap({ PercentText.decode($0) }) else { return nil }
      self = .boot(id)
    case "synced":
      guard words.count == 1, let records = words.first.flatMap(Self.number) else { return nil }
      self = .synced(records: records)
    default: return nil
    }
  }

  static func hex(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: digits - text.utf8.count) + text
  }

  /// Decimal digits and nothing else.
  static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return Int(text)
  }

  /// `start..<end` as `ByteRange.description` writes it, not empty.
  static func range(_ text: Substring) -> ByteRange? {
    let bytes = text.utf8
    guard let dot = bytes.firstIndex(of: UInt8(ascii: ".")), bytes[dot...].starts(with: "..<".utf8) else {
      return nil
    }
    guard let start = number(text[..<dot]), let end = number(text[bytes.index(dot, offsetBy: 3)...]),
      start < end
    else { return nil }
    return ByteRange(start, end)
  }
}

extension JournalObject {
  fileprivate var text: String {
    var words = ["object"]
    if let size = identity.size { words.append("size=\(size)") }
    words.append("block=\(blockSize)")
    if let etag = identity.etag { words.append("etag=" + PercentText.encode(etag)) }
    if let modified = identity.lastModified { words.append("modified=" + PercentText.encode(modified)) }
    for digest in digests {
      words.append("\(digest.algorithm.rawValue)=\(digest.hex)" + digest.source.suffix)
    }
    return words.joined(separator: " ")
  }

  fileprivate init?(words: ArraySlice<Substring>) {
    self.init(identity: ObjectIdentity(size: nil), digests: [], blockSize: 0)
    for word in words {
      guard let equals = word.firstIndex(of: "=") else { return nil }
      let value = word[word.index(after: equals)...]
      guard take(key: word[..<equals], value: value) else { return nil }
    }
    guard blockSize >= BlockLayout.smallestBlock else { return nil }
  }

  private mutating func take(key: Substring, value: Substring) -> Bool {
    switch key {
    case "size": identity.size = JournalRecord.number(value)
    case "block": blockSize = JournalRecord.number(value) ?? 0
    case "etag": identity.etag = PercentText.decode(value)
    case "modified": identity.lastModified = PercentText.decode(value)
    default:
      let parts = value.split(separator: ",", omittingEmptySubsequences: false)
      guard let algorithm = Digest.Algorithm(rawValue: String(key)), parts.count <= 2,
        let source = Digest.Source(suffix: parts.count == 2 ? parts[1] : ""),
        let digest = Digest(algorithm, hex: parts[0], source: source)
      else { return false }
      digests.append(digest)
      return true
    }
    return key == "block" || (key == "size" ? identity.size != nil : true)
  }
}

extension Digest.Source {
  /// What stands behind a digest in a journal.
  fileprivate var suffix: String {
    switch self {
    case .manifest: ""
    case .contentMD5: ",content-md5"
    case .reprDigest: ",repr-digest"
    }
  }

  fileprivate init?(suffix: Substring) {
    switch suffix {
    case "": self = .manifest
    case "content-md5": self = .contentMD5
    case "repr-digest": self = .reprDigest
    default: return nil
    }
  }
}

/// Percent encoding of everything that would break a line into other words or lines.
enum PercentText {
  static func encode(_ text: String) -> String {
    var out: [UInt8] = []
    for byte in text.utf8 {
      if byte > 32, byte < 127, byte != UInt8(ascii: "%") {
        out.append(byte)
      } else {
        out.append(UInt8(ascii: "%"))
        out.append(contentsOf: Hex.encode([byte]).utf8)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Nil when a percent sign is not followed by two digits.
  static func decode(_ text: Substring) -> String? {
    var out: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        out.append(byte)
        continue
      }
      guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value) else {
        return nil
      }
      out.append(high << 4 | low)
    }
    return String(decoding: out, as: UTF8.self)
  }
}
