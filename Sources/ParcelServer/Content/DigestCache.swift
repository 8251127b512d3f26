import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// The md5s of files, each good while its file has the same size, time of change and inode, which the ETag is made of.
///
/// With a file, it survives the program: a line for each digest, appended when it is known, so that breaking off in the
/// middle of terabytes loses one file's work. Of several lines about a path the last counts. Whoever may write to it decides
/// what clients take for right: it belongs outside of the served folder.
package final class DigestCache: Sendable {
  private struct Known {
    var md5: [String: (etag: String, bytes: [UInt8])] = [:]
  }

  private let known = Mutex(Known())
  /// To append to; -1: in memory only.
  private let file: Int32
  private static let head = "parcel-digests 1"

  /// In memory only.
  package init() { file = -1 }

  /// Reads what an earlier program learned. Throws `Failure(.disk, .needsUser)` when the file cannot be used.
  package init(path: String) throws(Failure) {
    func failure(_ cause: String) -> Failure {
      Failure(
        .disk, retry: .needsUser, "Could not use the digest cache '\(Printable.text(path))': \(cause).",
        remedy: "Give another file with --digest-cache.")
    }
    let opened = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard opened >= 0 else { throw failure(Errno.last.message) }
    let bytes = Self.bytes(of: opened)
    let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
    let isOurs = bytes.isEmpty || lines[0].elementsEqual(Self.head.utf8)
    guard isOurs else {
      close(opened)
      throw failure("it is another kind of file")
    }
    file = opened
    if bytes.isEmpty {
      append(Self.head)
    } else if bytes.last != 10 {
      append("")  // the last line was cut off; the next must not be joined to it
    }
    known.withLock { known in
      for line in lines.dropFirst() {
        guard let (path, etag, md5) = Self.entry(line) else { continue }
        known.md5[path] = (etag, md5)
      }
    }
  }

  deinit { if file >= 0 { close(file) } }

  /// The md5 of the file at `path` if it still has this `etag`.
  subscript(path: String, etag: String) -> [UInt8]? {
    get { known.withLock { known in known.md5[path].flatMap { $0.etag == etag ? $0.bytes : nil } } }
    set {
      guard let newValue else { return }
      known.withLock { $0.md5[path] = (etag, newValue) }
      // A path with a line end cannot be in a table, and is in no manifest either.
      guard file >= 0, !path.utf8.contains(10) else { return }
      append("\(Hex.encode(newValue))\t\(etag)\t\(path)")
    }
  }

  /// One write for a line, so that lines of several threads stay whole.
  private func append(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(file, bytes, bytes.count)
  }

  private static func entry(_ line: ArraySlice<UInt8>) -> (path: String, etag: String, md5: [UInt8])? {
    let parts = line.split(separator: 9, maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let md5 = Hex.decode(String(decoding: parts[0], as: UTF8.self)), md5.count == 16,
      let path = String(validating: parts[2], as: UTF8.self)
    else { return nil }
    return (path, String(decoding: parts[1], as: UTF8.self), md5)
  }

  private static func bytes(of file: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return all }
      all += buffer[..<count]
    }
  }
}
