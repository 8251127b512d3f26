import Glibc
import ParcelCore
import ParcelSystem

/// The three ways out: `finish`, `suspend`, `discard`.
extension LargeFile {
  // MARK: finish

  func finish(
    size: Int, digests: [Digest], completion: @escaping @Sendable (Result<Finished, Failure>) -> Void
  ) {
    let known = target.digests.isEmpty ? digests : target.digests
    let request = FinishRequest(
      size: size, digests: context.options.verifies ? known : [], completion: completion)
    let refusal = lock.locked { () -> Failure? in
      if let failure { return failure }
      guard phase == .open else { return .cancelled(target.path) }
      phase = .finishing
      finishRequest = request
      return nil
    }
    if let refusal { return completion(.failure(refusal)) }
    closeWriters()
    volume.writer.submit { [self] scratch in allWritten(size, scratch) }
  }

  /// On the writer thread, behind the last write.
  private func allWritten(_ size: Int, _ scratch: UnsafeMutableRawBufferPointer) {
    guard openForWriting() else { return }
    let missing = lock.locked { stored.missing(in: ByteRange(0, size)) }
    if let first = missing.ranges.first {
      let failure = Failure(
        .digest, retry: .now,
        "Could not finish '\(target.path)': \(Grouped.text(missing.count)) bytes are missing, from byte "
          + "\(Grouped.text(first.start)) on.", remedy: "They are fetched again.")
      lock.locked { takeFinishRequest() }?.completion(.failure(failure))
      return
    }
    do throws(Errno) {
      if try system.size(of: descriptor) > size { try system.truncate(descriptor, to: size) }
    } catch {
      return fail(.disk("write", partPath, at: size, error))
    }
    // The disk can begin while the digest is still behind.
    volume.syncer.submit { [self] _ in syncEarly() }
    lock.locked {
      guard phase == .finishing, var request = finishRequest else { return }
      isFollowerHeld = false
      request.isWritten = true
      finishRequest = request
      if !isFollowing, runs.map(\.algorithm) != request.digests.map(\.algorithm) {
        runs = request.digests.compactMap { DigestRun($0.algorithm) }
        hashed = 0
      }
    }
    kickFollower()
  }

  /// On the syncer thread. A sync's error is told only once, so it must not be lost here: the sync before the rename would
  /// succeed although bytes are not on the disk.
  private func syncEarly() {
    guard lock.locked({ descriptor >= 0 }) else { return }
    do throws(Errno) { try system.syncData(descriptor) } catch {
      forgetUnsynced()
      fail(.disk("sync", partPath, error))
    }
  }

  /// On the syncer thread, after the digest was right.
  func commit(_ request: FinishRequest) {
    if let failure = lock.locked({ failure }) {
      // Told meanwhile by the early sync: what was hashed may not be on the disk.
      restartDigest(request)
      return endCommit(request, .failure(failure))
    }
    var isRenamed = false
    do throws(Errno) {
      do throws(Errno) { try system.syncData(descriptor) } catch {
        forgetUnsynced()
        throw error
      }
      let folder = Path.folder(target.path)
      try system.rename(partPath, to: target.path, replace: target.overwrite)
      isRenamed = true
      // At once: what somebody else changes from now on must not look like ours.
      let found = try system.status(target.path)
      try context.freshFolders.sync(above: target.path, system)
      try system.syncFolder(folder)
      _ = try? system.remove(journalPath)
      if let found { context.options.ledger?.noteRenamed(target.path, found, request.digests) }
      release()
      endCommit(request, .success(Finished(size: request.size, verified: request.digests.first)))
    } catch {
      if isRenamed {
        // It has its final name, and only that name may not survive a power cut: nothing may touch it any more. Whoever opens it again
        // finds it finished.
        release()
        return endCommit(request, .failure(.disk("finish", target.path, error)))
      }
      restartDigest(request)
      if error.code == EEXIST {
        return endCommit(request, .failure(.exists(target.path, "another file came there meanwhile")))
      }
      let failure = Failure.disk("finish", target.path, error)
      fail(failure)
      endCommit(request, .failure(failure))
    }
  }

  /// The digest was used up; a second `finish` computes it again.
  private func restartDigest(_ request: FinishRequest) {
    lock.locked {
      runs = request.digests.compactMap { DigestRun($0.algorithm) }
      hashed = 0
    }
  }

