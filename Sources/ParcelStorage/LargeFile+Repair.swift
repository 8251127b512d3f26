import Glibc
import ParcelCore
import ParcelSystem

/// Repair of a file whose bytes are all here and whose digest is wrong. The journal stays true at every moment: a block is
/// out of it before other bytes are written in its place, and a block that a killed process left half replaced does not
/// have its digest, which the next run sees.
extension LargeFile {
  // MARK: Parts that the server has digests of

  func digest(
    of range: ByteRange, _ algorithm: Digest.Algorithm,
    completion: @escaping @Sendable (Result<[UInt8], Failure>) -> Void
  ) {
    volume.hashers.submit { [self] scratch in
      guard lock.locked({ phase == .open && failure == nil && descriptor >= 0 }) else {
        return completion(.failure(.cancelled(target.path)))
      }
      guard let run = DigestRun(algorithm) else {
        let sentence = "Could not verify '\(target.path)': OpenSSL here does not offer \(algorithm.rawValue)."
        return completion(.failure(Failure(.digest, retry: .needsUser, sentence)))
      }
      var offset = range.start
      while offset < range.end {
        let end = min(offset + scratch.count, range.end)
        guard let bytes = read(ByteRange(offset, end), scratch) else {
          return completion(.failure(lock.locked { failure } ?? .cancelled(target.path)))
        }
        run.update(bytes)
        offset = end
      }
      completion(.success(run.finish()))
    }
  }

  func drop(_ ranges: [ByteRange], completion: @escaping @Sendable (Failure?) -> Void) {
    withFollowerAtRest { [self] in
      lock.locked {
        guard let layout else { return }
        for range in ranges {
          let touched = layout.touchedBlocks(in: range)
          drop(layout.wholeRange(touched), touched)
          suspects.removeAll { touched.contains($0) }
        }
        isFollowerHeld = false
      }
      appendProgress()
      completion(lock.locked { failure })
      kickFollower()
    }
  }

  /// The follower stops, and its digest begins anew; then `work` on the writer thread.
  private func withFollowerAtRest(_ work: @escaping @Sendable () -> Void) {
    let go: @Sendable () -> Void = { [self] in
      volume.writer.submit { [self] _ in
        lock.locked {
          runs = runs.compactMap { DigestRun($0.algorithm) }
          hashed = 0
        }
        work()
      }
    }
    let isIdle = lock.locked {
      isFollowerHeld = true
      guard isFollowing else { return true }
      let earlier = whenFollowerIdle
      whenFollowerIdle = {
        earlier?()
        go()
      }
      return false
    }
    if isIdle { go() }
  }

  // MARK: Everything again, compared in place

  func prepareComparison(completion: @escaping @Sendable (Failure?) -> Void) {
    withFollowerAtRest { [self] in completion(lock.locked { failure }) }
  }

  func comparer(for range: ByteRange) -> any SegmentWriter {
    addWriter(SegmentBuffer(self, range, compares: true))
  }

  func settleComparison(completion: @escaping @Sendable (Failure?) -> Void) {
    closeWriters()
    volume.writer.submit { [self] _ in completion(lock.locked { failure }) }
  }

  /// As `submit`, for bytes that should be in the file already.
  func submitComparison(_ buffer: UnsafeMutableRawPointer, _ piece: ByteRange) {
    let address = UInt(bitPattern: buffer)
    volume.writer.submit { [self] scratch in
      guard let buffer = UnsafeMutableRawPointer(bitPattern: address) else { return }
      let bytes = UnsafeRawBufferPointer(
        start: buffer + piece.start % BufferPool.bufferBytes, count: piece.count)
      compare(bytes, piece, scratch)
      context.pool.give(buffer, of: volume.share)
    }
  }

  private func compare(
    _ bytes: UnsafeRawBufferPointer, _ piece: ByteRange, _ scratch: UnsafeMutableRawBufferPointer
  ) {
    guard !piece.isEmpty, openForWriting() else { return }
    var done = 0
    while done < bytes.count {
      let count = min(scratch.count, bytes.count - done)
      let offset = piece.start + done
      guard let there = read(ByteRange(offset, offset + count), scratch), let a = there.baseAddress,
        let b = bytes.baseAddress
      else { return }
      if memcmp(a, b + done, count) != 0 { return replace(bytes, piece, scratch) }
      done += count
    }
  }

  private func replace(
    _ bytes: UnsafeRawBufferPointer, _ piece: ByteRange, _ scratch: UnsafeMutableRawBufferPointer
  ) {
    guard let layout = lock.locked({ self.layout }), piece.end <= layout.size else { return }
    let block = piece.start / layout.blockSize
    lock.locked {
      drop(piece, block..<block + 1)
      suspects.removeAll { $0 == block }
    }
    appendProgress()
    var written = 0
    do {
      try system.write(bytes, to: descriptor, at: piece.start, written: &written)
    } catch {
      return fail(.disk("write", partPath, at: piece.start + written, error))
    }
    landed(piece, digest: BlockDigest.of(bytes), scratch)
    events(.replaced(piece))
  }
}
