/// A whole-file digest that a manifest or a server gave.
package struct Digest: Hashable, Sendable {
  package enum Algorithm: String, Sendable, CaseIterable {
    case md5, sha1, sha256, sha512

    /// Length of the digest in bytes.
    package var byteCount: Int {
      switch self {
      case .md5: 16
      case .sha1: 20
      case .sha256: 32
      case .sha512: 64
      }
    }
  }

  /// Who says so. The manifest's digest counts first; the server's is used, and named as such, without one.
  package enum Source: String, Sendable {
    case manifest
    case contentMD5 = "server Content-MD5"
    case reprDigest = "server Repr-Digest"
  }

  package var algorithm: Algorithm
  /// `algorithm.byteCount` bytes.
  package var bytes: [UInt8]
  package var source: Source

  /// Nil when the length does not fit the algorithm.
  package init?(_ algorithm: Algorithm, bytes: [UInt8], source: Source) {
    guard bytes.count == algorithm.byteCount else { return nil }
    self.algorithm = algorithm
    self.bytes = bytes
    self.source = source
  }

  /// Reads hexadecimal digits, upper or lower case. Nil when the text is anything else or of another length.
  package init?(_ algorithm: Algorithm, hex: some StringProtocol, source: Source) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(algorithm, bytes: bytes, source: source)
  }

  package var hex: String { Hex.encode(bytes) }
}

/// Hexadecimal text and bytes.
package enum Hex {
  private static let digits = Array("0123456789abcdef".utf8)

  package static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }

  package static func value(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// Nil for an odd number of digits or a character that is none.
  package static func decode(_ text: some StringProtocol) -> [UInt8]? {
    let characters = Array(text.utf8)
    guard characters.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 2)
    for i in stride(from: 0, to: characters.count, by: 2) {
      guard let high = value(characters[i]), let low = value(characters[i + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
