/// A URL or a relative reference in its parts (RFC 3986, sections 3 and 4). Parts keep their percent-encoding.
///
/// Taken apart by bytes, as everybody does whom a URL is handed to: to Swift a slash with an accent on it is one character and
/// no slash, so that `http://evil/` + accent + `@good/` would seem to be good's.
package struct URLReference: Hashable, Sendable {
  /// In lower case, nil in a relative reference.
  package var scheme: String?
  /// `user` or `user:password` before the host. A secret.
  package var userinfo: String?
  /// In lower case, an IPv6 address in brackets; nil without `//`.
  package var host: String?
  /// As written; nil when absent or empty.
  package var port: Int?
  package var path: String
  /// After `?`, nil without one.
  package var query: String?
  /// After `#`, nil without one. Never sent.
  package var fragment: String?

  /// Takes any text apart. Nil for a control character or blank, a port that is no number (0 ... 65535), a host
  /// with a colon outside of brackets, or an authority without the bracket that closes its address.
  package init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else { return nil }
    var rest = Substring(text)
    fragment = Self.cut(&rest, at: Self.hash)
    query = Self.cut(&rest, at: Self.questionMark)
    scheme = Self.takeScheme(&rest)
    path = ""
    if rest.utf8.starts(with: "//".utf8) {
      rest = Substring(rest.utf8.dropFirst(2))
      let end = rest.utf8.firstIndex(of: Self.slash) ?? rest.endIndex
      guard takeAuthority(rest[..<end]) else { return nil }
      rest = rest[end...]
    }
    path = String(rest)
  }

  private static let hash = UInt8(ascii: "#")
  private static let questionMark = UInt8(ascii: "?")
  private static let slash = UInt8(ascii: "/")
  private static let colon = UInt8(ascii: ":")

  private static func cut(_ text: inout Substring, at mark: UInt8) -> String? {
    guard let place = text.utf8.firstIndex(of: mark) else { return nil }
    defer { text = text[..<place] }
    return String(text[text.utf8.index(after: place)...])
  }

  /// Pieces between slashes, empty ones too.
  private static func segments(_ path: String) -> [Substring] {
    path.utf8.split(separator: slash, omittingEmptySubsequences: false).map { Substring($0) }
  }

  private static func takeScheme(_ text: inout Substring) -> String? {
    guard let colon = text.utf8.firstIndex(of: colon), let first = text.utf8.first.map(ASCII.lower),
      first >= 97, first <= 122
    else { return nil }
    let name = text[..<colon]
    let isScheme = name.utf8.allSatisfy { byte in
      let lower = ASCII.lower(byte)
      return lower >= 97 && lower <= 122 || byte >= 48 && byte <= 57 || byte == 43 || byte == 45 || byte == 46
    }
    guard isScheme else { return nil }
    text = text[text.utf8.index(after: colon)...]
    return ASCII.lowercased(name)
  }

  private mutating func takeAuthority(_ text: Substring) -> Bool {
    var rest = text
    if let at = rest.utf8.lastIndex(of: UInt8(ascii: "@")) {
      userinfo = String(rest[..<at])
      rest = rest[rest.utf8.index(after: at)...]
    }
    var portText: Substring = ""
    if rest.utf8.first == UInt8(ascii: "[") {
      guard let close = rest.utf8.firstIndex(of: UInt8(ascii: "]")) else { return false }
      let after = rest[rest.utf8.index(after: close)...]
      guard after.isEmpty || after.utf8.first == Self.colon else { return false }
      portText = Substring(after.utf8.dropFirst())
      rest = rest[...close]
    } else if let colon = rest.utf8.lastIndex(of: Self.colon) {
      portText = rest[rest.utf8.index(after: colon)...]
      rest = rest[..<colon]
      // `a:b:` would be the host `a:b`, and written down again the host `a` with the port `b`.
      guard !rest.utf8.contains(Self.colon) else { return false }
    }
    host = ASCII.lowercased(rest)
    guard !portText.isEmpty else { return true }
    guard portText.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let number = Int(portText), number <= 65535
    else { return false }
    port = number
    return true
  }
}

extension URLReference: CustomStringConvertible {
  /// Put together again (RFC 3986, section 5.3). Holds secrets: for people use `Redaction.url`.
  package var description: String {
    var text = scheme.map { $0 + ":" } ?? ""
    if let host {
      text += "//" + (userinfo.map { $0 + "@" } ?? "") + host + (port.map { ":\($0)" } ?? "")
    }
    text += path
    if let query { text += "?" + query }
    if let fragment { text += "#" + fragment }
    return text
  }
}

