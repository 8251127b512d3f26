/// A host and a port, as people write them: "relay.example", "relay.example:9000", "[2001:db8::1]:9000".
package struct Endpoint: Hashable, Sendable {
  /// A name or a numeric address, without brackets.
  package var host: String
  /// 1 ... 65,535.
  package var port: Int

  /// Where the original programs listen unless told otherwise.
  package static let defaultPort = 9000

  package init(host: String, port: Int = Endpoint.defaultPort) {
    self.host = host
    self.port = port
  }

  /// Reads "HOST", "HOST:PORT", "[IPV6]", "[IPV6]:PORT" and a bare IPv6 address; nil for anything else.
  package init?(_ text: String, defaultPort: Int = Endpoint.defaultPort) {
    var host = text[...]
    var port: Substring?
    if host.first == "[" {
      guard let end = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: end)...]
      host = host[host.index(after: host.startIndex)..<end]
      if !rest.isEmpty {
        guard rest.first == ":" else { return nil }
        port = rest.dropFirst()
      }
    } else if let colon = host.firstIndex(of: ":"), !host[host.index(after: colon)...].contains(":") {
      port = host[host.index(after: colon)...]
      host = host[..<colon]
    }
    let isPlain = host.utf8.allSatisfy {
      ($0 >= 48 && $0 <= 58) || ($0 | 32 >= 97 && $0 | 32 <= 122) || $0 >= 128
        || [45, 46, 95, 37].contains($0)
    }
    guard !host.isEmpty, host.utf8.count <= 255, isPlain else { return nil }
    // More than one colon: an IPv6 address, perhaps with a zone.
    let numerals = host.prefix { $0 != "%" }.utf8
    let isNumeric = numerals.allSatisfy {
      $0 == 58 || $0 == 46 || ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 102)
    }
    guard isNumeric || !host.contains(":") else { return nil }
    var number = defaultPort
    if let port {
      guard let read = Int(port), (1...65_535).contains(read), port.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 })
      else { return nil }
      number = read
    }
    self.init(host: String(host), port: number)
  }

  /// "relay.example:9000", "[::1]:9000".
  package var text: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
