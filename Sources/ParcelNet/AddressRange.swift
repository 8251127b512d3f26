import Glibc

/// Addresses that begin alike, as CIDR writes them: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7". (RFC 4632, RFC 4291)
///
/// IPv4 and its form within IPv6 ("::ffff:192.0.2.7") are the same.
package struct AddressRange: Hashable, Sendable {
  /// Sixteen bytes of the first address, and how many bits of them count.
  private let bytes: [UInt8]
  private let bits: Int

  /// Nil for anything else, and for an address that has bits beyond the prefix ("10.0.0.1/8"): most likely a mistake.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = Self.parse(String(parts[0])) else { return nil }
    var bits = address.isIPv4 ? 32 : 128
    if parts.count == 2 {
      let digits = parts[1].utf8
      guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
        let given = Int(parts[1]), given <= bits
      else { return nil }
      bits = given
    }
    bytes = address.bytes
    self.bits = address.isIPv4 ? bits + 96 : bits
    guard Self.begins(bytes, with: bytes, bits: self.bits), hasNothingBeyond else { return nil }
  }

  /// Whether a numeric address, with or without a zone, is in it. False for what is no address.
  package func contains(_ text: String) -> Bool {
    let plain = text.prefix { $0 != "%" }
    return Self.parse(String(plain)).map { Self.begins($0.bytes, with: bytes, bits: bits) } ?? false
  }

  package func contains(_ address: SocketAddress) -> Bool { contains(address.name.host) }

  private var hasNothingBeyond: Bool {
    (bits..<128).allSatisfy { bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 }
  }

  private static func begins(_ a: [UInt8], with b: [UInt8], bits: Int) -> Bool {
    guard a[..<(bits / 8)] == b[..<(bits / 8)] else { return false }
    guard bits % 8 != 0 else { return true }
    let mask = ~UInt8(0) << UInt8(8 - bits % 8)
    return a[bits / 8] & mask == b[bits / 8] & mask
  }

  private static func parse(_ text: String) -> (bytes: [UInt8], isIPv4: Bool)? {
    let prefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
    var four = [UInt8](repeating: 0, count: 4)
    if inet_pton(AF_INET, text, &four) == 1 { return (prefix + four, true) }
    var sixteen = [UInt8](repeating: 0, count: 16)
    guard inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
    return (sixteen, false)
  }
}
