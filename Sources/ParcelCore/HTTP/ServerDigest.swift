/// Digests of the whole object that a server's answer gives.
package enum ServerDigest {
  /// In order of preference, strongest first; empty when the answer gives none that can be used.
  ///
  /// `Repr-Digest` (RFC 9530) is of the whole representation whatever part was sent. `Content-MD5` (RFC 1864) is of the
  /// bytes of this answer, so it says something about the file only when they are the whole; on other
  /// parts servers differ.
  package static func all(in head: ResponseHead) -> [Digest] {
    // Of a coded representation, both speak of the coded bytes.
    if let coding = head["content-encoding"], !ContentCoding.isIdentity(coding) { return [] }
    var digests: [Digest] = []
    for header in head.headers where ASCII.equalsIgnoringCase(header.name, "repr-digest") {
      digests += reprDigest(header.value)
    }
    digests.sort { $0.algorithm.byteCount > $1.algorithm.byteCount }
    if isWhole(head), let text = head["content-md5"], let md5 = contentMD5(text) { digests.append(md5) }
    return digests
  }

  /// Digests of this answer's bytes (`Content-Digest`, RFC 9530), in its order. Of a coded body there are none.
  package static func part(in head: ResponseHead) -> [Digest] {
    if let coding = head["content-encoding"], !ContentCoding.isIdentity(coding) { return [] }
    return head.headers.filter { ASCII.equalsIgnoringCase($0.name, "content-digest") }
      .flatMap { reprDigest($0.value) }
  }

  /// True when this answer's body is the whole object.
  private static func isWhole(_ head: ResponseHead) -> Bool {
    if head.status == 200 { return true }
    guard head.status == 206, let text = head["content-range"],
      case .part(let range, let size?) = ContentRange(text)
    else { return false }
    return range == ByteRange(0, size)
  }

  /// Base64 as RFC 1864 says, or 32 hexadecimal digits as GDC sends them.
  package static func contentMD5(_ text: String) -> Digest? {
    let text = ASCII.trimmed(text)
    if let digest = Digest(.md5, hex: text, source: .contentMD5) { return digest }
    guard let bytes = Base64.decode(text) else { return nil }
    return Digest(.md5, bytes: bytes, source: .contentMD5)
  }

  /// `sha-256=:base64:, sha-512=:base64:`; unknown algorithms and damaged values are passed over. `md5` and `sha` are
  /// deprecated there, and still better than nothing.
  package static func reprDigest(_ text: String) -> [Digest] {
    text.split(separator: ",").compactMap { member in
      let parts = member.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let algorithm = algorithm(ASCII.trimmed(parts[0])) else { return nil }
      let value = ASCII.trimmed(parts[1].prefix { $0 != ";" })
      guard value.utf8.count > 2, value.hasPrefix(":"), value.hasSuffix(":"),
        let bytes = Base64.decode(value.dropFirst().dropLast())
      else { return nil }
      return Digest(algorithm, bytes: bytes, source: .reprDigest)
    }
  }

  private static func algorithm(_ name: String) -> Digest.Algorithm? {
    switch ASCII.lowercased(name) {
    case "sha-512": .sha512
    case "sha-256": .sha256
    case "sha": .sha1
    case "md5": .md5
    default: nil
    }
  }
}

/// `Content-Encoding` values.
package enum ContentCoding {
  /// True when the body is the file's own bytes.
  package static func isIdentity(_ value: String) -> Bool {
    let value = ASCII.trimmed(value)
    return value.isEmpty || ASCII.equalsIgnoringCase(value, "identity")
  }
}

/// RFC 4648, section 4.
package enum Base64 {
  /// Nil for a character outside the alphabet, a wrong length, or padding in the wrong place. Missing padding is taken.
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    var digits = Array(text.utf8)
    if digits.count % 4 == 0 {
      for _ in 0..<2 where digits.last == UInt8(ascii: "=") { digits.removeLast() }
    }
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for digit in digits {
      guard let value = value(digit) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      guard count >= 8 else { continue }
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      bits &= (1 << UInt32(count)) - 1
    }
    return bits == 0 ? bytes : nil
  }

  private static func value(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
