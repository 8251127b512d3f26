import Glibc
import ParcelCore
import ParcelSystem

/// The file `NAME.parcel`. Not thread-safe: its owner holds a lock around every call.
final class JournalFile {
  let path: String
  private let system: System
  private(set) var descriptor: Int32
  /// Records and bytes in the file.
  private(set) var records: Int
  private(set) var length: Int
  /// An append failed and the file could not be cut back: only a rewrite helps.
  private(set) var isBroken = false
  /// The file's name is on the disk, and not only in memory.
  private(set) var isNamed = true

  /// Goes on behind `length` good bytes; what follows them is cut off.
  init(resuming path: String, records: Int, length: Int, _ system: System) throws(Errno) {
    let descriptor = try system.open(path, O_WRONLY | O_APPEND | O_NOFOLLOW)
    do { try system.truncate(descriptor, to: length) } catch {
      system.close(descriptor)
      throw error
    }
    self.system = system
    (self.path, self.descriptor, self.records, self.length) = (path, descriptor, records, length)
  }

  /// Makes a new journal, or replaces one, atomically.
  /// - Parameter durably: false waits for no disk. A killed process leaves such a journal behind, a power cut may not: where
  ///   none was before, and nothing is claimed to be durable, that is enough until `syncName`.
  init(_ path: String, text: String, records: Int, durably: Bool, _ system: System) throws(Errno) {
    self.system = system
    descriptor = try Self.replace(path, with: text, durably: durably, system)
    (self.path, self.records, length, isNamed) = (path, records, text.utf8.count, false)
  }

  deinit { system.close(descriptor) }

  func append(_ new: [JournalRecord]) throws(Errno) {
    let text = new.map(Journal.line).joined()
    do { try system.append(text, to: descriptor) } catch {
      isBroken = (try? system.truncate(descriptor, to: length)) == nil
      throw error
    }
    records += new.count
    length += text.utf8.count
  }

  /// After a sync of the descriptor, before anything that the journal says counts as safe from a power cut.
  func syncName() throws(Errno) {
    if isNamed { return }
    try system.syncFolder(Path.folder(path))
    isNamed = true
  }

  /// What the file says is true but lacks something: nothing may be appended before a rewrite.
  func markBroken() { isBroken = true }

  func rewrite(_ text: String, records: Int) throws(Errno) {
    let new: Int32
    do throws(Errno) { new = try Self.replace(path, with: text, durably: true, system) } catch {
      // The name may stand for the new file already: what is appended to the old one would be lost.
      isBroken = true
      throw error
    }
    system.close(descriptor)
    isNamed = false
    (descriptor, self.records, length, isBroken) = (new, records, text.utf8.count, false)
  }

  /// Where a journal is written before it takes the place of the one at `path`.
  static func newPath(_ path: String) -> String { path + "-new" }

  private static func replace(_ path: String, with text: String, durably: Bool, _ system: System)
    throws(Errno) -> Int32
  {
    let new = newPath(path)
    // Whatever stands there, a killed run's or somebody's link, is not written to.
    try system.remove(new)
    let descriptor = try system.open(new, O_WRONLY | O_CREAT | O_EXCL | O_APPEND)
    do {
      try system.append(text, to: descriptor)
      if durably { try system.syncData(descriptor) }
      try system.rename(new, to: path, replace: true)
    } catch {
      system.close(descriptor)
      system.tidy(new)
      throw error
    }
    return descriptor
  }
}
