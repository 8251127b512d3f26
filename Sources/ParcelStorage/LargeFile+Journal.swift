import Glibc
import ParcelCore
import ParcelSystem

/// What the journal says. Written-but-unsynced progress is appended by the writer thread about twice a second
/// (a killed process leaves the page cache intact); syncs run on the syncer thread, so that writing goes on.
extension LargeFile {
  /// Bytes of a journal below which it is not worth rewriting.
  private static let compactionFloor = 64 << 10

  /// On the writer thread.
  func appendProgress() {
    lock.locked {
      journalQueued = false
      lastAppend = context.now()
    }
    // When the syncer is busy with the journal, the next tick asks again: writing must not wait for it.
    let failed = journalLock.tryLocked { () -> Errno? in
      do throws(Errno) {
        if let journal {
          if !journal.isBroken { try appendFresh(to: journal) }
        } else if mayStartJournal {
          // Its first lines wait for no sync: on a busy disk that takes seconds, and a kill would cost them all.
          try rewriteJournal(durably: false)
        }
      } catch { return error }
      return nil
    }
    if let failed = failed.flatMap({ $0 }) { fail(.disk("write", journalPath, failed)) }
  }

  func startJournal() {
    let failed = journalLock.locked { () -> Errno? in
      do throws(Errno) { try rewriteJournal() } catch { return error }
      return nil
    }
    lock.locked { isSyncing = false }
    if let failed { fail(.disk("write", journalPath, failed)) }
  }

  private var mayStartJournal: Bool {
    lock.locked { identity?.size != nil && descriptor >= 0 && phase == .open && failure == nil }
  }

  /// With `journalLock` held: everything not yet said.
  private func appendFresh(to journal: JournalFile) throws(Errno) {
    let records = lock.locked { collectFresh() }
    defer { if !journal.isBroken { lock.locked { journaled = said } } }
    if records.isEmpty { return }
    do { try journal.append(records) } catch {
      // What was collected is not in the journal: only a rewrite states it again.
      journal.markBroken()
      throw error
    }
  }

  /// With `lock` held.
  private func collectFresh() -> [JournalRecord] {
    guard layout != nil else { return [] }
    isDirty = false
    said = stored
    var records = freshLost.map { JournalRecord.lost($0) }
    freshLost = []
    var fresh: [Int: UInt64] = [:]
    for block in freshBlocks { fresh[block] = blocks[block] }
    freshBlocks = []
    records += JournalRecord.runs(of: fresh)
    let extra = extraRanges(of: stored)
    if extra != journaledExtra { records.append(.extra(extra)) }
    journaledExtra = extra
    return records
  }

  /// With `lock` held: what of `set` is not in blocks with a digest.
  private func extraRanges(of set: ByteRangeSet) -> ByteRangeSet {
    guard let layout else { return ByteRangeSet() }
    var extra = ByteRangeSet()
    for range in set.ranges {
      let whole = layout.wholeBlocks(in: range)
      if whole.isEmpty {
        extra.insert(range)
        continue
      }
      let middle = layout.wholeRange(whole)
      extra.insert(ByteRange(range.start, middle.start))
      extra.insert(ByteRange(middle.end, max(middle.end, range.end)))
    }
    for block in undigested where set.contains(layout.range(block)) { extra.insert(layout.range(block)) }
    return extra
  }

  /// With `journalLock` held: a new journal that says what is known now. For `durably` see `JournalFile`: false only where
  /// there is none yet and nothing was synced.
  func rewriteJournal(durably: Bool = true) throws(Errno) {
    let new = lock.locked { () -> (text: String, records: Int)? in
      guard let identity, let layout else { return nil }
      let object = JournalObject(identity: identity, digests: target.digests, blockSize: layout.blockSize)
      let new = Journal.compacted(
        object: object, boot: context.boot, durable: claim(durable, layout), all: claim(stored, layout))
      (freshBlocks, freshLost, isDirty, said) = ([], [], false, stored)
      journaledExtra = extraRanges(of: stored)
      return new
    }
    guard let new else { return }
    if let journal {
      try journal.rewrite(new.text, records: new.records)
    } else {
      journal = try JournalFile(
        journalPath, text: new.text, records: new.records, durably: durably, system)
    }
    lock.locked { journaled = said }
    if durably { try journal?.syncName() }
  }

