/// One header field.
package struct HTTPHeader: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }
}

/// An answer's status and headers.
package struct ResponseHead: Sendable {
  package var status: Int
  /// In the server's order, values trimmed of blanks at both ends.
  package var headers: [HTTPHeader]

  package init(status: Int, headers: [HTTPHeader] = []) {
    self.status = status
    self.headers = headers
  }

  /// The first field of that name; `name` in lower case.
  package subscript(_ name: String) -> String? {
    headers.first { ASCII.equalsIgnoringCase($0.name, name) }?.value
  }

  /// `Content-Length` as bytes, nil when absent or not a number.
  package var contentLength: Int? { self["content-length"].flatMap { Int($0) } }
}

/// Text rules of the protocols, which know only ASCII.
package enum ASCII {
  package static func lower(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte + 32 : byte
  }

  package static func equalsIgnoringCase(_ a: some StringProtocol, _ b: some StringProtocol) -> Bool {
    a.utf8.elementsEqual(b.utf8) { lower($0) == lower($1) }
  }

  package static func hasPrefixIgnoringCase(_ text: some StringProtocol, _ prefix: some StringProtocol)
    -> Bool
  {
    text.utf8.starts(with: prefix.utf8) { lower($0) == lower($1) }
  }

  package static func lowercased(_ text: some StringProtocol) -> String {
    String(decoding: text.utf8.map(lower), as: UTF8.self)
  }

  /// Without blanks and tabs at both ends.
  package static func trimmed(_ text: some StringProtocol) -> String {
    let isBlank: (UInt8) -> Bool = { $0 == 32 || $0 == 9 }
    let bytes = Array(text.utf8)
    guard let first = bytes.firstIndex(where: { !isBlank($0) }),
      let last = bytes.lastIndex(where: { !isBlank($0) })
    else { return "" }
    return String(decoding: bytes[first...last], as: UTF8.self)
  }
}
