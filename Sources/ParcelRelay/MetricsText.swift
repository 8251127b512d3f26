import ParcelCore

/// Figures in Prometheus' text format, version 0.0.4.
package struct MetricsText: Sendable {
  /// Before each name: "parcel_relay_".
  private let prefix: String
  package private(set) var text = ""

  package init(prefix: String) { self.prefix = prefix }

  private mutating func begin(_ name: String, _ kind: String, _ help: String) {
    text += "# HELP \(prefix)\(name) \(help)\n# TYPE \(prefix)\(name) \(kind)\n"
  }

  package mutating func count(_ name: String, _ help: String, _ value: Int) {
    begin(name, "counter", help)
    text += "\(prefix)\(name) \(value)\n"
  }

  /// One count for each value of `label`, in that order.
  package mutating func counts(
    _ name: String, _ help: String, by label: String, _ values: [(value: String, count: Int)]
  ) {
    begin(name, "counter", help)
    for (value, count) in values { text += "\(prefix)\(name){\(label)=\"\(value)\"} \(count)\n" }
  }

  package mutating func gauge(_ name: String, _ help: String, _ value: Double) {
    begin(name, "gauge", help)
    text += "\(prefix)\(name) \(value == value.rounded() ? "\(Int(value))" : Decimal.fixed(value, 6))\n"
  }

  /// `path`: of the open connections; `past`: of those that have ended.
  package mutating func udt(_ path: PathStatistics, past: PathStatistics) {
    gauge("udt_round_trip_seconds", "Mean round trip of the open UDT connections.", path.roundTrip ?? 0)
    gauge("udt_receive_bytes_per_second", "Arriving now, without headers.", path.receiveRate)
    gauge("udt_send_bytes_per_second", "Leaving now, without headers.", path.sendRate)
    gauge("udt_loss_ratio", "Share of data packets lost on their way here.", path.loss)
    gauge("udt_window_packets", "Packets that may be on their way.", Double(path.window))
    count("udt_packets_received_total", "Data packets received.", path.received + past.received)
    count("udt_packets_sent_total", "Data packets sent.", path.sent + past.sent)
    count("udt_receive_lost_total", "Data packets found missing here.", path.receiveLost + past.receiveLost)
    count(
      "udt_send_lost_total", "Data packets reported missing; repeated reports count again.",
      path.sendLost + past.sendLost)
    count("udt_retransmitted_total", "Data packets sent again.", path.retransmitted + past.retransmitted)
    count("udt_drops_total", "Datagrams that this machine dropped.", path.drops + past.drops)
  }
}

extension RelayCounters {
  package var metrics: String {
    var text = MetricsText(prefix: "parcel_relay_")
    text.gauge("connections_open", "Connections that are open.", Double(open))
    text.count("connections_total", "Connections accepted, those turned away included.", total)
    text.count("connections_refused_total", "Connections turned away: not allowed, or too many.", refused)
    text.count("connect_failures_total", "Connections whose target could not be reached.", connectFailures)
    text.count("connections_failed_total", "Connections that did not end as both sides wanted it.", failed)
    text.count("connections_reset_total", "Connections that failed because a stream broke.", resets)
    text.count("bytes_sent_total", "Bytes from accepted streams to their targets.", sent)
    text.count("bytes_received_total", "Bytes from targets to accepted streams.", received)
    text.count("bytes_spooled_total", "Bytes that were kept on disk for slow readers.", spooled)
    text.udt(path, past: past)
    return text.text
  }
}