extension URLReference {
  /// The port that is really used: the written one, else the scheme's.
  package var effectivePort: Int? {
    if let port { return port }
    switch scheme {
    case "http": return 80
    case "https": return 443
    default: return nil
    }
  }

  /// `host` without the brackets of an IPv6 address, for looking it up; nil when there is none.
  package var bareHost: String? { host.flatMap { $0.isEmpty ? nil : Self.bare($0) } }

  static func bare(_ host: String) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
  }

  /// `host` or `host:port`, for messages.
  package var hostAndPort: String { (host ?? "") + (port.map { ":\($0)" } ?? "") }

  /// Same scheme, host and port: credentials for one may be sent to the other. So not from https down to http.
  package func isSameOrigin(as other: URLReference) -> Bool {
    host != nil && scheme == other.scheme && host == other.host && effectivePort == other.effectivePort
  }

  /// What `reference` (a `Location`) means as seen from here (RFC 3986, section 5.2.2). User and password are not
  /// handed on to a reference that names its own host; a fragment of ours is inherited (RFC 9110, section 10.2.2).
  package func resolving(_ reference: URLReference) -> URLReference {
    var target = reference
    if reference.scheme != nil {
      target.path = Self.withoutDots(reference.path)
    } else {
      target.scheme = scheme
      if reference.host != nil {
        target.path = Self.withoutDots(reference.path)
      } else {
        target.userinfo = userinfo
        target.host = host
        target.port = port
        resolvePath(of: reference, into: &target)
      }
    }
    target.fragment = reference.fragment ?? fragment
    return target
  }

  private func resolvePath(of reference: URLReference, into target: inout URLReference) {
    if reference.path.isEmpty {
      target.path = path
      target.query = reference.query ?? query
    } else if reference.path.utf8.first == Self.slash {
      target.path = Self.withoutDots(reference.path)
    } else {
      target.path = Self.withoutDots(merged(with: reference.path))
    }
  }

  /// RFC 3986, section 5.2.3.
  private func merged(with other: String) -> String {
    if host != nil, path.isEmpty { return "/" + other }
    guard let slash = path.utf8.lastIndex(of: Self.slash) else { return other }
    return String(path[...slash]) + other
  }

  /// RFC 3986, section 5.2.4, segment by segment.
  static func withoutDots(_ path: String) -> String {
    let isAbsolute = path.utf8.first == slash
    var kept: [Substring] = []
    let segments = segments(path).dropFirst(isAbsolute ? 1 : 0)
    for (i, segment) in segments.enumerated() {
      let isLast = i == segments.count - 1
      switch segment {
      case ".": if isLast { kept.append("") }
      case "..":
        if !kept.isEmpty { kept.removeLast() }
        if isLast { kept.append("") }
      default: kept.append(segment)
      }
    }
    return (isAbsolute ? "/" : "") + kept.joined(separator: "/")
  }

  /// The path's last segment, percent-decoded; nil when the path ends in `/` or is empty. Not a safe file name yet.
  package var fileName: String? {
    guard let last = Self.segments(path).last, !last.isEmpty else { return nil }
    return String(decoding: PercentCoding.decode(last.utf8), as: UTF8.self)
  }
}

// MARK: Servers

extension URLReference {
  /// A server as `-s` gives it: a bare host (with a port and a path, if any) means https. Nil for anything but http and
  /// https, for a missing host, and for a query, which could not be followed by an id.
  package static func server(_ text: String) -> URLReference? {
    let trimmed = ASCII.trimmed(text)
    let complete = trimmed.contains("://") ? trimmed : "https://" + trimmed
    guard var server = URLReference(complete), server.isFetchable, server.query == nil else { return nil }
    server.fragment = nil
    return server
  }

  /// http or https, and a host.
  package var isFetchable: Bool {
    (scheme == "http" || scheme == "https") && host.map { !$0.isEmpty } ?? false
  }

  /// SERVER/ID: one slash between them, the id encoded as a single path segment.
  package func appending(id: String) -> URLReference {
    var result = self
    result.path =
      (path.utf8.last == Self.slash ? path : path + "/") + PercentCoding.encode(id, keeping: ":@!$&'()*+,;=")
    return result
  }
}
