import Glibc
import ParcelCore
import ParcelSystem

/// Opening one target, on an opener thread: looks at the final name, then at what an earlier run left.
struct Opening: Sendable {
  let target: Target
  let context: StoreContext
  private var system: System { context.system }
  let events: @Sendable (PartEvent) -> Void
  let completion: @Sendable (Result<OpenResult, Failure>) -> Void

  init(
    _ target: Target, _ context: StoreContext, _ events: @escaping @Sendable (PartEvent) -> Void,
    _ completion: @escaping @Sendable (Result<OpenResult, Failure>) -> Void
  ) {
    self.target = target
    self.context = context
    self.events = events
    self.completion = completion
  }

  func run() {
    do throws(Errno) {
      let volume = try context.volumes.volume(ofFolder: Path.folder(target.path))
      var found = try system.status(target.path, follow: true)
      // A link to nothing is something, too.
      if found == nil { found = try system.status(target.path) }
      if let found {
        try judgeFinal(found, volume)
      } else {
        try openPart(volume)
      }
    } catch {
      completion(.failure(.disk("open", target.path, error)))
    }
  }

  // MARK: The final file

  private func judgeFinal(_ found: stat, _ volume: Volume) throws(Errno) {
    guard found.st_mode & S_IFMT == S_IFREG else {
      return completion(.failure(.exists(target.path, "it is not an ordinary file")))
    }
    let size = Int(found.st_size)
    if let wanted = target.size, wanted != size {
      let how =
        "it has \(Grouped.text(size)) bytes, \(Grouped.text(wanted)) are wanted, so it differs from the "
        + "download"
      return try refuseFinal(how, volume)
    }
    if context.options.verifies, !target.digests.isEmpty {
      let ledger = context.options.rehashes ? nil : context.options.ledger
      if ledger?.vouches(for: target.path, FileStamp(found), target.digests) == true {
        return alreadyDone(size, verified: true)
      }
      volume.hashers.submit { compareFinal(size, volume, $0) }
    } else if target.size != nil {
      alreadyDone(size, verified: false)
    } else {
      try refuseFinal("whether it is the wanted file is not known (no size, no digest)", volume)
    }
  }

  private func refuseFinal(_ how: String, _ volume: Volume) throws(Errno) {
    if target.overwrite { return try openPart(volume) }
    completion(.failure(.exists(target.path, how)))
  }

  private func alreadyDone(_ size: Int, verified: Bool) {
    // Killed between the rename and this: the bytes are under their final name, nothing is left to describe.
    let partIsThere = (try? system.status(target.path + ".part")).flatMap { $0 } != nil
    if !partIsThere { removeRemains() }
    completion(.success(.alreadyDone(size: size, verified: verified)))
  }

  private func removeRemains() {
    let lock = target.path + ".parcel-lock"
    if (try? system.status(lock)).flatMap({ $0 }) != nil {
      guard case .success(let taken) = LockFile.take(lock, for: target.path, as: context.holder, system)
      else {
        return
      }
      taken.release()
    }
    system.tidy(target.path + ".parcel")
    system.tidy(JournalFile.newPath(target.path + ".parcel"))
  }

  /// On a hash thread.
  private func compareFinal(_ size: Int, _ volume: Volume, _ scratch: UnsafeMutableRawBufferPointer) {
    do throws(Errno) {
      let runs = target.digests.compactMap { DigestRun($0.algorithm) }
      let moment = FileStamp.cautiousNow
      let before = try system.status(target.path, follow: true).map { FileStamp($0) }
      guard try hash(runs, scratch) else { return completion(.failure(.cancelled(target.path))) }
      let values = runs.map { $0.finish() }
      guard runs.count == target.digests.count, values == target.digests.map(\.bytes) else {
        let wanted = target.digests[0]
        let found = values.first.map { Hex.encode($0) } ?? "unknown"
        return try refuseFinal(
          "its \(wanted.algorithm.rawValue) is \(found), \(wanted.hex) is wanted, so it differs from the download",
          volume)
      }
      if let before, let after = try system.status(target.path, follow: true), FileStamp(after) == before {
        context.options.ledger?.note(target.path, before, target.digests, knownAt: moment)
      }
      alreadyDone(size, verified: true)
    } catch {
      completion(.failure(.disk("read", target.path, error)))
    }
  }

  /// False when the store shuts down meanwhile.
  private func hash(_ runs: [DigestRun], _ scratch: UnsafeMutableRawBufferPointer) throws(Errno) -> Bool {
    let descriptor = try system.open(target.path, O_RDONLY)
    defer { system.close(descriptor) }
    var offset = 0
    while true {
      if context.isShuttingDown.load(ordering: .relaxed) { return false }
      let count = try system.read(descriptor, into: scratch, at: offset)
      if count == 0 { return true }
      let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      for run in runs { run.update(bytes) }
      offset += count
    }
  }

  // MARK: The part

