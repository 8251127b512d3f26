import Glibc
import ParcelSystem
import Synchronization

/// A new folder that only this user may enter. Those of processes that were killed are removed when the next is made: a lock
/// in each says whether its process lives, and ends with it.
final class PrivateFolder: Sendable {
  /// The one thing that is put into it.
  static let socketName = "relay"
  private static let lockName = "lock"

  private struct State {
    /// Holds the lock; -1 when the file system knows none.
    var lock: Int32
    /// The name may be somebody else's by now.
    var isRemoved = false
  }

  let path: String
  private let state: Mutex<State>

  /// `room`: bytes that the path may have.
  init(in base: String, room: Int) throws(Errno) {
    let prefix = Self.prefix()
    var template = Array("\(base)/\(prefix)XXXXXX".utf8CString)
    guard template.count - 1 <= room else { throw Errno(code: ENAMETOOLONG) }
    Self.sweep(base, prefix)
    guard mkdtemp(&template) != nil else { throw .last }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    state = Mutex(State(lock: Self.takeLock(in: path)))
  }

  /// Removes the folder and what is in it, the first time.
  func remove() {
    let held = state.withLock { state -> Int32? in
      if state.isRemoved { return nil }
      state.isRemoved = true
      return state.lock
    }
    guard let held else { return }
    unlink(path + "/" + Self.socketName)
    unlink(path + "/" + Self.lockName)
    rmdir(path)
    if held >= 0 { close(held) }
  }

  /// The lock gets its name when it is held, so that nobody finds it free before.
  private static func takeLock(in path: String) -> Int32 {
    let early = path + "/new"
    let lock = open(early, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard lock >= 0 else { return -1 }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0, rename(early, path + "/" + lockName) == 0 else {
      unlink(early)
      close(lock)
      return -1
    }
    return lock
  }

  /// "parcel-1f0c…-": locks count within one running kernel, and a folder for temporary files may be shared by several.
  private static func prefix() -> String {
    var bytes = [UInt8](repeating: 0, count: 8)
    let file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
    defer { if file >= 0 { close(file) } }
    guard file >= 0, read(file, &bytes, bytes.count) == bytes.count else { return "parcel-" }
    return "parcel-" + String(decoding: bytes, as: UTF8.self) + "-"
  }

  /// Removes this user's folders whose lock nobody holds.
  private static func sweep(_ base: String, _ prefix: String) {
    guard prefix != "parcel-", let stream = opendir(base) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name.hasPrefix(prefix) else { continue }
      sweepOne(base + "/" + name)
    }
  }

  /// Anybody may put a name into /tmp: what it leads to is looked at first, and then only that is touched.
  private static func sweepOne(_ path: String) {
    let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else { return }
    defer { close(folder) }
    var status = stat()
    guard fstat(folder, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o777 == 0o700 else {
      return
    }
    let lock = open("/proc/self/fd/\(folder)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard lock >= 0 else { return }
    defer { close(lock) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { return }
    unlinkat(folder, socketName, 0)
    unlinkat(folder, lockName, 0)
    rmdir(path)
  }
}
