import Glibc
import ParcelCore

/// Where the relay program is.
package enum RelayProgram {
  package static let name = "parcel-tcp2udt"

  /// Its path: in the folder of the running program, else the first in PATH. Throws `Failure(.proxy, .needsUser)`.
  package static func find() throws(Failure) -> String {
    var folders: [String] = []
    if let own = ownFolder { folders.append(own) }
    if let path = getenv("PATH") {
      // An empty entry means the current folder: a program found there would be anybody's.
      folders += String(cString: path).split(separator: ":").filter { $0.hasPrefix("/") }.map(String.init)
    }
    for folder in folders {
      let candidate = folder + "/" + name
      if access(candidate, X_OK) == 0 { return candidate }
    }
    throw missing("it is neither beside this program nor in PATH")
  }

  /// Cannot be started, and will not be by trying again.
  static func missing(_ cause: String, path: String = name) -> Failure {
    Failure(
      .proxy, retry: .needsUser, "Could not start '\(Printable.text(path))', which carries UDT: \(cause).",
      remedy: "Install it beside this program, or use --transport http.")
  }

  private static var ownFolder: String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    guard count > 0 else { return nil }
    let path = String(decoding: buffer[..<count], as: UTF8.self)
    return path.lastIndex(of: "/").map { String(path[..<$0]) }
  }
}
