import Glibc
import ParcelCore
import ParcelSystem

/// A token in a text file: its first line.
package enum TokenFile {
  /// Throws `Failure(.input, .needsUser)` when the file cannot be read or holds no token that a header can carry.
  package static func read(_ path: String) throws(Failure) -> String {
    func failure(_ cause: String) -> Failure {
      Failure(.input, retry: .needsUser, "Could not read the token file '\(Printable.text(path))': \(cause).")
    }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(Errno.last.message) }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = Glibc.read(file, &bytes, bytes.count)
    guard count >= 0 else { throw failure(Errno.last.message) }
    let line = bytes.prefix(count).prefix { $0 != 10 && $0 != 13 }
    let token = ASCII.trimmed(String(decoding: line, as: UTF8.self))
    guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
      throw failure("its first line is no token (visible ASCII characters expected)")
    }
    return token
  }
}
