import ParcelCore

/// The digests that this server computes, under their registered names (RFC 9530, section 5). md5 is deprecated there
/// and is what genomics' manifests have.
enum DigestName: String, CaseIterable {
  case sha256 = "sha-256"
  case md5

  /// As `Content-Digest` and `Repr-Digest` have it.
  func member(_ digest: [UInt8]) -> String { "\(rawValue)=:\(HeaderValue.base64(digest)):" }
}

/// What `Want-Content-Digest` or `Want-Repr-Digest` asks for (RFC 9530, section 4): names with preferences from 1 to
/// 10, 0 for what is not wanted. Other members are passed over.
struct DigestWish {
  private var preferences: [DigestName: Int] = [:]

  init(_ values: [String]) {
    for member in values.flatMap({ $0.split(separator: ",") }) {
      let parts = member.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let name = DigestName(rawValue: ASCII.trimmed(parts[0])) else { continue }
      let value = ASCII.trimmed(parts[1].prefix { $0 != ";" })
      guard value.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(value), number <= 10 else {
        continue
      }
      preferences[name] = number
    }
  }

  /// The one that is wanted most, the stronger of equals; nil: none that we have.
  var best: DigestName? {
    let wanted = DigestName.allCases.filter { (preferences[$0] ?? 0) > 0 }
    // `max` would take the last of equals.
    return wanted.reduce(nil) { best, name in
      guard let best else { return name }
      return (preferences[name] ?? 0) > (preferences[best] ?? 0) ? name : best
    }
  }

  func wants(_ name: DigestName) -> Bool { (preferences[name] ?? 0) > 0 }
  /// Asked for expressly not.
  func refuses(_ name: DigestName) -> Bool { preferences[name] == 0 }
}
