import CLinux
import Glibc
import ParcelSystem

/// System calls with `Errno` as error and interrupted ones repeated. All may block.
enum System {
  static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws(Errno) -> Int32 {
    while true {
      let descriptor = Glibc.open(path, flags | O_CLOEXEC, mode)
      if descriptor >= 0 { return descriptor }
      if errno != EINTR { throw .last }
    }
  }

  /// Nil when there is nothing at `path`.
  static func status(_ path: String, follow: Bool = false) throws(Errno) -> stat? {
    var result = stat()
    let answer = follow ? stat(path, &result) : lstat(path, &result)
    if answer == 0 { return result }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw .last
  }

  static func size(of descriptor: Int32) throws(Errno) -> Int {
    var result = stat()
    guard fstat(descriptor, &result) == 0 else { throw .last }
    return Int(result.st_size)
  }

  /// Writes everything. On an error `written` says how far it came.
  static func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, written: inout Int
  ) throws(Errno) {
    written = 0
    while written < bytes.count, let base = bytes.baseAddress {
      let count = pwrite(descriptor, base + written, bytes.count - written, offset + written)
      if count > 0 {
        written += count
      } else if count == 0 {
        throw Errno(code: EIO)
      } else if errno != EINTR {
        throw .last
      }
    }
  }

  static func append(_ text: String, to descriptor: Int32) throws(Errno) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 { bytes = bytes.dropFirst(count) } else if errno != EINTR { throw .last }
    }
  }

  /// Reads until `buffer` is full or the file ends; returns the count.
  static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int)
    throws(Errno) -> Int
  {
    var done = 0
    while done < buffer.count, let base = buffer.baseAddress {
      let count = pread(descriptor, base + done, buffer.count - done, offset + done)
      if count == 0 { break }
      if count > 0 { done += count } else if errno != EINTR { throw .last }
    }
    return done
  }

  /// The whole content of a small file; nil when it is not there.
  static func contents(_ path: String) throws(Errno) -> [UInt8]? {
    let descriptor: Int32
    do { descriptor = try open(path, O_RDONLY) } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw error
    }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(descriptor, &piece, piece.count)
      if count == 0 { return all }
      if count > 0 { all += piece[..<count] } else if errno != EINTR { throw .last }
    }
  }

  static func syncData(_ descriptor: Int32) throws(Errno) {
    while fdatasync(descriptor) != 0 { if errno != EINTR { throw .last } }
  }

  /// Makes names in a folder safe. File systems that cannot sync a folder do not need it.
  static func syncFolder(_ path: String) throws(Errno) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    if fsync(descriptor) != 0, errno != EINVAL, errno != ENOSYS { throw .last }
  }

  static func syncFileSystem(of path: String) throws(Errno) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    let code = cl_syncfs(descriptor)
    if code != 0 { throw Errno(code: code) }
  }

  /// False when there was nothing to remove.
  @discardableResult static func remove(_ path: String) throws(Errno) -> Bool {
    if unlink(path) == 0 { return true }
    if errno == ENOENT || errno == ENOTDIR { return false }
    throw .last
  }

  /// Renames; without `replace` another file under the new name is EEXIST.
  static func rename(_ old: String, to new: String, replace: Bool) throws(Errno) {
    if replace {
      guard Glibc.rename(old, new) == 0 else { throw .last }
      return
    }
    let code = cl_rename_noreplace(old, new)
    if code == 0 { return }
    guard code == EINVAL || code == ENOSYS || code == ENOTSUP else { throw Errno(code: code) }
    // A file system without the flag: a second name fails when it is taken, as wanted.
    if link(old, new) == 0 {
      try remove(old)
    } else if errno == EPERM || errno == ENOTSUP || errno == ENOSYS {
      if try status(new) != nil { throw Errno(code: EEXIST) }
      guard Glibc.rename(old, new) == 0 else { throw .last }
    } else {
      throw .last
    }
  }

  /// Makes a folder and those above it. Returns the folders in which new names stand: to be synced.
  static func makeFolders(_ path: String) throws(Errno) -> [String] {
    if mkdir(path, 0o777) == 0 { return [Path.folder(path)] }
    switch errno {
    case EEXIST:
      guard let found = try status(path, follow: true) else { throw Errno(code: ENOENT) }
      guard found.st_mode & S_IFMT == S_IFDIR else { throw Errno(code: ENOTDIR) }
      return []
    case ENOENT where Path.folder(path) != path:
      let above = try makeFolders(Path.folder(path))
      if mkdir(path, 0o777) != 0, errno != EEXIST { throw .last }
      return above + [Path.folder(path)]
    default: throw .last
    }
  }

  /// Which start of the machine this is.
  static func bootID() -> String {
    let text = (try? contents("/proc/sys/kernel/random/boot_id")).flatMap { $0 } ?? []
    let id = printable(text)
    return id.isEmpty ? "unknown" : id
  }

  private static func printable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.filter { $0 > 32 && $0 < 127 }, as: UTF8.self)
  }
}

/// Absolute paths as text.
enum Path {
  /// The folder a path is in; `/` for the root itself.
  static func folder(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  static func name(_ path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
    return String(path[path.utf8.index(after: slash)...])
  }

  /// True for `folder` itself and everything in it.
  static func isInside(_ path: String, _ folder: String) -> Bool {
    path == folder || folder == "/" || path.utf8.starts(with: (folder + "/").utf8)
  }
}
