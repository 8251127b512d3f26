/// What lookups, TCP connections and the choice of a proxy mean.
extension DoctorRules {
  package static func names(_ names: NameMeasurement, in section: Finding.Section) -> [Finding] {
    let topic = "DNS"
    let what = names.isProxy ? "\(names.host) (the proxy)" : names.host
    let remedy = "Check the name, and this machine's name servers (/etc/resolv.conf)."
    guard !names.addresses.isEmpty else {
      let text =
        names.failure.map { "\(what) was not found: \(lowercasedFirst($0))" }
        ?? "no answer about \(what) within \(DoctorText.time(names.seconds))"
      return [.trouble(section, topic, names.isProxy ? .proxy : .network, text, remedy)]
    }
    if names.addresses == [names.host] {
      return [.neutral(section, topic, "\(what) is an address, not a name")]
    }
    let text = "\(what) is \(DoctorText.list(names.addresses)), \(DoctorText.time(names.seconds))"
    let finding: Finding =
      names.seconds < 2
      ? .good(section, topic, text)
      : .remark(
        section, topic, text, "Such a slow answer delays every new connection: check /etc/resolv.conf.")
    return [finding.with("lookup_ms", names.seconds * 1000)]
  }

  /// One finding for each address. As long as one connects, the others are remarks.
  package static func connections(_ all: [ConnectMeasurement], throughProxy: Bool) -> [Finding] {
    let works = all.contains { $0.roundTrip != nil }
    return all.map { connection($0, works: works, throughProxy: throughProxy) }
  }

  private static func connection(_ one: ConnectMeasurement, works: Bool, throughProxy: Bool) -> Finding {
    let isIPv6 = one.address.hasPrefix("[")
    let text: String
    var remedy =
      throughProxy ? "Check the proxy's port." : "Check the port in the URL, and whether the server runs."
    switch one.outcome {
    case .connected(let seconds):
      return .good(.server, "TCP", "\(one.address) connected in \(DoctorText.time(seconds))")
        .with("connect_ms", seconds * 1000)
    case .refused: text = "\(one.address) refuses connections"
    case .noRoute where works:
      return .neutral(
        .server, "TCP", "\(one.address): this machine has no \(isIPv6 ? "IPv6" : "IPv4") way there")
    case .noRoute:
      text = "\(one.address): this machine has no way there"
      remedy = "Check the network connection of this machine (ip address, ip route)."
    case .silent(let seconds):
      text = "\(one.address) does not answer within \(DoctorText.time(seconds))"
      remedy =
        throughProxy
        ? "Check the proxy's name and port."
        : "A firewall may be in the way: have the port let through, or give --proxy."
    case .failed(let cause): text = "\(one.address): \(lowercasedFirst(cause))"
    }
    guard works else { return .trouble(.server, "TCP", throughProxy ? .proxy : .network, text, remedy) }
    return .remark(
      .server, "TCP", text,
      "Downloads use the other addresses, some after a wait for this one: tell the operator.")
  }

  package static func proxy(_ choice: ProxyChoice) -> [Finding] {
    switch choice {
    case .none: [.good(.server, "Proxy", "none in use")]
    case .excluded(let name): [.good(.server, "Proxy", "none for this host: \(name) names it")]
    case .proxy(let url, let source):
      [
        .neutral(
          .server, "Proxy", "\(Redaction.url(withScheme(url))), from \(source); UDP does not go through it")
      ]
    }
  }

  /// Redaction looks for user and password behind `//`.
  private static func withScheme(_ url: String) -> String { url.contains("://") ? url : "http://" + url }

  /// For words of the system inside a sentence.
  static func lowercasedFirst(_ text: String) -> String {
    let trimmed = text.hasSuffix(".") ? String(text.dropLast()) : text
    return trimmed.prefix(1).lowercased() + trimmed.dropFirst()
  }
}

/// Turns measurements into findings: what it means, and what to do about it. No clocks, no network.
package enum DoctorRules {}
