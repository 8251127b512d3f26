/// Takes secrets out of text before a person, a log or a file sees it. Rather too much than too little.
package enum Redaction {
  package static let stars = "***"

  /// Header names whose values are secrets, in lower case.
  private static let secretHeaders = [
    "x-auth-token", "authorization", "proxy-authorization", "cookie", "set-cookie", "x-amz-security-token",
  ]

  /// Parts of a query parameter's name (lower case) that say its value is a secret: signatures of S3, Google, Azure and
  /// CloudFront URLs, access tokens, keys, passwords.
  private static let secretParameterParts = [
    "sig", "token", "secret", "passw", "pwd", "credential", "key", "auth", "session", "jwt", "policy",
  ]

  package static func isSecret(header name: some StringProtocol) -> Bool {
    let name = ASCII.lowercased(name)
    return secretHeaders.contains(name)
  }

  /// The header as a log shows it: secret values as stars, URLs in `Location` and the like without their secrets.
  package static func header(_ header: HTTPHeader) -> HTTPHeader {
    if isSecret(header: header.name) { return HTTPHeader(header.name, stars) }
    let mayBeURL = header.value.contains("://") || header.value.contains("?")
    return mayBeURL ? HTTPHeader(header.name, url(header.value)) : header
  }

  /// One line of a request's or an answer's head, without its line end.
  package static func headLine(_ line: String) -> String {
    let isStart = line.hasPrefix("HTTP/") || line.hasSuffix(" HTTP/1.1") || line.hasSuffix(" HTTP/2")
    if !isStart, let colon = line.utf8.dropFirst().firstIndex(of: UInt8(ascii: ":")) {
      let name = String(line[..<colon])
      let value = ASCII.trimmed(line[line.utf8.index(after: colon)...])
      return name + ": " + header(HTTPHeader(name, value)).value
    }
    return line.split(separator: " ", omittingEmptySubsequences: false).map { url($0) }.joined(separator: " ")
  }

  /// A URL without user and password, without a fragment, and with the values of secret query parameters as stars. Works
  /// on any text, whether it can be parsed or not.
  package static func url(_ text: some StringProtocol) -> String {
    var rest = Array(text.utf8)
    if let hash = rest.firstIndex(of: UInt8(ascii: "#")) { rest.removeSubrange(hash...) }
    var query: [UInt8]?
    if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
      query = Array(rest[(mark + 1)...])
      rest.removeSubrange(mark...)
    }
    var redacted = withoutUserinfo(rest)
    if let query {
      redacted.append(UInt8(ascii: "?"))
      redacted += withoutSecrets(query: query)
    }
    return String(decoding: redacted, as: UTF8.self)
  }

  private static func withoutUserinfo(_ text: [UInt8]) -> [UInt8] {
    let start: Int
    if text.starts(with: "//".utf8) {
      start = 2
    } else if let colon = text.firstIndex(of: UInt8(ascii: ":")), text[(colon + 1)...].starts(with: "//".utf8)
    {
      start = colon + 3
    } else {
      return text
    }
    let end = text[start...].firstIndex(of: UInt8(ascii: "/")) ?? text.count
    guard let at = text[start..<end].lastIndex(of: UInt8(ascii: "@")) else { return text }
    return Array(text[..<start]) + Array(stars.utf8) + Array(text[at...])
  }

  private static func withoutSecrets(query: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var parameter: [UInt8] = []
    func flush() {
      result += withoutSecret(parameter: parameter)
      parameter = []
    }
    for byte in query {
      if byte == UInt8(ascii: "&") || byte == UInt8(ascii: ";") {
        flush()
        result.append(byte)
      } else {
        parameter.append(byte)
      }
    }
    flush()
    return result
  }

  private static func withoutSecret(parameter: [UInt8]) -> [UInt8] {
    guard let equals = parameter.firstIndex(of: UInt8(ascii: "=")) else { return parameter }
    let name = ASCII.lowercased(
      String(decoding: PercentCoding.decode(parameter[..<equals]), as: UTF8.self))
    guard secretParameterParts.contains(where: { name.contains($0) }) else { return parameter }
    return Array(parameter[...equals]) + Array(stars.utf8)
  }
}
