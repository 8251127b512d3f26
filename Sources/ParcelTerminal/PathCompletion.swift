import Glibc
import ParcelScreen

/// Paths that begin with what was typed.
package enum PathCompletion {
  /// More than anyone reads; a folder of a million files is not read to its end.
  private static let limit = 2_000

  /// Sorted by path. Hidden names only when a dot was typed. May block on a slow file system: not for the terminal's thread.
  package static func candidates(for path: String) -> [Completion] {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let prefix = slash.map { String(path[path.index(after: $0)...]) } ?? path
    if prefix == "~" && folder.isEmpty { return [Completion(path: "~", isFolder: true)] }
    guard let directory = opendir(folder.isEmpty ? "." : expandHome(folder)) else { return [] }
    defer { closedir(directory) }
    var found: [Completion] = []
    while found.count < limit, let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      guard name != ".", name != "..", name.hasPrefix(prefix), prefix.hasPrefix(".") || !name.hasPrefix(".")
      else { continue }
      found.append(Completion(path: folder + name, isFolder: isFolder(expandHome(folder) + name)))
    }
    return found.sorted { $0.path < $1.path }
  }

  /// `~` and `~/…` with the user's home folder.
  package static func expandHome(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = getenv("HOME") else { return path }
    return String(cString: home) + path.dropFirst()
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
