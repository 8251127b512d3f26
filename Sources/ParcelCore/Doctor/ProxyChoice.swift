/// Which proxy a URL's connections go through, chosen as libcurl does (its manual, CURLOPT_PROXY and CURLOPT_NOPROXY).
package enum ProxyChoice: Hashable, Sendable {
  /// `source`: "--proxy" or the variable's name.
  case proxy(url: String, source: String)
  /// A variable names one, and another keeps this host out.
  case excluded(by: String)
  case none

  /// `environment` gives a variable's value, nil when it is not set.
  package static func of(_ url: URLReference, option: String?, environment: (String) -> String?)
    -> ProxyChoice
  {
    func value(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
    let host = url.host ?? ""
    // HTTP_PROXY in capitals could come from a request to a CGI program, so libcurl does not read it.
    let names =
      (url.scheme == "https" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]) + ["all_proxy", "ALL_PROXY"]
    var chosen = option.map { (url: $0, source: "--proxy") }
    for name in names where chosen == nil { chosen = value(name).map { (url: $0, source: name) } }
    guard let chosen, !chosen.url.isEmpty else { return .none }
    for name in ["no_proxy", "NO_PROXY"] {
      guard let list = value(name) else { continue }
      return excludes(list, host) ? .excluded(by: name) : .proxy(url: chosen.url, source: chosen.source)
    }
    return .proxy(url: chosen.url, source: chosen.source)
  }

  /// Names stand for themselves and what is below them; `*` for all; addresses may have a prefix length.
  static func excludes(_ list: String, _ host: String) -> Bool {
    if ASCII.trimmed(list) == "*" { return true }
    let bare = URLReference.bare(host)
    return list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains { entry in
      var name = ASCII.lowercased(entry)
      if name.hasPrefix(".") { name.removeFirst() }
      name = URLReference.bare(name)
      guard !name.isEmpty else { return false }
      return bare == name || bare.hasSuffix("." + name) || isInside(bare, name)
    }
  }

  /// Whether an IPv4 address is in a block such as `10.0.0.0/8`.
  private static func isInside(_ address: String, _ block: String) -> Bool {
    let parts = block.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let bits = Int(parts[1]), (1...32).contains(bits),
      let base = number(String(parts[0])),
      let value = number(address)
    else { return false }
    return (base ^ value) >> UInt32(32 - bits) == 0
  }

  private static func number(_ address: String) -> UInt32? {
    let parts = address.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard parts.count == 4 else { return nil }
    return parts.reduce(UInt32?.some(0)) { sum, part in
      guard let sum, let part else { return nil }
      return sum << 8 | UInt32(part)
    }
  }

  /// Where we connect to, with the usual port of the scheme (libcurl's: 1080 for SOCKS and for a proxy without a scheme).
  package static func endpoint(of proxy: String) -> Endpoint? {
    guard let url = URLReference(proxy.contains("://") ? proxy : "http://" + proxy), let host = url.bareHost
    else { return nil }
    return Endpoint(host: host, port: url.port ?? (url.scheme == "https" ? 443 : 1080))
  }
}
