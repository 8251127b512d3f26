import ArgumentParser
import ParcelCore

/// A file id or a URL as it was typed.
package enum WantedItem: Hashable, Sendable {
  case id(String)
  case url(String)

  /// Nil for text that is neither: a URL has a known scheme and a host, an id has no `/`, blank or control character.
  package init?(argument: String) {
    guard !argument.isEmpty, argument.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else { return nil }
    if URLText.isHTTP(argument) {
      self = .url(argument)
    } else {
      guard !argument.utf8.contains(UInt8(ascii: "/")), argument != ".", argument != ".." else { return nil }
      self = .id(argument)
    }
  }

  package var source: DownloadSpec.Source {
    switch self {
    case .id(let id): .id(id)
    case .url(let url): .url(url)
    }
  }
}

/// The server that file ids are fetched from. The text always has a scheme and ends with `/`.
package struct ServerURL: Hashable, Sendable, CustomStringConvertible {
  package var text: String
  /// It was typed without a scheme.
  package var isBare = false

  package static let gdc = ServerURL(known: "https://api.gdc.cancer.gov/data/")

  private init(known text: String) { self.text = text }

  /// The same server without TLS.
  package var http: String { "http" + text.dropFirst("https".utf8.count) }

  /// `host`, `host:port`, `host/path` mean https. Nil for another scheme, a missing host, blanks, a query or a fragment.
  package init?(argument: String) {
    guard var url = URLText.withScheme(argument, default: "https"), URLText.isHTTP(url),
      !url.utf8.contains(UInt8(ascii: "?")), !url.utf8.contains(UInt8(ascii: "#"))
    else { return nil }
    if !url.hasSuffix("/") { url += "/" }
    text = url
    isBare = URLText.scheme(argument) == nil
  }

  package var description: String { text }
}

/// A proxy; a bare host means http.
package struct ProxyArgument: Hashable, Sendable {
  package var url: String

  package init?(argument: String) {
    guard let url = URLText.withScheme(argument, default: "http"), let scheme = URLText.scheme(url),
      ["http", "https", "socks4", "socks4a", "socks5", "socks5h"].contains(scheme), URLText.hasHost(url)
    else { return nil }
    self.url = url
  }
}

/// `Name: value`, checked so that it cannot break a request (RFC 9110, sections 5.1 and 5.5).
package struct HeaderArgument: Hashable, Sendable {
  package var header: HTTPHeader

  package init?(argument: String) {
    guard let colon = argument.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let name = argument[..<colon]
    let value = ASCII.trimmed(argument[argument.utf8.index(after: colon)...])
    guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenCharacter),
      value.utf8.allSatisfy({ $0 >= 32 && $0 != 127 || $0 == 9 })
    else { return nil }
    header = HTTPHeader(String(name), value)
  }

  private static func isTokenCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}

/// Where JSON lines go.
package enum EventTarget: Hashable, Sendable {
  /// An open file descriptor of this process.
  case descriptor(Int32)
  case file(String)

  package init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    if argument.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) {
      guard let number = Int32(argument), number != 0 else { return nil }
      self = .descriptor(number)
    } else {
      self = .file(argument)
    }
  }
}

/// A value read from one argument; `nil` of the initializer becomes `expected` in the error.
protocol ArgumentValue {
  init?(argument: String)
  /// What the argument must look like, as the end of "…: expected ".
  static var expected: String { get }
}

extension ArgumentValue {
  /// For `transform:` of ArgumentParser's property wrappers.
  static func read(_ argument: String) throws -> Self {
    guard let value = Self(argument: argument) else { throw ValidationError("Expected \(expected).") }
    return value
  }
}

extension WantedItem: ArgumentValue {
  static var expected: String {
    "a URL (http://… or https://…) or a file id (no '/', no blanks). A manifest is read with -m FILE"
  }
}

extension ServerURL: ArgumentValue {
  static var expected: String { "a host or an http:// or https:// URL without '?' and '#'" }
}

extension ProxyArgument: ArgumentValue {
  static var expected: String { "a host or a URL with http, https, socks4, socks4a, socks5 or socks5h" }
}

extension HeaderArgument: ArgumentValue {
  static var expected: String { "a header such as 'X-Project: 42', in one line" }
}

extension EventTarget: ArgumentValue {
  static var expected: String { "a file name or the number of an open file descriptor from 1" }
}

extension RateArgument: ArgumentValue {
  static var expected: String {
    "a rate such as 500k, 20M (bytes per second) or 100Mbit (bits), or 0 for no limit"
  }
}

/// Small questions about URL text that need no URL parser.
enum URLText {
  /// Lower case, nil when the text does not start with `scheme://`.
  static func scheme(_ text: String) -> String? {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex,
      text[colon...].hasPrefix("://")
    else { return nil }
    return ASCII.lowercased(text[..<colon])
  }

  static func hasHost(_ text: String) -> Bool {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return false }
    let host = text[colon...].utf8.dropFirst(3).prefix { $0 != UInt8(ascii: "/") }
    return !host.isEmpty && host.first != UInt8(ascii: ":")
  }

  static func isHTTP(_ text: String) -> Bool {
    let scheme = scheme(text)
    return (scheme == "http" || scheme == "https") && hasHost(text)
  }

  /// The text with `default://` before it when it has no scheme; nil when it is empty or has a blank or control character.
  static func withScheme(_ text: String, default scheme: String) -> String? {
    guard !text.isEmpty, text.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else { return nil }
    return self.scheme(text) == nil ? "\(scheme)://\(text)" : text
  }
}
