/// A relay that a server names in its answers: `Alt-Svc: parcel-udt="host:port"` (the field of RFC 7838).
package enum RelayAdvert {
  /// The first such alternative. An empty host means the URL's own. Nil when there is none, when it cannot be read, and
  /// when it may not be obeyed: plain http could be anybody's answer, so there the host must be the URL's own.
  package static func endpoint(in head: ResponseHead, url: String) -> Endpoint? {
    guard let reference = URLReference(url), let own = reference.host else { return nil }
    for header in head.headers where ASCII.equalsIgnoringCase(header.name, "alt-svc") {
      for part in header.value.split(separator: ",") {
        guard let text = authority(of: part) else { continue }
        let bare = own.hasPrefix("[") ? String(own.dropFirst().dropLast()) : own
        guard let found = Endpoint(text.hasPrefix(":") ? own + text : text) else { return nil }
        return reference.scheme == "https" || ASCII.equalsIgnoringCase(found.host, bare) ? found : nil
      }
    }
    return nil
  }

  /// `host:port` of `parcel-udt="host:port"; ma=60`.
  private static func authority(of part: Substring) -> String? {
    let pair = part.split(separator: ";", maxSplits: 1)[0].split(separator: "=", maxSplits: 1)
    guard pair.count == 2, ASCII.equalsIgnoringCase(ASCII.trimmed(pair[0]), "parcel-udt") else { return nil }
    let value = ASCII.trimmed(pair[1])
    guard value.utf8.count > 2, value.hasPrefix("\""), value.hasSuffix("\"") else { return nil }
    return String(value.dropFirst().dropLast())
  }
}
