import CLinux

/// Questions about file systems that need no store.
package enum FileSystem {
  /// The number that says of what kind the file system of `path` is; nil when there is no answer. May block.
  package static func magic(of path: String) -> UInt32? {
    var magic: UInt32 = 0
    return cl_file_system_magic(path, &magic) == 0 ? magic : nil
  }
}
