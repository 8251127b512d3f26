/// What the embedded relay tells the client over its control pipe: one JSON object a line.
package enum RelayReport: Hashable, Sendable {
  /// It listens. `version` is the program's, for the log.
  case ready(version: String)
  /// A UDT connection for one client connection was made, after that many seconds.
  case connected(seconds: Double)
  /// None was made: nobody answered, or it was refused. A sentence, and whether the relay answered nothing at all.
  case refused(reason: String, isSilent: Bool)
  /// A connection that carried bytes broke.
  case broken(reason: String)
  /// Sums over all connections, twice a second while one is open, and once after the last.
  case path(PathStatistics)

  /// One line, without the line break.
  package var line: String {
    var record = JSONObject()
    switch self {
    case .ready(let version):
      record.add("type", "ready")
      record.add("version", version)
    case .connected(let seconds):
      record.add("type", "connected")
      record.add("seconds", seconds, places: 6)
    case .refused(let reason, let isSilent):
      record.add("type", "refused")
      record.add("reason", reason)
      record.add("silent", isSilent)
    case .broken(let reason):
      record.add("type", "broken")
      record.add("reason", reason)
    case .path(let path):
      record.add("type", "path")
      path.add(to: &record)
    }
    return record.closed
  }

  /// Nil for what is no such line, of another version perhaps: to be ignored.
  package init?(line: String) {
    guard let record = JSONReader(line) else { return nil }
    switch record.string("type") {
    case "ready": self = .ready(version: record.string("version") ?? "")
    case "connected": self = .connected(seconds: record.number("seconds", upTo: 1e6) ?? 0)
    case "refused":
      self = .refused(reason: record.string("reason") ?? "", isSilent: record.bool("silent") ?? false)
    case "broken": self = .broken(reason: record.string("reason") ?? "")
    case "path": self = .path(PathStatistics(record))
    default: return nil
    }
  }
}

extension PathStatistics {
  fileprivate func add(to record: inout JSONObject) {
    record.add("connections", connections)
    if let roundTrip { record.add("round_trip", roundTrip, places: 6) }
    record.add("receive_rate", receiveRate, places: 0)
    record.add("send_rate", sendRate, places: 0)
    record.add("received", received)
    record.add("sent", sent)
    record.add("receive_lost", receiveLost)
    record.add("send_lost", sendLost)
    record.add("retransmitted", retransmitted)
    record.add("receive_repaired", receiveRepaired)
    record.add("loss", loss, places: 6)
    record.add("window", window)
    record.add("drops", drops)
  }

  fileprivate init(_ record: JSONReader) {
    self.init()
    connections = record.count("connections")
    roundTrip = record.number("round_trip", upTo: 1e6)
    receiveRate = record.number("receive_rate", upTo: 1e12) ?? 0
    sendRate = record.number("send_rate", upTo: 1e12) ?? 0
    received = record.count("received")
    sent = record.count("sent")
    receiveLost = record.count("receive_lost")
    sendLost = record.count("send_lost")
    retransmitted = record.count("retransmitted")
    receiveRepaired = record.count("receive_repaired")
    loss = record.number("loss", upTo: 1) ?? 0
    window = record.count("window")
    drops = record.count("drops")
  }
}

extension JSONReader {
  /// A number from 0 to `most`; nil for one that nothing measured could be.
  fileprivate func number(_ name: String, upTo most: Double) -> Double? {
    number(name).flatMap { (0...most).contains($0) ? $0 : nil }
  }

  /// A count that can be added to others; 0 for what nobody counted.
  fileprivate func count(_ name: String) -> Int {
    integer(name).flatMap { (0...1 << 53).contains($0) ? $0 : nil } ?? 0
  }
}