  private func claim(_ set: ByteRangeSet, _ layout: BlockLayout) -> JournalState.Claim {
    var claim = JournalState.Claim()
    for range in set.ranges {
      for block in layout.wholeBlocks(in: range) { claim.blocks[block] = blocks[block] }
    }
    claim.extra = extraRanges(of: set)
    return claim
  }

  /// On the syncer thread: data, then the record that says so, then the journal. Nil when it worked.
  @discardableResult func sync() -> Failure? {
    defer {
      lock.locked {
        isSyncing = false
        lastSync = context.now()
      }
    }
    do {
      guard let count = try stateBeforeSync() else { return nil }
      do { try system.syncData(descriptor) } catch {
        forgetUnsynced()
        let failure = Failure.disk("sync", partPath, error)
        fail(failure)
        return failure
      }
      try stateAfterSync(count)
      return nil
    } catch {
      let failure = Failure.disk("write", journalPath, error)
      fail(failure)
      return failure
    }
  }

  /// Appends what the sync will cover; returns the number of records it will cover, nil when there is nothing to sync.
  private func stateBeforeSync() throws(Errno) -> Int? {
    try context.freshFolders.sync(above: target.path, system)
    return try journalLock.lockedThrowing { () throws(Errno) -> Int? in
      guard lock.locked({ descriptor >= 0 && layout != nil }) else { return nil }
      try makingRoom { () throws(Errno) in
        if let journal, !journal.isBroken { try appendFresh(to: journal) } else { try rewriteJournal() }
      }
      lock.locked {
        // Bytes that landed since the last append are left to the next sync.
        syncCapture = said
        unsynced = stored.count - said.count
      }
      return journal?.records
    }
  }

  /// With `journalLock` held.
  private func sayWhatIsSynced(_ count: Int) throws(Errno) {
    try journal?.append([.synced(records: count)])
  }

  private func stateAfterSync(_ count: Int) throws(Errno) {
    let journal = try journalLock.lockedThrowing { () throws(Errno) in
      try sayWhatIsSynced(count)
      return self.journal
    }
    guard let journal else { return }
    // Not under the lock, so that the writer thread can append meanwhile; only this thread replaces the journal.
    do throws(Errno) {
      try system.syncData(journal.descriptor)
      try journal.syncName()
    } catch {
      // Its last lines may never reach the disk, and a later sync would not say so.
      journalLock.locked { journal.markBroken() }
      throw error
    }
    let limit = lock.locked {
      durable = syncCapture
      return Self.compactionFloor + blocks.count * 18 * 4
    }
    try journalLock.lockedThrowing { () throws(Errno) in
      guard journal.length > limit else { return }
      do throws(Errno) { try rewriteJournal() } catch {
        // The long journal says the same as a short one: a full disk only puts it off.
        guard error.code == ENOSPC || error.code == EDQUOT else { throw error }
      }
    }
    leavePageCache()
  }

  /// Bytes that are safe and hashed are not needed in memory any more: the next ones take their place, instead of
  /// everything else that is cached.
  private func leavePageCache() {
    guard context.options.leavesPageCache else { return }
    let range = lock.locked { () -> ByteRange? in
      let end = runs.isEmpty ? durable.prefixEnd : min(hashed, durable.prefixEnd)
      guard end > uncached else { return nil }
      defer { uncached = end }
      return ByteRange(uncached, end)
    }
    if let range { system.calls.leaveCache(descriptor, range.start, range.count) }
  }

  /// After a failed sync the page cache may say one thing and the disk another: only what was synced before counts.
  func forgetUnsynced() {
    lock.locked {
      guard let layout else { return }
      var doubtful = stored
      for range in durable.ranges { doubtful.remove(range) }
      for range in doubtful.ranges {
        let touched = layout.touchedBlocks(in: range)
        drop(layout.wholeRange(touched), touched)
      }
    }
    journalLock.locked {
      if let journal, !journal.isBroken { try? appendFresh(to: journal) }
    }
  }

  /// With `lock` held: `range` (whole blocks) is no longer there.
  func drop(_ range: ByteRange, _ touched: Range<Int>) {
    for block in touched {
      blocks[block] = nil
      undigested.remove(block)
    }
    freshBlocks.removeAll { touched.contains($0) }
    stored.remove(range)
    durable.remove(range)
    syncCapture.remove(range)
    said.remove(range)
    journaled.remove(range)
    journaledExtra.remove(range)
    freshLost.append(range)
    isDirty = true
  }
}
