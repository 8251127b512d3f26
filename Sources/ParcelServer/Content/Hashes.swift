import CCrypto
import Glibc
import ParcelCore

/// Digests through OpenSSL's EVP.
enum Hashes {
  /// The digest of a part of an object; nil when its bytes end early.
  static func digest(_ name: DigestName, of body: any ServedBody, _ range: ByteRange) -> [UInt8]? {
    guard let context = EVP_MD_CTX_new() else { return nil }
    defer { EVP_MD_CTX_free(context) }
    EVP_DigestInit_ex(context, name == .md5 ? EVP_md5() : EVP_sha256(), nil)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    defer { buffer.deallocate() }
    var offset = range.start
    while offset < range.end {
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, range.end - offset)])
      let count = body.read(at: offset, into: room)
      guard count > 0 else { return nil }
      EVP_DigestUpdate(context, buffer.baseAddress, count)
      offset += count
    }
    return final(context, count: name == .md5 ? 16 : 32)
  }

  /// A UUID made from a name, version 5 (RFC 9562, section 5.5): the same name gives the same id everywhere.
  static func uuid(_ name: String) -> String {
    guard let context = EVP_MD_CTX_new() else { return name }
    defer { EVP_MD_CTX_free(context) }
    EVP_DigestInit_ex(context, EVP_sha1(), nil)
    let namespace: [UInt8] = [  // a fixed random UUID: the namespace of this server's paths
      0x6B, 0x1F, 0x3C, 0x52, 0x0D, 0x7A, 0x4E, 0x19, 0x9A, 0x65, 0xC2, 0x3B, 0x90, 0x18, 0x77, 0xE4,
    ]
    let bytes = namespace + Array(name.utf8)
    EVP_DigestUpdate(context, bytes, bytes.count)
    guard var digest = final(context, count: 20) else { return name }
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    let hex = Array(Hex.encode(digest.prefix(16)).utf8)
    let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
    return groups.map { String(decoding: hex[$0], as: UTF8.self) }.joined(separator: "-")
  }

  private static func final(_ context: OpaquePointer, count: Int) -> [UInt8]? {
    var digest = [UInt8](repeating: 0, count: 64)
    var length: UInt32 = 0
    guard EVP_DigestFinal_ex(context, &digest, &length) == 1, Int(length) == count else { return nil }
    return Array(digest.prefix(count))
  }
}
