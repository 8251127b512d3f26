import Glibc
import ParcelCore
import ParcelSystem

/// Reading what the user named: manifests and token files.
enum Documents {
  /// A manifest from a file, or from standard input when `path` is `-`.
  static func manifest(_ path: String) throws(Failure) -> Manifest {
    let bytes = try read(path, what: "the manifest")
    return try Manifest.read(bytes, source: path == "-" ? "standard input" : path)
  }

  /// A token: the file's text without blanks and line ends around it.
  static func token(_ path: String) throws(Failure) -> (token: String, warning: String?) {
    let bytes = try read(path, what: "the token file")
    let text = String(decoding: bytes, as: UTF8.self)
    let token = text.split(whereSeparator: { $0.isWhitespace }).joined()
    guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw Failure(
        .input, retry: .needsUser, "The token file '\(Printable.text(path))' holds no token.",
        remedy: "It should hold one line of letters, digits and punctuation, as downloaded from the portal.")
    }
    var info = stat()
    let isOpen = stat(path, &info) == 0 && info.st_mode & 0o077 != 0
    let warning = isOpen ? "Others on this machine can read the token file '\(path)': chmod 600 \(path)" : nil
    return (token, warning)
  }

  /// A whole file as bytes.
  static func read(_ path: String, what: String) throws(Failure) -> [UInt8] {
    let descriptor = path == "-" ? 0 : open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, what, errno) }
    defer { if descriptor > 0 { close(descriptor) } }
    var info = stat()
    if fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFDIR {
      throw unreadable(path, what, EISDIR)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(max(Int(info.st_size) + 1, 4096))
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return bytes }
      if count > 0 {
        bytes.append(contentsOf: buffer[..<count])
      } else if errno != EINTR {
        throw unreadable(path, what, errno)
      }
    }
  }

  private static func unreadable(_ path: String, _ what: String, _ error: Int32) -> Failure {
    Failure(
      .input, retry: .needsUser,
      "Could not read \(what) '\(Printable.text(path))': \(Errno(code: error).message).",
      remedy: "Check the path and its permissions.")
  }

  /// An absolute path without `.` and doubled slashes; `~/` is the home folder. `..` stays, the system knows what it means.
  static func absolute(_ path: String) -> String {
    var full = path
    if path == "~" || path.hasPrefix("~/"), let home = getenv("HOME") {
      full = String(cString: home) + path.dropFirst(1)
    }
    if !full.hasPrefix("/") {
      guard let here = getcwd(nil, 0) else { return full }
      full = String(cString: here) + "/" + full
      free(here)
    }
    let parts = full.split(separator: "/").filter { $0 != "." }
    return "/" + parts.joined(separator: "/")
  }
}
