/// `Alt-Svc: parcel-udt="host:port"` (RFC 7838): a server names its relay.
///
/// Everything in it comes from outside: what cannot be read is passed over, and it is obeyed only where whoever wrote
/// it could have sent the bytes itself.
package enum AltSvc {
  /// What an answer says about relays.
  package enum Word: Hashable, Sendable {
    case relay(Endpoint)
    /// What was said before holds no more.
    case clear
  }

  /// The protocol's name in the field.
  package static let name = "parcel-udt"
  /// Longer fields are not read.
  private static let longest = 4096

  /// What `head`, the answer to `url`, says; nil when it says nothing that can be used. The first usable alternative
  /// counts. Obeyed when the answer came over https, or when the named host is the answer's own.
  package static func word(in head: ResponseHead, url: String) -> Word? {
    guard let from = URLReference(url), from.isFetchable, let host = from.host else { return nil }
    for header in head.headers where ASCII.equalsIgnoringCase(header.name, "alt-svc") {
      guard header.value.utf8.count <= longest else { continue }
      // RFC 7838, section 3: "clear" is case-sensitive and stands alone.
      if ASCII.trimmed(header.value) == "clear" { return .clear }
      for authority in authorities(in: header.value) {
        guard let relay = endpoint(authority, ownHost: URLReference.bare(host)) else { continue }
        guard from.scheme == "https" || ASCII.equalsIgnoringCase(relay.host, URLReference.bare(host)) else {
          continue
        }
        return .relay(relay)
      }
    }
    return nil
  }

  /// The alt-authorities of our protocol, in order. Reading stops at the first place that breaks the grammar.
  static func authorities(in value: String) -> [String] {
    var reader = FieldReader(value)
    var found: [String] = []
    while true {
      // Empty members are allowed (RFC 9110, section 5.6.1).
      repeat { reader.skipBlanks() } while reader.take(",")
      if reader.isAtEnd { return found }
      guard let id = reader.token(), reader.take("="), let authority = reader.quoted() else { return found }
      var isOffered = true
      while reader.takeParameterMark() {
        guard let key = reader.token(), reader.take("="), let value = reader.quoted() ?? reader.token() else {
          return found
        }
        if ASCII.equalsIgnoringCase(key, "ma"), value.utf8.allSatisfy({ $0 == UInt8(ascii: "0") }) {
          isOffered = false
        }
      }
      if isOffered, ASCII.equalsIgnoringCase(id, name) { found.append(authority) }
      reader.skipBlanks()
      guard reader.isAtEnd || reader.isNext(",") else { return found }
    }
  }

  /// "host:port"; the port must be there, an empty host is the answer's own.
  private static func endpoint(_ authority: String, ownHost: String) -> Endpoint? {
    guard authority.last != "]", let colon = authority.lastIndex(of: ":") else { return nil }
    let text = colon == authority.startIndex ? hostText(ownHost) + authority : authority
    guard let endpoint = Endpoint(text, defaultPort: 0), endpoint.port > 0 else { return nil }
    let isName = endpoint.host.utf8.allSatisfy { byte in
      let lower = ASCII.lower(byte)
      return lower >= 97 && lower <= 122 || byte >= 48 && byte <= 58 || [45, 46, 95].contains(byte)
    }
    return isName ? endpoint : nil
  }

  private static func hostText(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

/// Tokens and quoted strings of a header field (RFC 9110, section 5.6).
private struct FieldReader {
  private var rest: ArraySlice<UInt8>

  init(_ text: String) { rest = Array(text.utf8)[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skipBlanks() { rest = rest.drop { $0 == 32 || $0 == 9 } }

  func isNext(_ mark: Unicode.Scalar) -> Bool { rest.first == UInt8(ascii: mark) }

  mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard isNext(mark) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// A `;` with blanks around it.
  mutating func takeParameterMark() -> Bool {
    let before = rest
    skipBlanks()
    guard take(";") else {
      rest = before
      return false
    }
    skipBlanks()
    return true
  }

  mutating func token() -> String? {
    let marks = Array("!#$%&'*+-.^_`|~".utf8)
    let bytes = rest.prefix { byte in
      let lower = ASCII.lower(byte)
      return lower >= 97 && lower <= 122 || byte >= 48 && byte <= 57 || marks.contains(byte)
    }
    guard !bytes.isEmpty else { return nil }
    rest = rest.dropFirst(bytes.count)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Nil without a closing quote, and for control characters.
  mutating func quoted() -> String? {
    guard rest.first == UInt8(ascii: "\"") else { return nil }
    var bytes: [UInt8] = []
    var i = rest.startIndex + 1
    while i < rest.endIndex, rest[i] != UInt8(ascii: "\"") {
      if rest[i] == UInt8(ascii: "\\") { i += 1 }
      guard i < rest.endIndex, rest[i] >= 32, rest[i] != 127 else { return nil }
      bytes.append(rest[i])
      i += 1
    }
    guard i < rest.endIndex else { return nil }
    rest = rest[(i + 1)...]
    return String(decoding: bytes, as: UTF8.self)
  }
}
