/// Takes secrets out of text before a person, a log or a file sees it. Rather too much than too little.
package enum Redaction {
  package static let stars = "***"

  /// Header names whose values are secrets, in lower case.
  private static let secretHeaders = [
    "x-auth-token", "authorization", "proxy-authorization", "cookie", "set-cookie", "x-amz-security-token",
  ]

  private static let secretHeaderParts = [
    "auth", "token", "secret", "passw", "credential", "cookie", "api-key", "apikey", "access-key", "session",
    "signature", "jwt",
  ]
  /// These say what is wanted, not what was given.
  private static let harmlessHeaders = ["www-authenticate", "proxy-authenticate", "authentication-info"]

  /// Parts of a query parameter's name (lower case) that say its value is a secret: signatures of S3, Google, Azure and
  /// CloudFront URLs, access tokens, keys, passwords.
  private static let secretParameterParts = [
    "sig", "token", "secret", "passw", "pwd", "credential", "key", "auth", "session", "jwt", "policy",
  ]

  /// Also by a part of its name: people put keys into fields of their own (`X-Api-Key`, `Private-Token`).
  package static func isSecret(header name: some StringProtocol) -> Bool {
    let name = ASCII.lowercased(name)
    if secretHeaders.contains(name) { return true }
    if harmlessHeaders.contains(name) { return false }
    return secretHeaderParts.contains { name.contains($0) }
  }

  /// The header as a log shows it: secret values as stars, URLs in `Location` and the like without their secrets.
  package static func header(_ header: HTTPHeader) -> HTTPHeader {
    if isSecret(header: header.name) { return HTTPHeader(header.name, stars) }
    let mayBeURL = header.value.contains("://") || header.value.contains("?")
    return mayBeURL ? HTTPHeader(header.name, url(header.value)) : header
  }

  /// One line of a request's or an answer's head, without its line end.
  package static func headLine(_ line: String) -> String {
    let colon = line.utf8.dropFirst().firstIndex(of: UInt8(ascii: ":"))
    // A request's line has its first blank before any colon. A header's value may end like one, so the end says nothing alone.
    let blank = line.utf8.firstIndex(of: 32) ?? line.endIndex
    let isRequest =
      (line.hasSuffix(" HTTP/1.1") || line.hasSuffix(" HTTP/2")) && colon.map { blank < $0 } ?? true
    if !isRequest, !line.hasPrefix("HTTP/"), let colon {
      let name = ASCII.trimmed(line[..<colon])
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

extension Redaction {
  /// What a request carries in confidence, to be looked for in what comes back: servers throw things back at their clients.
  package static func secrets(in headers: [HTTPHeader], url: String) -> [String] {
    var secrets: [String] = []
    for header in headers where isSecret(header: header.name) {
      secrets.append(header.value)
      // "Bearer TOKEN", "name=VALUE"
      secrets += header.value.split { $0 == " " || $0 == "=" || $0 == ";" }.map(String.init)
    }
    if let userinfo = URLReference(url)?.userinfo {
      secrets += userinfo.split(separator: ":", maxSplits: 1).dropFirst().map(String.init)
    }
    return secrets.filter { $0.utf8.count >= shortestSecret }
  }

  /// Shorter ones would be found in ordinary words.
  private static let shortestSecret = 8

  /// `text` with stars where one of `secrets` stands in it.
  package static func values(_ text: String, _ secrets: [String]) -> String {
    var bytes = Array(text.utf8)
    var isChanged = false
    for secret in secrets.sorted(by: { $0.utf8.count > $1.utf8.count }) where !secret.isEmpty {
      let wanted = Array(secret.utf8)
      var i = 0
      while i + wanted.count <= bytes.count {
        if bytes[i] == wanted[0], bytes[i..<i + wanted.count].elementsEqual(wanted) {
          bytes.replaceSubrange(i..<i + wanted.count, with: stars.utf8)
          isChanged = true
        }
        i += 1
      }
    }
    return isChanged ? String(decoding: bytes, as: UTF8.self) : text
  }
}
