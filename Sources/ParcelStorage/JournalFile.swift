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
  /// The file's name is on the disk, and not only in memory. Only the syncer thread asks and changes it.
  private(set) var isNamed = true

  /// Goes on behind `length` good bytes; what follows them is cut off.
  init(resuming path: String, records: Int, length: Int) throws(Errno) {
    let descriptor = try System.open(path, O_WRONLY | O_APPEND)
    guard ftruncate(descriptor, length) == 0 else {
      let error = Errno.last
      close(descriptor)
      throw error
    }
    (self.path, self.descriptor, self.records, self.length) = (path, descriptor, records, length)
  }

  /// Makes a new journal, or replaces one, atomically.
  /// - Parameter durably: false waits for no disk. A killed process leaves such a journal behind, a power cut may not: where
  ///   none was before, and nothing is claimed to be durable, that is enough until `syncName`.
  init(_ path: String, text: String, records: Int, durably: Bool) throws(Errno) {
    descriptor = try Self.replace(path, with: text, durably: durably)
    (self.path, self.records, length, isNamed) = (path, records, text.utf8.count, durably)
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

  /// After a sync of the descriptor, before anything that the journal says counts as safe from a power cut.
  func syncName() throws(Errno) {
    if isNamed { return }
    try System.syncFolder(Path.folder(path))
    isNamed = true
  }

  /// What the file says is true but lacks something: nothing may be appended before a rewrite.
  func markBroken() { isBroken = true }

  func rewrite(_ text: String, records: Int) throws(Errno) {
    let new = try Self.replace(path, with: text, durably: true)
    close(descriptor)
    isNamed = true
    (descriptor, self.records, length, isBroken) = (new, records, text.utf8.count, false)
  }

  private static func replace(_ path: String, with text: String, durably: Bool) throws(Errno) -> Int32 {
    let new = path + "-new"
    let descriptor = try System.open(new, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND)
    do {
      try System.append(text, to: descriptor)
      if durably { try System.syncData(descriptor) }
      try System.rename(new, to: path, replace: true)
      if durably { try System.syncFolder(Path.folder(path)) }
    } catch {
      close(descriptor)
      unlink(new)
      throw error
    }
    return descriptor
  }
}