  func endCommit(_ request: FinishRequest, _ result: Result<Finished, Failure>) {
    let next = lock.locked { () -> (@Sendable () -> Void)? in
      if case .failure = result, phase != .closed { phase = .open }
      defer { whenCommitted = nil }
      return whenCommitted
    }
    request.completion(result)
    next?()
  }

  /// Closes everything; on the syncer thread, as the last thing that happens to the file.
  private func release() {
    context.ticker.remove(self)
    setStopped(true)
    journalLock.locked { journal = nil }
    let (open, held) = lock.locked { () -> (Int32, LockFile?) in
      phase = .closed
      defer { (descriptor, lockFile) = (-1, nil) }
      return (descriptor, lockFile)
    }
    if open >= 0 { system.close(open) }
    held?.release()
  }

  // MARK: suspend and discard

  func suspend(completion: @escaping @Sendable (Failure?) -> Void) {
    leave(
      again: { [self] in suspend(completion: completion) }, closed: { completion(nil) },
      work: { [self] in
        // An earlier failure was told by `events`; here it counts whether the progress is saved.
        let failure = sync()
        release()
        completion(failure)
      })
  }

  func discard(completion: @escaping @Sendable (Failure?) -> Void) {
    leave(
      again: { [self] in discard(completion: completion) }, closed: { completion(.cancelled(target.path)) },
      work: { [self] in completion(forgetEverything()) })
  }

  /// Brings the file to rest: writers closed, their bytes written, no follower; then does `work` on the syncer thread.
  /// - Parameters:
  ///   - again: what to do after a commit that is under way.
  ///   - closed: what to do when the file is closed already.
  private func leave(
    again: @escaping @Sendable () -> Void, closed: () -> Void, work: @escaping @Sendable () -> Void
  ) {
    let (before, request) = lock.locked { () -> (Phase, FinishRequest?) in
      let before = phase
      guard before == .open || before == .finishing else {
        if before == .committing { whenCommitted = again }
        return (before, nil)
      }
      let request = takeFinishRequest()
      phase = .leaving
      return (before, request)
    }
    switch before {
    case .committing: return
    case .leaving, .closed: return closed()
    case .open, .finishing: break
    }
    request?.completion(.failure(.cancelled(target.path)))
    closeWriters()
    setStopped(true)
    let atRest: @Sendable () -> Void = { [self] in volume.syncer.submit { _ in work() } }
    volume.writer.submit { [self] _ in
      let isFollowing = lock.locked {
        if self.isFollowing {
          let earlier = whenFollowerIdle
          whenFollowerIdle = {
            earlier?()
            atRest()
          }
        }
        return self.isFollowing
      }
      if !isFollowing { atRest() }
    }
  }

  private func forgetEverything() -> Failure? {
    do throws(Errno) {
      // The journal first: it must never speak of bytes that are no longer meant.
      if try system.remove(journalPath) { try system.syncFolder(Path.folder(target.path)) }
      if descriptor >= 0 { try system.truncate(descriptor, to: 0) }
    } catch {
      lock.locked { phase = .open }
      let failure = Failure.disk("empty", partPath, error)
      fail(failure)
      return failure
    }
    journalLock.locked { journal = nil }
    lock.locked {
      (stored, blocks, undigested) = (ByteRangeSet(), [:], [])
      (freshBlocks, freshLost, journaledExtra, said) = ([], [], ByteRangeSet(), ByteRangeSet())
      journaled = ByteRangeSet()
      (durable, syncCapture, unsynced, isDirty) = (ByteRangeSet(), ByteRangeSet(), 0, false)
      runs = context.options.verifies ? target.digests.compactMap { DigestRun($0.algorithm) } : []
      (hashed, suspects, uncached) = (0, [], 0)
      (identity, failure, phase) = (nil, nil, .open)
      setLayout(nil)
    }
    setStopped(false)
    return nil
  }
}

extension Failure {
  /// Another file is at the target. `how` ends the sentence "'…' is there already and …".
  static func exists(_ path: String, _ how: String) -> Failure {
    Failure(
      .exists, retry: .needsUser, "'\(path)' is there already: \(how).",
      remedy: "Move it away, or use --overwrite to replace it.")
  }
}
