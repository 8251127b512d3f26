import Glibc
import ParcelCore
import ParcelSystem

/// Keeps a run inside its folder. Names are safe before they come here (`SafeName`), but a symbolic link that stands in the
/// folder already may lead a harmless name out of it.
///
/// This guards against what is there, not against somebody who puts links there while we run: who may do that may write to
/// the folder anyway.
enum Confinement {
  /// Nil when each folder between `root` and the file at `path` is a real one, or a link to somewhere inside of `root`; a
  /// `path` outside of `root` is not this function's matter. `root` itself may be a link: whoever runs us named it.
  static func failure(_ path: String, root: String) throws(Errno) -> Failure? {
    guard path != root, Path.isInside(path, root) else { return nil }
    var home: String?
    for folder in folders(of: path, below: root) {
      guard let found = try System.status(folder) else { return nil }
      guard found.st_mode & S_IFMT == S_IFLNK else { continue }
      if home == nil { home = resolved(root) }
      if let home, let there = resolved(folder), Path.isInside(there, home) { continue }
      return Failure(
        .disk, retry: .needsUser,
        "Could not open '\(path)': '\(folder)' is a symbolic link that leads out of '\(root)'.",
        remedy: "Remove the link, mount the other place there instead, or name that place with -d.")
    }
    return nil
  }

  /// The file's folder and those above it, the nearest to `root` first.
  private static func folders(of path: String, below root: String) -> [String] {
    var folders: [String] = []
    var folder = Path.folder(path)
    while folder != root, folder != "/", Path.isInside(folder, root) {
      folders.append(folder)
      folder = Path.folder(folder)
    }
    return folders.reversed()
  }

  /// Nil for a link to nothing.
  private static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}