  private func openPart(_ volume: Volume) throws(Errno) {
    let folder = Path.folder(target.path)
    let kind = kind(of: folder)
    if let size = target.size, let largest = FileSystemKind.largestFile(kind), size > largest {
      return completion(.failure(.disk("make", target.path, Errno(code: EFBIG))))
    }
    var lock: LockFile?
    if try system.status(folder, follow: true) != nil {
      switch LockFile.take(target.path + ".parcel-lock", for: target.path, as: context.holder, system) {
      case .success(let taken): lock = taken
      case .failure(let failure): return completion(.failure(failure))
      }
    }
    do throws(Errno) {
      let file = try recover(volume)
      file.lockFile = lock
      if !FileSystemKind.hasHoles(kind) { file.wantOrder() }
      context.ticker.add(file)
      let hasUndigested = !file.undigested.isEmpty
      completion(.success(.ready(file)))
      if hasUndigested { volume.writer.submit { file.digestCompleteBlocks($0) } }
      file.kickFollower()
    } catch {
      lock?.release()
      throw error
    }
  }

  /// Of the file system where `folder` is, or will be.
  private func kind(of folder: String) -> String? {
    var folder = folder
    while folder != "/" {
      if let magic = context.options.magic(folder) { return FileSystemKind.name(magic: magic) }
      folder = Path.folder(folder)
    }
    return nil
  }

  private func empty(_ volume: Volume, _ remark: String?) -> LargeFile {
    LargeFile(target, context: context, volume: volume, recovered: Recovered(remark: remark), events: events)
  }

  private func recover(_ volume: Volume) throws(Errno) -> LargeFile {
    // The power went while a journal was being replaced: what is not under its name does not count.
    system.tidy(JournalFile.newPath(target.path + ".parcel"))
    // Both are written to: a link would lead the bytes to somebody else's file.
    let part = try ordinary(target.path + ".part")
    let journal =
      try ordinary(target.path + ".parcel") == nil ? nil : system.contents(target.path + ".parcel")
    if journal == nil, part == nil { return empty(volume, nil) }
    let found = JournalRecovery(
      journal: journal, partSize: part.map { Int($0.st_size) }, target: target, boot: context.boot,
      name: Path.name(target.path))
    switch found {
    case .refuse(let remark): return empty(volume, remark)
    case .keep(let object, let trusted, let doubtful, let state, let validLength):
      let descriptor = try system.open(target.path + ".part", O_RDWR | O_NOFOLLOW)
      var keeper = Keeper(object: object, claim: trusted, state: state, validLength: validLength)
      keeper.decide(doubtful, descriptor, system)
      return try keeper.file(self, volume, descriptor, journal?.count ?? 0)
    }
  }

  /// Nil when nothing is there; throws for what is no ordinary file.
  private func ordinary(_ path: String) throws(Errno) -> stat? {
    guard let found = try system.status(path) else { return nil }
    switch found.st_mode & S_IFMT {
    case S_IFREG: return found
    case S_IFLNK: throw Errno(code: ELOOP)
    default: throw Errno(code: EISDIR)
    }
  }

  /// Makes a file of what can be kept.
  private struct Keeper {
    let object: JournalObject
    var claim: JournalState.Claim
    let state: JournalState
    let validLength: Int
    var dropped = 0

    /// Reads the doubtful blocks again: written after the last sync, before the machine went down.
    mutating func decide(_ doubtful: [Int: UInt64], _ descriptor: Int32, _ system: System) {
      guard let layout = state.layout, !doubtful.isEmpty else { return }
      let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
      defer { scratch.deallocate() }
      for block in doubtful.keys.sorted() {
        if BlockDigest.reread(descriptor, layout.range(block), scratch: scratch, system) == doubtful[block] {
          claim.blocks[block] = doubtful[block]
        } else {
          // What is in it of an older block of that number is not sure either.
          claim.blocks[block] = nil
          dropped += 1
        }
      }
    }

    func file(_ opening: Opening, _ volume: Volume, _ descriptor: Int32, _ length: Int) throws(Errno)
      -> LargeFile
    {
      guard let layout = state.layout else { return opening.empty(volume, nil) }
      let isSameBoot = state.boot == opening.context.boot
      let ranges = claim.ranges(layout)
      let remark =
        dropped == 0
        ? nil
        : "\(dropped) blocks of '\(Path.name(opening.target.path)).part' did not survive the machine's restart: they "
          + "are fetched again."
      let file = LargeFile(
        opening.target, context: opening.context, volume: volume,
        recovered: Recovered(identity: object.identity, ranges: ranges, remark: remark),
        events: opening.events)
      file.descriptor = descriptor
      file.identity = object.identity
      file.setLayout(object.identity.size)
      file.stored = ranges
      file.said = ranges
      file.journaled = ranges
      file.blocks = claim.blocks
      for range in ranges.ranges {
        for block in layout.wholeBlocks(in: range) where claim.blocks[block] == nil {
          file.undigested.insert(block)
        }
      }
      file.suspects = claim.blocks.keys.sorted(by: >)
      file.durable = isSameBoot ? state.durable.ranges(layout) : ranges
      file.unsynced = ranges.count - file.durable.count
      file.lastSync = opening.context.now()
      try resumeJournal(file, isSameBoot)
      return file
    }

    private func resumeJournal(_ file: LargeFile, _ isSameBoot: Bool) throws(Errno) {
      try file.journalLock.lockedThrowing { () throws(Errno) in
        if isSameBoot {
          file.journal = try JournalFile(
            resuming: file.journalPath, records: state.records, length: validLength, file.system)
          file.resumeExtra(state.all.extra)
        } else {
          try file.system.syncData(file.descriptor)
          try file.rewriteJournal()
        }
      }
    }
  }
}

extension LargeFile {
  /// What the journal's last line about partial blocks says.
  func resumeExtra(_ extra: ByteRangeSet) { journaledExtra = extra }
}
