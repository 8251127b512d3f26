import Glibc
import ParcelCore
import ParcelSystem

extension FileStore {
  package func space(of path: String, completion: @escaping @Sendable (Result<VolumeSpace, Failure>) -> Void)
  {
    lookers.submit { _ in
      do throws(Errno) {
        completion(.success(try Self.look(path)))
      } catch {
        completion(.failure(.disk("look at the free space of", path, error)))
      }
    }
  }

  /// Of the nearest folder at or above `path` that is there. Blocks.
  private static func look(_ path: String) throws(Errno) -> VolumeSpace {
    var folder = path
    var found = try System.status(folder, follow: true)
    while found == nil, folder != "/" {
      folder = Path.folder(folder)
      found = try System.status(folder, follow: true)
    }
    guard let found else { throw Errno(code: ENOENT) }
    var figures = statvfs()
    while statvfs(folder, &figures) != 0 { if errno != EINTR { throw .last } }
    // File systems without a fixed number of files say 0 of 0.
    let hasNames = figures.f_files == 0 || figures.f_favail > 0
    var space = VolumeSpace(
      volume: VolumeID(UInt64(found.st_dev)), place: Printable.text(place(folder, found.st_dev)),
      free: hasNames ? figures.freeBytes : 0, folder: folder)
    space.isReadOnly = figures.f_flag & UInt(ST_RDONLY) != 0
    space.mayWrite = faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0
    return space
  }

  /// The highest folder above `folder` on the same file system.
  private static func place(_ folder: String, _ device: dev_t) -> String {
    var place = folder
    while place != "/" {
      guard let above = (try? System.status(Path.folder(place), follow: true)).flatMap({ $0 }),
        above.st_dev == device
      else { break }
      place = Path.folder(place)
    }
    return place
  }
}

extension statvfs {
  /// What this user can still write; `Int.max` when it is more, as some file systems say that have no limit.
  var freeBytes: Int {
    let unit = Int(clamping: f_frsize > 0 ? f_frsize : f_bsize)
    let (bytes, isMore) = Int(clamping: f_bavail).multipliedReportingOverflow(by: unit)
    return isMore ? .max : bytes
  }
}

extension Volume {
  var id: VolumeID { VolumeID(UInt64(device)) }
}
