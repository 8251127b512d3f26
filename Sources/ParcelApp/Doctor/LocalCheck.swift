import Glibc
import ParcelCore
import ParcelStorage
import ParcelSystem
import ParcelTunnel

/// This machine's limits and the target folder. A hung file system makes it wait: it runs under a limit.
enum LocalCheck {
  static func machine() -> MachineMeasurement {
    let own = realPath("/proc/self/exe") ?? "/"
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    var result = MachineMeasurement(relayProgramFolder: folder)
    result.relayProgram = try? RelayProgram.find()
    result.receiveBufferLimit = number(in: "/proc/sys/net/core/rmem_max")
    result.sendBufferLimit = number(in: "/proc/sys/net/core/wmem_max")
    var limit = rlimit()
    if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      result.openFiles = Int(clamping: limit.rlim_cur)
      result.openFilesHard = Int(clamping: limit.rlim_max)
    }
    return result
  }

  static func folder(_ path: String) -> FolderMeasurement {
    var existing = Documents.absolute(path)
    var isThere = stat()
    while stat(existing, &isThere) != 0 {
      // Any other error: the folder is there, and may not be looked at.
      guard errno == ENOENT, existing != "/" else { return failed(path, existing, Errno.last.message) }
      existing = parent(existing)
    }
    guard isThere.st_mode & S_IFMT == S_IFDIR else {
      return failed(path, existing, "\(existing) is not a folder")
    }
    var result = FolderMeasurement(path: path, existing: existing)
    if existing == Documents.absolute(path) { result.existing = path }
    measureSpace(existing, &result)
    tryWriting(existing, &result)
    return result
  }

  private static func failed(_ path: String, _ existing: String, _ why: String) -> FolderMeasurement {
    var result = FolderMeasurement(path: path, existing: existing)
    result.failure = why
    return result
  }

  private static func measureSpace(_ folder: String, _ result: inout FolderMeasurement) {
    var space = statvfs()
    // Made-up file systems (/proc) have no blocks at all.
    if statvfs(folder, &space) == 0, space.f_blocks > 0 {
      result.free = Int(clamping: UInt64(space.f_bavail) * UInt64(space.f_frsize))
      result.size = Int(clamping: UInt64(space.f_blocks) * UInt64(space.f_frsize))
      // btrfs and others make them as needed and say that there are none.
      result.freeInodes = space.f_files == 0 ? nil : Int(clamping: space.f_favail)
      result.isReadOnly = space.f_flag & UInt(ST_RDONLY) != 0
    }
    result.kind = FileSystem.magic(of: folder).flatMap(FileSystemKind.name(magic:))
  }

  /// Makes a file, which is the only sure answer: permission bits say nothing about quotas, mounts and remote users.
  private static func tryWriting(_ folder: String, _ result: inout FolderMeasurement) {
    let path = "\(folder)/.parcel-doctor-\(getpid())"
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else {
      result.writeFailure = Errno.last.message
      return
    }
    defer {
      close(file)
      unlink(path)
    }
    var byte: UInt8 = 1
    guard write(file, &byte, 1) == 1 else {
      result.writeFailure = Errno.last.message
      return
    }
    let length = 16 << 20
    var status = stat()
    if ftruncate(file, off_t(length)) == 0, fstat(file, &status) == 0 {
      result.sparse = Int(status.st_blocks) * 512 < length
    }
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  private static func realPath(_ path: String) -> String? {
    guard let found = realpath(path, nil) else { return nil }
    defer { free(found) }
    return String(cString: found)
  }

  private static func number(in path: String) -> Int? {
    guard let bytes = try? Documents.read(path, what: "a setting") else { return nil }
    return Int(ASCII.trimmed(String(decoding: bytes.prefix { $0 > 32 }, as: UTF8.self)))
  }
}
