/// Questions about whole URLs as text, for callers that keep them as text.
package enum Address {
  /// "https://host:port", the name of a host in budgets; the text itself when it is no URL.
  package static func origin(of url: String) -> String {
    guard let parts = URLReference(url), let scheme = parts.scheme, let host = parts.host else { return url }
    return "\(scheme)://\(host):\(parts.effectivePort ?? 0)"
  }

  /// Whether credentials meant for `b` may be sent to `a`: same scheme, host and port.
  package static func sameOrigin(_ a: String, _ b: String) -> Bool {
    guard let first = URLReference(a), let second = URLReference(b) else { return a == b }
    return first.isSameOrigin(as: second)
  }

  /// Where a `Location` leads, without its fragment; nil when that cannot be fetched.
  package static func resolve(_ location: String, against base: String) -> String? {
    // Bytes outside ASCII as %XX, as browsers do: nobody on the way can take them for anything else.
    let ascii = location.utf8.allSatisfy { $0 < 128 } ? location : PercentCoding.encodeOutsideASCII(location)
    guard let from = URLReference(base), let reference = URLReference(ascii) else { return nil }
    var target = from.resolving(reference)
    target.fragment = nil
    return target.isFetchable ? target.description : nil
  }

  /// From https to plain http.
  package static func isDowngrade(from base: String, to target: String) -> Bool {
    URLReference(base)?.scheme == "https" && URLReference(target)?.scheme == "http"
  }

  /// SERVER/ID.
  package static func join(server: String, id: String) -> String {
    URLReference.server(server)?.appending(id: id).description ?? server + "/" + id
  }

  /// The last part of the path, decoded and not yet safe; nil when there is none.
  package static func fileName(of url: String) -> String? { URLReference(url)?.fileName }
}
