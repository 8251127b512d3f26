import Glibc
import ParcelCore
import ParcelSystem

/// The file `NAME.parcel`. Not thread-safe: its owner holds a lock around every call.
final class JournalFile {
  let path: String
  private(set) var descriptor: Int32
  /// Records and bytes in the file.
  private(set) var records: Int
  private(set) var length: Int
  /// An append failed and the file could not be cut back: only a rewrite helps.
  private(set) var isBroken = false

  /// Goes on behind `length` good bytes; what follows them is cut off.
  init(resuming path: String, records: Int, length: Int) throws(Errno) {
    let descriptor = try System.open(path, O_WRONLY | O_APPEND | O_NOFOLLOW)
    guard ftruncate(descriptor, length) == 0 else {
      let error = Errno.last
      close(descriptor)
      throw error
    }
    (self.path, self.descriptor, self.records, self.length) = (path, descriptor, records, length)
  }

  /// Makes a new journal, or replaces one, atomically.
  init(_ path: String, text: String, records: Int) throws(Errno) {
    descriptor = try Self.replace(path, with: text)
    (self.path, self.records, length) = (path, records, text.utf8.count)
  }

  deinit { close(descriptor) }

  func append(_ new: [JournalRecord]) throws(Errno) {
    let text = new.map(Journal.line).joined()
    do { try System.append(text, to: descriptor) } catch {
      isBroken = ftruncate(descriptor, length) != 0
      throw error
    }
    records += new.count
    length += text.utf8.count
  }

  /// What the file says is true but lacks something: nothing may be appended before a rewrite.
  func markBroken() { isBroken = true }

  func rewrite(_ text: String, records: Int) throws(Errno) {
    let new = try Self.replace(path, with: text)
    close(descriptor)
    (descriptor, self.records, length, isBroken) = (new, records, text.utf8.count, false)
  }

  private static func replace(_ path: String, with text: String) throws(Errno) -> Int32 {
    let new = path + "-new"
    // Whatever stands there, a killed run's or somebody's link, is not written to.
    try System.remove(new)
    let descriptor = try System.open(new, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
    do {
      try System.append(text, to: descriptor)
      try System.syncData(descriptor)
      try System.rename(new, to: path, replace: true)
      try System.syncFolder(Path.folder(path))
    } catch {
      close(descriptor)
      unlink(new)
      throw error
    }
    return descriptor
  }
}
