import Glibc
import ParcelCore
import ParcelSystem

/// A full disk has no room for a first journal either, and bytes that no journal speaks of are lost. So the end of the `.part`
/// is given up for it: a block is fetched again, and all the others stay. Never once there is a journal: what it claims must
/// be there, and all that its next lines could add is the last moment.
extension LargeFile {
  /// Blocks that are given up at most; one is more than any journal needs, but others may take its room first.
  private static let mostGivenUp = 4

  func isFull(_ error: Errno) -> Bool { error.code == ENOSPC || error.code == EDQUOT }

  /// On the syncer thread, with `journalLock` held. Does `work` again after it made room, when it failed for want of it
  /// and nobody writes any more.
  func makingRoom(_ work: () throws(Errno) -> Void) throws(Errno) {
    for _ in 0..<Self.mostGivenUp {
      do throws(Errno) { return try work() } catch {
        guard isFull(error), giveUpLastBlock() else { throw error }
      }
    }
    try work()
  }

  /// Takes the last block off the books, then off the disk. False when there is none, or the file is still written, or a journal
  /// may speak of it.
  func giveUpLastBlock() -> Bool {
    let cut = lock.locked { () -> ByteRange? in
      guard journal == nil, phase == .leaving, descriptor >= 0, let layout, let last = stored.ranges.last
      else { return nil }
      let touched = layout.touchedBlocks(in: ByteRange(last.end - 1, last.end))
      let range = layout.wholeRange(touched)
      drop(range, touched)
      suspects.removeAll { touched.contains($0) }
      return ByteRange(range.start, last.end)
    }
    // What is behind the last stored byte was never in the books.
    guard let cut, (try? system.truncate(descriptor, to: cut.start)) != nil else { return false }
    return true
  }
}
