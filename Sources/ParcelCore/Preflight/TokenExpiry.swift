/// When a token ends, for tokens that say so themselves: JSON Web Tokens (RFC 7519) have three parts of base64url with
/// dots between them, and the middle one is a JSON object whose `exp` is a number of seconds since 1970.
package enum TokenExpiry {
  /// Nil for a token that does not say it. The signature is not looked at: only the server can judge it.
  package static func seconds(of token: String) -> Int? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, let claims = Base64.decode(plain(parts[1])) else { return nil }
    guard let exp = number("exp", in: claims), exp > 0, exp < 1e12 else { return nil }
    return Int(exp)
  }

  /// base64url without padding (RFC 4648, section 5) as plain base64.
  private static func plain(_ text: Substring) -> String {
    let bytes = text.utf8.map { byte -> UInt8 in
      byte == UInt8(ascii: "-") ? UInt8(ascii: "+") : byte == UInt8(ascii: "_") ? UInt8(ascii: "/") : byte
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The number that the object's own member `name` has; members of inner objects do not count.
  static func number(_ name: String, in object: [UInt8]) -> Double? {
    var depth = 0
    var i = 0
    var word: ArraySlice<UInt8>?
    while i < object.count {
      switch object[i] {
      case UInt8(ascii: "\""):
        let start = i + 1
        i = start
        while i < object.count, object[i] != UInt8(ascii: "\"") {
          i += object[i] == UInt8(ascii: "\\") ? 2 : 1
        }
        word = i < object.count ? object[start..<i] : nil
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ":") where depth == 1 && word?.elementsEqual(name.utf8) == true:
        let rest = object[(i + 1)...].drop { $0 <= 32 }
        let digits = rest.prefix { $0 >= 48 && $0 <= 57 || $0 == UInt8(ascii: ".") }
        return Double(String(decoding: digits, as: UTF8.self))
      case UInt8(ascii: ","): word = nil
      default: break
      }
      i += 1
    }
    return nil
  }
}
