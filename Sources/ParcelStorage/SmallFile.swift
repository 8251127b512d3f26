import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// A download below 1 MiB: in memory until it is complete, then one file of a batch. Part file and its writer in one.
final class SmallFile: PartFile, SegmentWriter, @unchecked Sendable {
  private enum Phase { case open, ending, ended }

  let recovered = Recovered()
  private let context: StoreContext
  private let volume: Volume
  private let target: Target
  private let size: Int

  private let nextByte = Atomic(0)
  private let lock = Monitor()
  private var phase = Phase.open
  private var isFenced = false
  private var memory: UnsafeMutableRawPointer?

  init(_ target: Target, size: Int, context: StoreContext, volume: Volume) {
    self.target = target
    self.size = size
    self.context = context
    self.volume = volume
  }

  deinit { freeMemory() }

  private var system: System { context.system }

  private func freeMemory() {
    guard let memory else { return }
    self.memory = nil
    memory.deallocate()
    context.pool.giveSmall(size)
  }

  // MARK: SegmentWriter

  var position: Int { nextByte.load(ordering: .acquiring) }
  var limit: Int { size }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    lock.locked {
      guard phase == .open, !isFenced else { return .stop }
      let from = position
      let count = min(bytes.count, size - from)
      guard count > 0 else { return from == size ? .enough : .more }
      if memory == nil {
        guard context.pool.takeSmall(size) else { return .pause }
        memory = .allocate(byteCount: size, alignment: 16)
      }
      if let memory, let source = bytes.baseAddress {
        (memory + from).copyMemory(from: source, byteCount: count)
      }
      nextByte.store(from + count, ordering: .releasing)
      return from + count == size ? .enough : .more
    }
  }

  /// One transfer brings it all: there is nothing to give away.
  func shrink(to offset: Int) -> Int { size }
  func extend(to offset: Int) {}
  func close() { lock.locked { isFenced = true } }

  // MARK: PartFile

  func identify(_ identity: ObjectIdentity) {}

  /// A writer that starts at byte 0 throws away what an earlier, broken transfer brought.
  func writer(for range: ByteRange) -> any SegmentWriter {
    lock.locked {
      isFenced = false
      nextByte.store(range.start == 0 ? 0 : position, ordering: .releasing)
    }
    return self
  }

  func progress() -> PartProgress {
    let received = position
    return PartProgress(
      stored: ByteRangeSet([ByteRange(0, received)]), durable: 0, hashed: received == size ? size : 0)
  }

  func finish(
    size: Int, digests: [Digest], completion: @escaping @Sendable (Result<Finished, Failure>) -> Void
  ) {
    let mayEnd = lock.locked {
      guard phase == .open else { return false }
      phase = .ending
      return true
    }
    guard mayEnd else { return completion(.failure(.cancelled(target.path))) }
    let known = target.digests.isEmpty ? digests : target.digests
    volume.writer.submit { [self] _ in
      let result = store(size, context.options.verifies ? known : [])
      lock.locked {
        freeMemory()
        if case .success = result {
          phase = .ended
        } else {
          // The bytes are gone with the memory: another transfer may bring better ones.
          phase = .open
          nextByte.store(0, ordering: .releasing)
        }
      }
      switch result {
      case .failure(let failure): completion(.failure(failure))
      case .success(let (finished, volume)):
        context.ticker.add(volume.batch)
        volume.batch.add(
          SmallBatch.Entry(
            path: target.path, overwrite: target.overwrite, finished: finished, completion: completion))
      }
      volume.batch.flushIfLast()
    }
  }

  func suspend(completion: @escaping @Sendable (Failure?) -> Void) {
    lock.locked {
      guard phase == .open else { return }
      phase = .ended
      freeMemory()
    }
    completion(nil)
  }

  func discard(completion: @escaping @Sendable (Failure?) -> Void) {
    lock.locked {
      guard phase == .open else { return }
      nextByte.store(0, ordering: .releasing)
      isFenced = true
    }
    completion(nil)
  }

  // MARK: On the writer thread

  private func store(_ size: Int, _ digests: [Digest]) -> Result<(Finished, Volume), Failure> {
    guard size == self.size, position == size else {
      return .failure(
        Failure(
          .size, retry: .now,
          "Could not finish '\(target.path)': \(Grouped.text(position)) of \(Grouped.text(size)) bytes came."
        ))
    }
    let bytes = UnsafeRawBufferPointer(start: memory, count: memory == nil ? 0 : size)
    if let failure = compare(bytes, digests) { return .failure(failure) }
    do {
      let home = try writePart(bytes)
      return .success((Finished(size: size, verified: digests.first), home))
    } catch {
      if error.code == EEXIST {
        return .failure(.exists(target.path + ".part", "something else is being written there"))
      }
      return .failure(.disk("write", target.path + ".part", error))
    }
  }

  private func compare(_ bytes: UnsafeRawBufferPointer, _ digests: [Digest]) -> Failure? {
    for digest in digests {
      guard let value = DigestRun.of(bytes, digest.algorithm) else {
        return Failure(
          .digest, retry: .needsUser,
          "Could not verify '\(target.path)': OpenSSL here does not offer \(digest.algorithm.rawValue).",
          remedy: "Use --no-verify to keep it unverified.")
      }
      guard value == digest.bytes else {
        return Failure(
          .digest, retry: .never,
          "Could not verify '\(target.path)': its \(digest.algorithm.rawValue) is \(Hex.encode(value)), but "
            + "\(digest.source.rawValue) says \(digest.hex).",
          remedy: "The server's file or the manifest may be wrong.")
      }
    }
    return nil
  }

  /// Returns the file system it is on: the folder may be a mount of its own.
  private func writePart(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Volume {
    let folder = Path.folder(target.path)
    let flags = O_WRONLY | O_CREAT | O_EXCL
    var home = try makeFolder(folder)
    let descriptor: Int32
    do { descriptor = try system.open(target.path + ".part", flags) } catch {
      guard error.code == ENOENT else { throw error }
      // Somebody removed the folder after we made it.
      _ = context.knownFolders.withLock { $0.remove(folder) }
      home = try makeFolder(folder)
      descriptor = try system.open(target.path + ".part", flags)
    }
    var written = 0
    do { try system.write(bytes, to: descriptor, at: 0, written: &written) } catch {
      system.close(descriptor)
      system.tidy(target.path + ".part")
      throw error
    }
    do { try system.closeWritten(descriptor) } catch {
      system.tidy(target.path + ".part")
      throw error
    }
    return home
  }

  private func makeFolder(_ folder: String) throws(Errno) -> Volume {
    if context.knownFolders.withLock({ $0.contains(folder) }) { return volume }
    if try !context.makeFolders(folder) {
      let home = try context.volumes.volume(ofFolder: folder)
      if home !== volume { return home }
    }
    _ = context.knownFolders.withLock { $0.insert(folder) }
    return volume
  }
}
