import Glibc
import ParcelCore
import ParcelSystem

/// One line of JSON for each connection that ended, written with one call so that lines of several threads stay whole.
package final class RelayLog: Sendable {
  private let file: Int32

  /// `path`: a file to append to, or "-" for standard output. Throws `Failure(.disk, .needsUser)`.
  package init(path: String) throws(Failure) {
    file = path == "-" ? dup(1) : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw Failure(
        .disk, retry: .needsUser, "Could not open the log '\(Printable.text(path))': \(Errno.last.message).",
        remedy: "Choose another place for it.")
    }
  }

  deinit { close(file) }

  package func write(_ notice: RelayNotice) {
    guard let line = Self.line(notice, time: Self.wall()) else { return }
    let bytes = Array((line + "\n").utf8)
    _ = Glibc.write(file, bytes, bytes.count)
  }

  /// Milliseconds since 1970.
  private static func wall() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }

  /// Nil for what ends nothing.
  package static func line(_ notice: RelayNotice, time: Int) -> String? {
    var object = JSONObject()
    object.add("time", time)
    switch notice {
    case .connected: return nil
    case .denied(let peer, let reason):
      object.add("peer", peer)
      object.add("how", "denied")
      object.add("reason", reason)
    case .refused(let peer, let refusal):
      object.add("peer", peer)
      object.add("how", "refused")
      object.add("reason", refusal.failure.sentence)
      object.add("silent", refusal.isSilent)
    case .ended(let record): add(record, to: &object)
    }
    return object.closed
  }

  private static func add(_ record: RelayRecord, to object: inout JSONObject) {
    object.add("peer", record.peer)
    object.add("target", record.target)
    object.add("how", record.how)
    object.add("reason", record.reason)
    object.add("sent", record.sent)
    object.add("received", record.received)
    object.add("spooled", record.spooled)
    object.add("seconds", record.seconds, places: 3)
    object.add("udt", record.path.map(Self.object))
  }

  private static func object(_ path: PathStatistics) -> JSONObject {
    var object = JSONObject()
    object.add("round_trip", path.roundTrip)
    object.add("received", path.received)
    object.add("sent", path.sent)
    object.add("receive_lost", path.receiveLost)
    object.add("send_lost", path.sendLost)
    object.add("retransmitted", path.retransmitted)
    object.add("drops", path.drops)
    return object
  }

  /// A line for a person; nil for what is not worth one.
  package static func text(_ notice: RelayNotice) -> String {
    switch notice {
    case .connected(let peer, let target, let seconds):
      "\(peer): connected to \(target) in \(Decimal.fixed(seconds * 1000, 1)) ms"
    case .denied(let peer, let reason): "\(peer): turned away: \(reason)"
    case .refused(let peer, let refusal): "\(peer): \(refusal.failure.text)"
    case .ended(let record):
      "\(record.peer): \(record.how) after \(Decimal.fixed(record.seconds, 1)) s, "
        + "\(Grouped.text(record.sent)) bytes there, \(Grouped.text(record.received)) back"
        + (record.reason.map { " (\($0))" } ?? "")
    }
  }
}
