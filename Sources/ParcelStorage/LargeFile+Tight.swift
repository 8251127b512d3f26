import Glibc
import ParcelCore
import ParcelSystem

extension LargeFile {
  /// Room beside the file's own bytes below which a disk may be full before the first progress is journaled.
  private static let tight = 64 << 20

  /// On the writer thread, before the first byte: where room is short the journal is made at once, because a full disk has
  /// none left for it, and without a journal nothing that arrived could be kept. Elsewhere short files do without one.
  func beginJournalIfTight() {
    let size = lock.locked { () -> Int? in
      guard descriptor >= 0, !isSyncing, phase == .open, failure == nil, journaled.isEmpty else { return nil }
      return layout?.size
    }
    guard let size else { return }
    var figures = statvfs()
    guard fstatvfs(descriptor, &figures) == 0 else { return }
    guard figures.freeBytes - Self.tight < size else { return }
    let isMine = lock.locked {
      defer { isSyncing = true }
      return !isSyncing
    }
    if isMine { startJournal() }
  }
}
