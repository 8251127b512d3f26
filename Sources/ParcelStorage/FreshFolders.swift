import ParcelCore
import ParcelSystem
import Synchronization

/// Folders in which this run made folders, until those names are safe. Whoever calls a file done syncs all of them above it,
/// whoever made them: the one that did may have failed since, and others find the folder there.
final class FreshFolders: Sendable {
  /// How many names were made in each, by path. Only looked up.
  private let counts = Mutex<[String: Int]>([:])

  /// A folder was made in `folder`.
  func note(_ folder: String) { counts.withLock { $0[folder, default: 0] += 1 } }

  /// Makes the names safe that lead to `path`. Blocks.
  func sync(above path: String, _ system: System) throws(Errno) {
    let above = counts.withLock { counts in
      counts.isEmpty ? [] : counts.filter { Path.isInside(path, $0.key) }.sorted { $0.key < $1.key }
    }
    for (folder, count) in above {
      try system.syncFolder(folder)
      // What was made there meanwhile stays to be done.
      counts.withLock { counts in if counts[folder] == count { counts[folder] = nil } }
    }
  }
}

extension StoreContext {
  /// Makes a folder and those above it. True when one was made.
  @discardableResult func makeFolders(_ path: String) throws(Errno) -> Bool {
    var isAny = false
    try system.makeFolders(path) { above in
      isAny = true
      freshFolders.note(above)
    }
    return isAny
  }
}
