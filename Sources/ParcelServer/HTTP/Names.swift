import ParcelCore

/// Headers whose values need rules of their own.
enum HeaderValue {
  private static let base64Digits = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func base64(_ bytes: [UInt8]) -> String {
    var out: [UInt8] = []
    for i in stride(from: 0, to: bytes.count, by: 3) {
      let rest = min(3, bytes.count - i)
      var word = UInt32(bytes[i]) << 16
      if rest > 1 { word |= UInt32(bytes[i + 1]) << 8 }
      if rest > 2 { word |= UInt32(bytes[i + 2]) }
      for k in 0..<4 {
        out.append(k <= rest ? base64Digits[Int(word >> (18 - 6 * UInt32(k)) & 63)] : UInt8(ascii: "="))
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// `attachment; filename=…` with `filename*` for what is not plain ASCII (RFC 6266, RFC 8187).
  static func disposition(_ name: String) -> String {
    let isPlain = name.utf8.allSatisfy { $0 >= 32 && $0 < 127 && $0 != 34 && $0 != 92 }
    if isPlain { return "attachment; filename=\"\(name)\"" }
    let fallback = String(
      decoding: name.unicodeScalars.map { scalar -> UInt8 in
        scalar.isASCII && scalar.value >= 32 && scalar.value < 127 && scalar != "\"" && scalar != "\\"
          ? UInt8(scalar.value) : UInt8(ascii: "_")
      }, as: UTF8.self)
    var encoded = ""
    for byte in name.utf8 {
      let lower = ASCII.lower(byte)
      if lower >= 97 && lower <= 122 || byte >= 48 && byte <= 57 || "-._~".utf8.contains(byte) {
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        encoded += "%" + Hex.encode([byte])
      }
    }
    return "attachment; filename=\"\(fallback)\"; filename*=UTF-8''\(encoded)"
  }
}
