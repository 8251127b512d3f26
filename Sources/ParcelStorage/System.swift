import Glibc
import ParcelCore
import ParcelSystem

/// System calls with `Errno` as error and interrupted ones repeated. All may block.
struct System: Sendable {
  let calls: any SystemCalls

  static let kernel = System(calls: KernelCalls())

  func open(_ path: String, _ flags: Int32, mode: mode_t = 0o666) throws(Errno) -> Int32 {
    while true {
      let descriptor = calls.open(path, flags | O_CLOEXEC, mode)
      if descriptor >= 0 { return descriptor }
      if descriptor != -EINTR { throw Errno(code: -descriptor) }
    }
  }

  /// For descriptors whose bytes were synced, or were only read: nothing can be lost any more.
  func close(_ descriptor: Int32) { _ = calls.close(descriptor) }

  /// On some file systems (NFS) the first to say that a write failed. The descriptor is closed in any case.
  func closeWritten(_ descriptor: Int32) throws(Errno) {
    let code = calls.close(descriptor)
    if code < 0, code != -EINTR { throw Errno(code: -code) }
  }

  /// Nil when there is nothing at `path`.
  func status(_ path: String, follow: Bool = false) throws(Errno) -> stat? {
    var result = stat()
    while true {
      let code = calls.status(path, follow: follow, &result)
      if code >= 0 { return result }
      if code == -ENOENT || code == -ENOTDIR { return nil }
      if code != -EINTR { throw Errno(code: -code) }
    }
  }

  func size(of descriptor: Int32) throws(Errno) -> Int {
    var result = stat()
    while try interrupted(calls.status(descriptor, &result)) {}
    return Int(result.st_size)
  }

  /// Writes everything. On an error `written` says how far it came.
  func write(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int, written: inout Int
  ) throws(Errno) {
    written = 0
    while written < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
      written += try progress(calls.write(descriptor, rest, at: offset + written))
    }
  }

  func append(_ text: String, to descriptor: Int32) throws(Errno) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { calls.write(descriptor, $0, at: nil) }
      bytes = bytes.dropFirst(try progress(count))
    }
  }

  /// What a write's answer adds. One that takes nothing of something would be repeated for ever.
  private func progress(_ answer: Int) throws(Errno) -> Int {
    if answer > 0 { return answer }
    if answer == -Int(EINTR) { return 0 }
    throw Errno(code: answer == 0 ? EIO : Int32(-answer))
  }

  /// Reads until `buffer` is full or the file ends; returns the count.
  func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(Errno)
    -> Int
  {
    var done = 0
    while done < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
      let count = calls.read(descriptor, rest, at: offset + done)
      if count == 0 { break }
      if count > 0 { done += count } else if count != -Int(EINTR) { throw Errno(code: Int32(-count)) }
    }
    return done
  }

  /// The whole content of a small file; nil when it is not there.
  func contents(_ path: String) throws(Errno) -> [UInt8]? {
    let descriptor: Int32
    do { descriptor = try open(path, O_RDONLY) } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw error
    }
    defer { close(descriptor) }
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = piece.withUnsafeMutableBytes { calls.read(descriptor, $0, at: nil) }
      if count == 0 { return all }
      if count > 0 {
        all += piece[..<count]
      } else if count != -Int(EINTR) {
        throw Errno(code: Int32(-count))
      }
    }
  }

  func truncate(_ descriptor: Int32, to size: Int) throws(Errno) {
    while try interrupted(calls.truncate(descriptor, to: size)) {}
  }

  func syncData(_ descriptor: Int32) throws(Errno) { while try interrupted(calls.syncData(descriptor)) {} }

  /// Makes names in a folder safe. File systems that cannot sync a folder do not need it.
  func syncFolder(_ path: String) throws(Errno) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    do throws(Errno) { while try interrupted(calls.syncFolder(descriptor)) {} } catch {
      guard error.code == EINVAL || error.code == ENOSYS || error.code == ENOTSUP else { throw error }
    }
  }

  func syncFileSystem(of path: String) throws(Errno) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    while try interrupted(calls.syncFileSystem(descriptor)) {}
  }

  /// False when there was nothing to remove.
  @discardableResult func remove(_ path: String) throws(Errno) -> Bool {
    do throws(Errno) { while try interrupted(calls.unlink(path)) {} } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return false }
      throw error
    }
    return true
  }

  /// Removes what may stay if it must.
  func tidy(_ path: String) { _ = try? remove(path) }

  /// Renames; without `replace` another file under the new name is EEXIST.
  func rename(_ old: String, to new: String, replace: Bool) throws(Errno) {
    if replace {
      while try interrupted(calls.rename(old, new)) {}
      return
    }
    do throws(Errno) {
      while try interrupted(calls.renameNoReplace(old, new)) {}
      return
    } catch {
      guard error.code == EINVAL || error.code == ENOSYS || error.code == ENOTSUP else { throw error }
    }
    // A file system without the flag: a second name fails when it is taken, as wanted.
    do throws(Errno) { while try interrupted(calls.link(old, new)) {} } catch {
      guard error.code == EPERM || error.code == ENOTSUP || error.code == ENOSYS else { throw error }
      if try status(new) != nil { throw Errno(code: EEXIST) }
      while try interrupted(calls.rename(old, new)) {}
      return
    }
    try remove(old)
  }

  /// A second name for a file. Nil when it has it, else the error's number.
  func link(_ old: String, _ new: String) -> Int32? {
    do throws(Errno) { while try interrupted(calls.link(old, new)) {} } catch { return error.code }
    return nil
  }

  /// Makes a folder and those above it. `onMade` gets each folder in which a new name stands, at once: what comes after it may fail.
  func makeFolders(_ path: String, onMade: (String) -> Void = { _ in }) throws(Errno) {
    let above = Path.folder(path)
    do throws(Errno) { while try interrupted(calls.makeFolder(path)) {} } catch {
      switch error.code {
      case EEXIST:
        guard let found = try status(path, follow: true) else { throw Errno(code: ENOENT) }
        guard found.st_mode & S_IFMT == S_IFDIR else { throw Errno(code: ENOTDIR) }
        return
      case ENOENT where above != path:
        try makeFolders(above, onMade: onMade)
        do throws(Errno) { while try interrupted(calls.makeFolder(path)) {} } catch {
          // Somebody else was quicker.
          if error.code == EEXIST { return }
          throw error
        }
      default: throw error
      }
    }
    onMade(above)
  }

  /// Whether a call was interrupted and has to be made again; other errors are thrown.
  private func interrupted(_ code: Int32) throws(Errno) -> Bool {
    if code >= 0 { return false }
    if code == -EINTR { return true }
    throw Errno(code: -code)
  }

  /// Which start of the machine this is.
  static func bootID() -> String {
    let text = (try? kernel.contents("/proc/sys/kernel/random/boot_id")).flatMap { $0 } ?? []
    let id = String(decoding: text.filter { $0 > 32 && $0 < 127 }, as: UTF8.self)
    return id.isEmpty ? "unknown" : id
  }
}
