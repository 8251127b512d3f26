import CLinux
import Glibc
import ParcelCore
import ParcelSystem

/// Looks at a target folder before the start: room, permission, who works there, and what is there of the rows. Changes
/// nothing. Blocks, on a hung file system for ever: give it a thread that nobody waits for without a limit.
package enum TargetSurvey {
  /// Sub-folders that cannot be written and are named; more add nothing.
  private static let badFoldersKept = 32

  /// `folder`: absolute. `isWanted` says which rows count.
  package static func look(
    _ folder: String, specs: [DownloadSpec], where isWanted: (Int) -> Bool = { _ in true }
  ) -> TargetFacts {
    var facts = TargetFacts(folder: folder, existing: folder)
    do throws(Errno) {
      var found = try System.status(folder, follow: true)
      while found == nil, facts.existing != "/" {
        // A link to nothing is in the way of the folder.
        if try System.status(facts.existing) != nil { throw Errno(code: ENOTDIR) }
        facts.existing = Path.folder(facts.existing)
        found = try System.status(facts.existing, follow: true)
      }
      guard let found, found.st_mode & S_IFMT == S_IFDIR else {
        facts.failure = "\(facts.existing) is not a folder"
        return facts
      }
    } catch {
      facts.failure = error.message.first.map { $0.lowercased() + error.message.dropFirst() }
      return facts
    }
    facts.writeFailure = refusal(facts.existing)
    space(&facts)
    guard facts.existing == folder else { return facts }
    // A session holds its folder before it starts: its own lock is in nobody's way.
    let me = LockFile.Holder.current()
    if case .held(let holder, let failure) = LockFile.look(
      folder + "/" + LockFile.rootName, for: folder, as: me),
      holder?.isSameProcess(as: me) != true
    {
      facts.lock = failure
    }
    var reader = Reader(folder: folder)
    for (index, spec) in specs.enumerated() where isWanted(index) { reader.look(index, spec) }
    facts.rows = reader.rows
    facts.badFolders = reader.badFolders
    return facts
  }

  /// Why files cannot be made in a folder, in the system's words; nil when they can, as far as can be seen without trying.
  private static func refusal(_ folder: String) -> String? {
    if faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 { return nil }
    switch errno {
    case EACCES, EPERM: return "permission denied"
    case EROFS: return "the file system is mounted read-only"
    default:
      let words = Errno.last.message
      return words.prefix(1).lowercased() + words.dropFirst()
    }
  }

  // MARK: Room

  private static func space(_ facts: inout TargetFacts) {
    var space = statvfs()
    // Made-up file systems (/proc) have no blocks at all.
    if statvfs(facts.existing, &space) == 0, space.f_blocks > 0 {
      facts.free = space.freeBytes
      // btrfs and others make them as needed and say that there are none.
      facts.freeInodes = space.f_files == 0 ? nil : Int(clamping: space.f_favail)
    }
    facts.kind = FileSystem.magic(of: facts.existing).flatMap(FileSystemKind.name(magic:))
    guard let descriptor = try? System.open(facts.existing, O_RDONLY | O_DIRECTORY) else { return }
    defer { close(descriptor) }
    for (kind, id) in [(Int32(0), geteuid()), (1, getegid())] {
      var bytes: Int64 = -1
      var inodes: Int64 = -1
      guard cl_quota_left(descriptor, kind, id, &bytes, &inodes) == 0 else { continue }
      if bytes >= 0, Int(bytes) < facts.free ?? .max {
        facts.free = Int(bytes)
        facts.isQuota = true
      }
      if inodes >= 0 { facts.freeInodes = min(facts.freeInodes ?? .max, Int(inodes)) }
    }
  }

  // MARK: Rows

  /// Reads the folder once and asks only after names that are in it: a hundred thousand rows for an empty folder cost
  /// nothing, and a half-finished batch what is there.
  private struct Reader {
    let folder: String
    var rows: [RowOnDisk] = []
    var badFolders: [(path: String, why: String)] = []
    private let names: Set<String>
    /// Of folders below it: whether they are there. Only looked up.
    private var subfolders: [String: Bool] = [:]

    init(folder: String) {
      self.folder = folder
      names = Set(System.names(in: folder))
    }

    mutating func look(_ index: Int, _ spec: DownloadSpec) {
      guard let name = spec.name else { return }
      let path = spec.folder.isEmpty ? name : spec.folder + "/" + name
      if let slash = path.utf8.firstIndex(of: UInt8(ascii: "/")) {
        guard names.contains(String(path[..<slash])), isThere(Path.folder("/" + path)) else { return }
      } else {
        guard names.contains(path) || names.contains(path + ".part") else { return }
      }
      let full = folder + "/" + path
      let final = Self.final(full)
      let allocated = (try? System.status(full + ".part")).flatMap { $0 }.map { Int($0.st_blocks) * 512 } ?? 0
      if final != .absent || allocated > 0 {
        rows.append(RowOnDisk(row: index, final: final, allocated: allocated))
      }
    }

    /// `sub`: "/a/b". Notes it when it cannot be written.
    private mutating func isThere(_ sub: String) -> Bool {
      if let known = subfolders[sub] { return known }
      let found = (try? System.status(folder + sub, follow: true)).flatMap { $0 }
      let isFolder = found.map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
      subfolders[sub] = isFolder
      if found != nil {
        note(sub, isFolder ? refusal(folder + sub) : "it is there and is no folder")
      } else {
        // It will be made in the nearest folder that is there, or cannot be.
        let above = Path.folder(sub)
        if above != "/" { _ = isThere(above) }
      }
      return isFolder
    }

    private mutating func note(_ sub: String, _ why: String?) {
      guard let why, badFolders.count < badFoldersKept else { return }
      badFolders.append((String(sub.dropFirst()), why))
    }

    private static func final(_ path: String) -> RowOnDisk.Final {
      guard let link = (try? System.status(path)).flatMap({ $0 }) else { return .absent }
      guard let found = (try? System.status(path, follow: true)).flatMap({ $0 }), link.st_mode != 0,
        found.st_mode & S_IFMT == S_IFREG
      else { return .other }
      return .file(size: Int(found.st_size))
    }
  }
}

extension System {
  /// Names in a folder without `.` and `..`, in the system's order; empty when it cannot be read.
  static func names(in folder: String) -> [String] {
    guard let handle = opendir(folder) else { return [] }
    defer { closedir(handle) }
    var names: [String] = []
    while let entry = readdir(handle) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }
}
