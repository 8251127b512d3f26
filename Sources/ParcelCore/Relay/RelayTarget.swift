/// What a relay connects to, as people write it on the command line.
package enum RelayTarget {
  /// Reads "HOST:PORT", and "http://HOST:PORT/…" of which only host and port count, as the original programs do.
  /// `defaultPort`: the port of a target without one; nil: 80 or 443 as the URL says, and a target that is no URL needs
  /// one. Nil for anything else.
  package static func read(_ text: String, defaultPort: Int? = nil) -> Endpoint? {
    for (scheme, port) in [("http://", 80), ("https://", 443)] where ASCII.hasPrefixIgnoringCase(text, scheme)
    {
      let authority = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" && $0 != "#" }
      return Endpoint(String(authority), defaultPort: defaultPort ?? port)
    }
    if let defaultPort { return Endpoint(text, defaultPort: defaultPort) }
    // Nothing is at port 0: whoever gets it wrote none.
    guard let endpoint = Endpoint(text, defaultPort: 0), endpoint.port != 0 else { return nil }
    return endpoint
  }
}
