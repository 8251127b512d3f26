import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A file without a name for bytes that must be taken at once and cannot be passed on yet. All connections share it.
///
/// It is opened once, so that a relay opens no files while strangers talk to it, and emptied whenever nobody uses it.
final class Spool: Sendable {
  struct Extent {
    var offset: Int
    var count: Int
  }

  private struct State {
    var users = 0
    var end = 0
  }

  /// -1: there is none.
  private let file: Int32
  private let limit: Int
  private let state = Mutex(State())

  /// `folder`: nil takes $TMPDIR, else /var/tmp, which is less often memory than /tmp.
  init(limit: Int, folder: String? = nil) {
    self.limit = limit
    let folders = [folder ?? getenv("TMPDIR").map { String(cString: $0) }, "/var/tmp", "/tmp"]
    file = folders.lazy.compactMap { $0 }.map(Self.open).first { $0 >= 0 } ?? -1
  }

  deinit { if file >= 0 { close(file) } }

  private static func open(in folder: String) -> Int32 {
    var template = Array("\(folder)/parcel-relay-XXXXXX".utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { return file }
    _ = fcntl(file, F_SETFD, FD_CLOEXEC)
    unlink(template)
    return file
  }

  func enter() { state.withLock { $0.users += 1 } }

  func leave() {
    state.withLock { state in
      state.users -= 1
      guard state.users == 0, file >= 0 else { return }
      state.end = 0
      _ = ftruncate(file, 0)
    }
  }

  /// Keeps bytes. Throws when the bound is reached or the disk is full.
  func append(_ bytes: UnsafeRawBufferPointer) throws(SpoolFull) -> Extent {
    let offset = state.withLock { state -> Int? in
      guard file >= 0, state.end + bytes.count <= limit else { return nil }
      state.end += bytes.count
      return state.end - bytes.count
    }
    guard let offset else { throw SpoolFull(cause: "the spool is full") }
    var done = 0
    while done < bytes.count {
      let count = pwrite(
        file, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw SpoolFull(cause: Errno.last.message) }
      done += count
    }
    return Extent(offset: offset, count: bytes.count)
  }

  /// Fills `buffer` from the front of `extent`; how many bytes. Throws when the disk fails.
  func read(_ extent: Extent, into buffer: UnsafeMutableRawBufferPointer) throws(SpoolFull) -> Int {
    while true {
      let count = pread(file, buffer.baseAddress, min(buffer.count, extent.count), off_t(extent.offset))
      if count > 0 { return count }
      guard count < 0, errno == EINTR else { throw SpoolFull(cause: Errno.last.message) }
    }
  }
}

/// Bytes could not be kept.
struct SpoolFull: Error {
  var cause: String
}
