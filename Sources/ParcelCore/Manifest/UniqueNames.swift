/// The target paths of one run: no two downloads may have the same, and none may be a folder of another.
///
/// Case counts, as Linux file systems do. Paths are relative and safe (`SafeName`).
package struct UniqueNames: Sendable {
  private var files: [String: DownloadID] = [:]
  /// How many files are below a folder, and one of them.
  private var folders: [String: (count: Int, owner: DownloadID)] = [:]

  package init() {}

  /// Takes `path` for `id`. Nil when that worked; else whose download is in the way, and nothing was taken.
  /// Taking again what one has works.
  package mutating func claim(_ path: String, for id: DownloadID) -> DownloadID? {
    if let owner = files[path] { return owner == id ? nil : owner }
    if let folder = folders[path] { return folder.owner }
    let parents = Self.parents(of: path)
    for parent in parents {
      if let owner = files[parent] { return owner }
    }
    files[path] = id
    for parent in parents { folders[parent, default: (0, id)].count += 1 }
    return nil
  }

  /// Gives a path back; does nothing when nobody has it.
  package mutating func release(_ path: String) {
    guard files.removeValue(forKey: path) != nil else { return }
    for parent in Self.parents(of: path) {
      guard let folder = folders[parent] else { continue }
      folders[parent] = folder.count > 1 ? (folder.count - 1, folder.owner) : nil
    }
  }

  /// `a`, `a/b` for `a/b/c`.
  private static func parents(of path: String) -> [String] {
    path.utf8.indices.filter { path.utf8[$0] == UInt8(ascii: "/") }.map { String(path[..<$0]) }
  }
}
