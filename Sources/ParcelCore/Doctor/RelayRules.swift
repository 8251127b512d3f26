/// What handshakes over UDP mean.
extension DoctorRules {
  /// How a relay came to be known.
  package enum RelaySource: Sendable {
    /// `--relay`: it was wanted, so its silence is trouble.
    case option
    /// `Alt-Svc`: downloads go over http without it.
    case advert
  }

  package static func noRelay(afterAnswer: Bool) -> [Finding] {
    let text = afterAnswer ? "the server names none, and none was given" : "none known"
    return [.neutral(.server, "Relay", "\(text): UDP was not tried (--relay HOST[:PORT] does)")]
  }

  package static func advertised(_ relay: Endpoint) -> [Finding] {
    [.good(.server, "Relay", "the server names \(relay.text) (Alt-Svc)")]
  }

  /// One finding for each address.
  package static func datagrams(
    _ all: [DatagramMeasurement], relay: Endpoint, source: RelaySource
  ) -> [Finding] {
    let works = all.contains { $0.roundTrip != nil }
    var findings = all.map { datagram($0, port: relay.port, source: source, works: works) }
    if works {
      findings.append(
        .neutral(
          .relay, "UDT", "packet size and window are agreed on when a connection opens; none was opened"))
    }
    return findings
  }

  private static func datagram(
    _ one: DatagramMeasurement, port: Int, source: RelaySource, works: Bool
  ) -> Finding {
    let text: String
    let remedy: String
    switch one.outcome {
    case .answered(let seconds, let tries):
      return .good(
        .relay, "UDP",
        "\(one.address) answers as UDT 4, round trip \(DoctorText.time(seconds))"
          + (tries > 1 ? " (best of \(tries))" : "")
      )
      .with("udp_rtt_ms", seconds * 1000)
    case .otherVersion:
      text = "\(one.address) speaks another version of UDT than 4"
      remedy = "Use a relay of this project or of the original parcel there."
    case .foreign:
      text = "\(one.address) answers, and not as UDT"
      remedy = "Check the port: something else listens on it."
    case .refused:
      text = "\(one.address) is refused: nobody listens on UDP port \(port), or a firewall turns it away"
      remedy = "Start the relay there (parcel-server or parcel-udt2tcp), or check the port."
    case .noRoute where works:
      return .neutral(.relay, "UDP", "\(one.address): this machine has no way there")
    case .noRoute:
      text = "\(one.address): this machine has no way there"
      remedy = "Check the network connection of this machine (ip address, ip route)."
    case .silent:
      text = "no answer over UDP from \(one.address) to two tries of 3 s"
      remedy =
        "The relay is down, or a firewall drops UDP port \(port): have it let through; until then downloads go over http."
    case .failed(let cause):
      text = "\(one.address): \(lowercasedFirst(cause))"
      remedy = "Check the relay's name and this machine's firewall."
    }
    guard source == .option, !works else { return .remark(.relay, "UDP", text, remedy) }
    return .trouble(.relay, "UDP", .network, text, remedy)
  }

  /// The way to the relay beside the way to the server.
  package static func roundTrips(tcp: Double?, udp: Double?) -> [Finding] {
    guard let tcp, let udp else { return [] }
    let text = "\(DoctorText.time(udp)) over UDP to the relay, \(DoctorText.time(tcp)) over TCP to the server"
    guard udp > tcp * 1.5 + 0.01 else { return [.good(.relay, "Round trip", text)] }
    return [
      .remark(
        .relay, "Round trip", text,
        "The relay is farther away than the server, or UDP is held up: choose a nearer one.")
    ]
  }

  /// `size`: nil when this machine's kernel does not say.
  package static func mtu(_ size: PacketSizeMeasurement?, address: String, in section: Finding.Section)
    -> [Finding]
  {
    guard let size else {
      return [.neutral(section, "MTU", "unknown: the system does not say for \(address)")]
    }
    let isIPv6 = address.hasPrefix("[")
    let mtu = min(size.local, size.path ?? size.local)
    let known =
      mtu < size.local
      ? "a router on the way takes packets of \(Grouped.text(mtu)) bytes at most"
      : "\(Grouped.text(mtu)) bytes leave this machine in one packet"
    let rest =
      size.path == nil
      ? "whether the rest of the way takes as much was not tested"
      : "no router on the way said that it takes less"
    let finding: Finding =
      mtu >= 1500
      ? .good(section, "MTU", "\(known); \(rest)")
      : .remark(
        section, "MTU", "\(known), fewer than the usual 1,500 (a VPN or tunnel?)",
        "UDT offers packets of \(isIPv6 ? "1,480" : "1,500"): start the relay with --mss \(max(576, isIPv6 ? mtu - 20 : mtu))."
      )
    return [finding.with("mtu", Double(mtu))]
  }
}
