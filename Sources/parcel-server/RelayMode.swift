import ParcelCore
import ParcelUDT

/// The server behind a relay, as the original's URL names it.
enum RelayTarget {
  /// "http://HOST:PORT/anything", "https://HOST" or "HOST:PORT"; nil for anything else. Ports left out are the scheme's. What
  /// is carried is bytes: the scheme decides nothing else.
  static func endpoint(_ text: String) -> Endpoint? {
    for (scheme, port) in [("http://", 80), ("https://", 443)] {
      guard ASCII.hasPrefixIgnoringCase(text, scheme) else { continue }
      let authority = text.dropFirst(scheme.utf8.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      return Endpoint(String(authority), defaultPort: port)
    }
    return Endpoint(text, defaultPort: 80)
  }
}

extension ServerCommand {
  /// TO JOIN: accepts UDT on `listening` and carries each connection to `target` over TCP, until a signal ends it; the
  /// code is ParcelRelay's.
  func serveRelay(to target: Endpoint) throws(Failure) {
    let listening = (host: host ?? "::", port: port ?? Endpoint.defaultPort, options: udt.options)
    throw Failure(
      .input, retry: .never,
      "Could not carry UDT from port \(listening.port) to '\(target.text)': this build has no relay yet.")
  }
}
