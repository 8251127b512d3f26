import Glibc
import ParcelCore
import ParcelSystem

/// From a full buffer to the file: everything here but `takeBuffers` and `submit` runs on the volume's writer thread.
extension LargeFile {
  func takeBuffers(_ count: Int) -> [UnsafeMutableRawPointer]? {
    context.pool.take(count, for: volume.share)
  }

  /// Hands over a buffer that holds the file's bytes `piece`, at their place behind a 1 MiB boundary.
  func submit(_ buffer: UnsafeMutableRawPointer, _ piece: ByteRange) {
    let address = UInt(bitPattern: buffer)
    volume.writer.submit { [self] scratch in
      guard let buffer = UnsafeMutableRawPointer(bitPattern: address) else { return }
      write(buffer, piece, scratch)
      context.pool.give(buffer, of: volume.share)
    }
  }

  private func write(
    _ buffer: UnsafeMutableRawPointer, _ piece: ByteRange, _ scratch: UnsafeMutableRawBufferPointer
  ) {
    guard !piece.isEmpty, openForWriting() else { return }
    let bytes = UnsafeRawBufferPointer(
      start: buffer + piece.start % BufferPool.bufferBytes, count: piece.count)
    var written = 0
    do {
      try system.write(bytes, to: descriptor, at: piece.start, written: &written)
      landed(piece, digest: BlockDigest.of(bytes), scratch)
    } catch {
      if written > 0 { landed(ByteRange(piece.start, piece.start + written), digest: nil, scratch) }
      fail(.disk("write", partPath, at: piece.start + written, error))
    }
  }

  /// Makes the folders, the lock and the `.part` when the first byte comes. False when the file cannot be written.
  func openForWriting() -> Bool {
    let (isOpen, hasFailed) = lock.locked { (descriptor >= 0, failure != nil) }
    if isOpen || hasFailed { return isOpen && !hasFailed }
    do {
      try context.makeFolders(Path.folder(target.path))
      guard takeLock() else { return false }
      // The old journal must be gone for good before new bytes stand in its `.part`.
      if try system.remove(journalPath) { try system.syncFolder(Path.folder(target.path)) }
      let opened = try system.open(partPath, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW)
      lock.locked {
        descriptor = opened
        lastSync = context.now()
      }
      beginJournalIfTight()
      return true
    } catch {
      fail(.disk("open", partPath, error))
      return false
    }
  }

  /// The file's own lock; false when another process has it, which is then the file's failure.
  private func takeLock() -> Bool {
    if lock.locked({ lockFile != nil }) { return true }
    switch LockFile.take(lockPath, for: target.path, as: context.holder, system) {
    case .success(let taken):
      lock.locked { lockFile = taken }
      return true
    case .failure(let failure):
      fail(failure)
      return false
    }
  }

  /// On the writer thread: notes bytes that are in the file. `digest` is theirs, nil when it was not computed.
  func landed(_ piece: ByteRange, digest: UInt64?, _ scratch: UnsafeMutableRawBufferPointer) {
    let (reread, sync) = lock.locked {
      stored.insert(piece)
      unsynced += piece.count
      isDirty = true
      let reread = note(piece, digest)
      let sync = layout != nil && unsynced >= context.options.syncBytes && !isSyncing && phase != .leaving
      if sync { isSyncing = true }
      return (reread, sync)
    }
    if reread { digestCompleteBlocks(scratch) }
    if sync { volume.syncer.submit { [self] _ in self.sync() } }
    kickFollower()
  }

  /// With `lock` held. True when a block became complete in several pieces.
  private func note(_ piece: ByteRange, _ digest: UInt64?) -> Bool {
    guard let layout, piece.start < layout.size else { return false }
    let block = piece.start / layout.blockSize
    let range = layout.range(block)
    if piece == range, let digest {
      setDigest(block, digest)
    } else if stored.contains(range) {
      undigested.insert(block)
      return true
    }
    return false
  }

  /// With `lock` held.
  private func setDigest(_ block: Int, _ digest: UInt64) {
    blocks[block] = digest
    freshBlocks.append(block)
    undigested.remove(block)
    isDirty = true
  }

  /// Reads again the blocks that came in pieces, from the page cache.
  func digestCompleteBlocks(_ scratch: UnsafeMutableRawBufferPointer) {
    let (waiting, layout) = lock.locked { (undigested.sorted(), self.layout) }
    guard let layout, descriptor >= 0 else { return }
    for block in waiting {
      guard let digest = BlockDigest.reread(descriptor, layout.range(block), scratch: scratch, system) else {
        return fail(.disk("read", partPath, at: layout.range(block).start, Errno(code: EIO)))
      }
      lock.locked { setDigest(block, digest) }
    }
  }
}
