import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// The regular files below a folder. Symbolic links are followed as long as they stay inside; what begins with a dot is
/// not served.
package final class FolderContent: Content {
  private final class Body: ServedBody {
    let file: Int32
    var descriptor: Int32? { file }

    init(_ file: Int32) { self.file = file }
    deinit { close(file) }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
      var done = 0
      while done < buffer.count {
        let count = pread(file, buffer.baseAddress?.advanced(by: done), buffer.count - done, offset + done)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { break }
        done += count
      }
      return done
    }
  }

  /// What was learned about files: the ids of the last scan.
  private struct Known {
    var pathByID: [String: String] = [:]
    /// When the folder was last read, seconds of the monotonic clock; nil: never.
    var scanned: Double?
  }

  /// Absolute, without links.
  private let root: String
  private let known = Mutex(Known())
  private let digests: DigestCache
  /// Held while digests are computed, so that two who ask for the manifest do not read everything twice.
  private let computing = Monitor()

  /// `digests`: what was computed before. Throws `Failure(.input, .needsUser)` when the folder cannot be read.
  package init(root: String, digests: DigestCache = DigestCache()) throws(Failure) {
    self.digests = digests
    guard let real = realpath(root, nil) else {
      throw Failure(
        .input, retry: .needsUser,
        "Could not open the folder '\(Printable.text(root))': \(Errno.last.message).",
        remedy: "Give a folder that exists with --root.")
    }
    defer { free(real) }
    self.root = String(cString: real)
    guard let folder = opendir(self.root) else {
      throw Failure(
        .input, retry: .needsUser,
        "Could not read the folder '\(Printable.text(root))': \(Errno.last.message).",
        remedy: "Check its permissions.")
    }
    closedir(folder)
  }

  package func open(path: String) -> (ServedFile, any ServedBody)? {
    // By bytes: to Swift a slash or dot with an accent is neither.
    let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    guard parts.allSatisfy({ !$0.isEmpty && $0.first != UInt8(ascii: ".") }) else { return nil }
    // First a descriptor that can do nothing (no device or pipe reacts to it), then the question where it really is.
    let anchor = Glibc.open(root + "/" + path, Self.pathOnly | O_CLOEXEC)
    guard anchor >= 0 else { return nil }
    defer { close(anchor) }
    var status = stat()
    guard fstat(anchor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, isInside(anchor) else {
      return nil
    }
    let file = Glibc.open("/proc/self/fd/\(anchor)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    var served = Self.describe(path, status)
    served.md5 = digests[path, served.etag]
    return (served, Body(file))
  }

  package func open(id: String) -> (ServedFile, any ServedBody)? {
    if let path = known.withLock({ $0.pathByID[id] }) { return open(path: path) }
    // A file may have come since the last look; strangers must not make us look all the time.
    let now = MonotonicClock.seconds()
    guard known.withLock({ known in known.scanned.map { now - $0 > 2 } ?? true }) else { return nil }
    _ = scan()
    return known.withLock { $0.pathByID[id] }.flatMap(open(path:))
  }

  package func manifest() -> [ServedFile] {
    computing.locked {
      let paths = scan()
      let results = Mutex([ServedFile?](repeating: nil, count: paths.count))
      Workers.forEach(Array(paths.indices)) { index in
        let file = self.digested(paths[index])
        results.withLock { $0[index] = file }
      }
      return results.withLock { $0.compactMap { $0 } }
    }
  }

  /// A file with its md5, computed if need be; without when it changed meanwhile or could not be read.
  private func digested(_ path: String) -> ServedFile? {
    guard case (var file, let body)? = open(path: path) else { return nil }
    if file.md5 != nil { return file }
    let md5 = Hashes.digest(.md5, of: body, ByteRange(0, file.size))
    guard let md5, let descriptor = body.descriptor else { return file }
    var status = stat()
    guard fstat(descriptor, &status) == 0, Self.describe(path, status).etag == file.etag else { return file }
    file.md5 = md5
    digests[path, file.etag] = md5
    return file
  }

  /// `O_PATH`, which the system headers show to GNU sources only.
  private static let pathOnly: Int32 = 0o10_000_000

  private static func describe(_ path: String, _ status: stat) -> ServedFile {
    let nanoseconds = status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec
    let tag = [Int(status.st_size), nanoseconds, Int(bitPattern: UInt(status.st_ino))].map {
      String($0, radix: 16)
    }
    return ServedFile(
      path: path, id: Hashes.uuid(path), size: Int(status.st_size), etag: "\"\(tag.joined(separator: "-"))\"",
      lastModified: max(0, status.st_mtim.tv_sec))
  }

  /// Whether what the descriptor stands for is below the root, whatever links led there.
  private func isInside(_ descriptor: Int32) -> Bool {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
    guard count > 0, count < buffer.count else { return false }
    let prefix = Array((root == "/" ? root : root + "/").utf8)
    return buffer.prefix(count).map { UInt8(bitPattern: $0) }.starts(with: prefix)
  }

  /// Reads the folder and its sub-folders; paths of regular files, sorted. Remembers the ids.
  private func scan() -> [String] {
    var paths: [String] = []
    var folders = [""]
    while let folder = folders.popLast() {
      guard let handle = opendir(root + "/" + folder) else { continue }
      defer { closedir(handle) }
      while let entry = readdir(handle) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
          String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
        }
        guard name.utf8.first != UInt8(ascii: ".") else { continue }
        let path = folder.isEmpty ? name : folder + "/" + name
        var status = stat()
        guard lstat(root + "/" + path, &status) == 0 else { continue }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: folders.append(path)
        case S_IFREG, S_IFLNK: if open(path: path) != nil { paths.append(path) }
        default: break
        }
      }
    }
    paths.sort()
    let ids = Dictionary(paths.map { (Hashes.uuid($0), $0) }) { first, _ in first }
    known.withLock { known in
      known.pathByID = ids
      known.scanned = MonotonicClock.seconds()
    }
    return paths
  }
}
