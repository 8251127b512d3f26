import Glibc
import ParcelCore
import ParcelSystem

/// One line of JSON for each answer, appended with one write so that lines of several threads stay whole.
final class AccessLog: Sendable {
  /// What one answer was.
  struct Entry {
    var peer: String
    var way: Way
    var method: String
    var target: String
    var range: String?
    var status: Int
    /// Body bytes handed to the network; less than asked when the connection broke.
    var bytes: Int
    /// Whether all of the answer went out.
    var complete: Bool
    var seconds: Double
  }

  private let file: Int32

  /// `path`: a file to append to, or "-" for standard output. Throws `Failure(.disk, .needsUser)`.
  init(path: String) throws(Failure) {
    file = path == "-" ? dup(1) : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw Failure(
        .disk, retry: .needsUser,
        "Could not open the log '\(Printable.text(path))': \(Errno.last.message).")
    }
  }

  deinit { close(file) }

  func write(_ entry: Entry) {
    let range = entry.range.map(JSONObject.quoted) ?? "null"
    let line =
      "{\"time\": \(Int(Clock.wall() * 1000)), \"peer\": \(JSONObject.quoted(entry.peer)), "
      + "\"over\": \"\(entry.way.rawValue)\", \"method\": \(JSONObject.quoted(entry.method)), \"path\": \(JSONObject.quoted(entry.target)), "
      + "\"range\": \(range), \"status\": \(entry.status), \"bytes\": \(entry.bytes), "
      + "\"complete\": \(entry.complete), \"ms\": \(Int(entry.seconds * 1000))}\n"
    let bytes = Array(line.utf8)
    _ = Glibc.write(file, bytes, bytes.count)
  }
}
