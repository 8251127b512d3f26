/// The file name in a `Content-Disposition` field (RFC 6266). What comes out is data from a server: it is no safe file
/// name yet (`SafeName` makes it one).
package enum ContentDisposition {
  /// `filename*` when it can be decoded, else `filename`; nil without either, and for an empty one.
  package static func fileName(_ text: String) -> String? {
    var parser = FieldParser(text)
    var plain: String?
    var extended: String?
    // The disposition type (`attachment`); some servers leave it out, and then the first word is a parameter.
    parser.skipBlanks()
    let start = parser
    _ = parser.token()
    parser.skipBlanks()
    if parser.peek == UInt8(ascii: "=") { parser = start }
    while let (name, value) = parser.parameter() {
      switch ASCII.lowercased(name) {
      case "filename": plain = plain ?? String(decoding: value, as: UTF8.self)
      case "filename*": extended = extended ?? decode(extended: value)
      default: break
      }
    }
    return [extended, plain].compactMap { $0 }.first { !$0.isEmpty }
  }

  /// `UTF-8'en'na%C3%AFve.txt` (RFC 8187, section 3.2). Nil for another charset and for bytes that are not valid in it.
  static func decode(extended value: [UInt8]) -> String? {
    let parts = value.split(separator: UInt8(ascii: "'"), maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    let bytes = PercentCoding.decode(parts[2])
    switch ASCII.lowercased(String(decoding: parts[0], as: UTF8.self)) {
    case "utf-8": return String(validating: bytes, as: UTF8.self)
    case "iso-8859-1": return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    default: return nil
    }
  }
}

/// Reads parameters of a field: tokens and quoted strings (RFC 9110, section 5.6).
struct FieldParser {
  private let bytes: [UInt8]
  private var place = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  var peek: UInt8? { place < bytes.count ? bytes[place] : nil }

  mutating func skipBlanks() {
    while let byte = peek, byte == 32 || byte == 9 { place += 1 }
  }

  /// Everything up to a separator that matters here. More generous than the RFC: servers send names with unquoted blanks
  /// and brackets.
  mutating func token() -> [UInt8] {
    let start = place
    while let byte = peek, byte != UInt8(ascii: ";"), byte != UInt8(ascii: "=") { place += 1 }
    return Array(bytes[start..<place])
  }

  /// The next `; name=value`, nil at the end. Something without `=` is passed over.
  mutating func parameter() -> (name: String, value: [UInt8])? {
    while peek != nil {
      while let byte = peek, byte == UInt8(ascii: ";") || byte == 32 || byte == 9 { place += 1 }
      let name = ASCII.trimmed(String(decoding: token(), as: UTF8.self))
      guard peek == UInt8(ascii: "=") else { continue }
      place += 1
      skipBlanks()
      if peek == UInt8(ascii: "\"") { return (name, quotedString()) }
      return (name, unquotedValue())
    }
    return nil
  }

  private mutating func unquotedValue() -> [UInt8] {
    let start = place
    while let byte = peek, byte != UInt8(ascii: ";") { place += 1 }
    var value = bytes[start..<place]
    while let last = value.last, last == 32 || last == 9 { value.removeLast() }
    return Array(value)
  }

  /// Up to the closing quote, or to the end when it is missing; `\x` is `x`.
  private mutating func quotedString() -> [UInt8] {
    place += 1
    var value: [UInt8] = []
    while let byte = peek {
      place += 1
      if byte == UInt8(ascii: "\"") { break }
      if byte == UInt8(ascii: "\\"), let next = peek {
        value.append(next)
        place += 1
      } else {
        value.append(byte)
      }
    }
    return value
  }
}
