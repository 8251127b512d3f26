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
    var found = try status(folder)
    while found == nil, folder != "/" {
      folder = Path.folder(folder)
      found = try status(folder)
    }
    guard let found else { throw Errno(code: ENOENT) }
    var figures = statvfs()
    while statvfs(folder, &figures) != 0 { if errno != EINTR { throw .last } }
    let unit = Int(figures.f_frsize > 0 ? figures.f_frsize : figures.f_bsize)
    let (bytes, overflow) = Int(clamping: figures.f_bavail).multipliedReportingOverflow(by: unit)
    // File systems without a fixed number of files say 0 of 0.
    let hasNames = figures.f_files == 0 || figures.f_favail > 0
    return VolumeSpace(
      volume: VolumeID(UInt64(found.st_dev)), place: Printable.text(place(folder, found.st_dev)),
      free: hasNames ? (overflow ? .max : bytes) : 0)
  }

  /// The highest folder above `folder` on the same file system.
  private static func place(_ folder: String, _ device: dev_t) -> String {
    var place = folder
    while place != "/" {
      guard let above = try? status(Path.folder(place)), above.st_dev == device else { break }
      place = Path.folder(place)
    }
    return place
  }

  private static func status(_ path: String) throws(Errno) -> stat? {
    var found = stat()
    if stat(path, &found) == 0 { return found }
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw .last
  }
}

extension Volume {
  var id: VolumeID { VolumeID(UInt64(device)) }
}
