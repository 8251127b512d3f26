import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// One download's bytes on disk, with a journal: `NAME.part` and `NAME.parcel`.
///
/// Who does what: `SegmentBuffer`s hand over full buffers, the volume's writer thread writes them and notes blocks
/// (+Write), the syncer thread syncs and rewrites the journal (+Journal), a hash thread follows the written prefix
/// (+Follow), and the three ways out are in +End. Two locks: `journalLock` before `lock`, never the other way round.
final class LargeFile: PartFile, Ticking, @unchecked Sendable {
  enum Phase {
    case open
    /// `finish` was called, bytes and digest are not complete.
    case finishing
    /// The digest is being compared, or the file renamed.
    case committing
    /// `suspend` or `discard` is at work.
    case leaving
    case closed
  }

  struct FinishRequest {
    var size: Int
    /// What to compare; empty for nothing.
    var digests: [Digest]
    /// Everything is written.
    var isWritten = false
    var completion: @Sendable (Result<Finished, Failure>) -> Void
  }

  let context: StoreContext
  let volume: Volume
  let target: Target
  let events: @Sendable (PartEvent) -> Void
  private(set) var recovered: Recovered
  var volumeID: VolumeID? { volume.id }

  var system: System { context.system }
  var partPath: String { target.path + ".part" }
  var journalPath: String { target.path + ".parcel" }
  var lockPath: String { target.path + ".parcel-lock" }

  private let stopFlag = Atomic(false)
  private let blockBytes = Atomic(BlockLayout.smallestBlock)

  /// Guards the journal file and the order of its records.
  let journalLock = Monitor()
  var journal: JournalFile?

  /// Guards everything below.
  let lock = Monitor()
  var phase = Phase.open
  var finishRequest: FinishRequest?
  var whenCommitted: (@Sendable () -> Void)?
  var failure: Failure?
  var descriptor: Int32 = -1
  var lockFile: LockFile?
  var identity: ObjectIdentity?
  var layout: BlockLayout?
  var writers: [SegmentBuffer] = []

  // Bytes.
  var stored = ByteRangeSet()
  /// XXH3 of complete blocks.
  var blocks: [Int: UInt64] = [:]
  /// Complete blocks whose digest is not known yet.
  var undigested: Set<Int> = []

  // Journal.
  var freshBlocks: [Int] = []
  var freshLost: [ByteRange] = []
  var journaledExtra = ByteRangeSet()
  var isDirty = false
  var journalQueued = false
  var lastAppend: Int64 = 0
  /// What the journal's lines claim.
  var said = ByteRangeSet()
  /// What of it has reached the journal.
  var journaled = ByteRangeSet()
  /// What a `synced` line of the journal covers.
  var durable = ByteRangeSet()
  var syncCapture = ByteRangeSet()
  var isSyncing = false
  var lastSync: Int64 = 0
  var unsynced = 0
  /// Up to here the file's bytes were given out of the page cache.
  var uncached = 0

  // Follower.
  var runs: [DigestRun] = []
  var hashed = 0
  /// Blocks of an earlier run that were not read again yet, descending.
  var suspects: [Int] = []
  var isFollowing = false
  var whenFollowerIdle: (@Sendable () -> Void)?
  /// The follower waits: bytes that it has read may be replaced.
  var isFollowerHeld = false

  init(
    _ target: Target, context: StoreContext, volume: Volume, recovered: Recovered,
    events: @escaping @Sendable (PartEvent) -> Void
  ) {
    self.target = target
    self.context = context
    self.volume = volume
    self.recovered = recovered
    self.events = events
    if context.options.verifies { runs = target.digests.compactMap { DigestRun($0.algorithm) } }
  }

  /// Before anyone else knows the file.
  func wantOrder() { recovered.wantsOrder = true }

  deinit { if descriptor >= 0 { system.close(descriptor) } }

  /// True from the moment on when writers have to answer `.stop`.
  var isStopped: Bool { stopFlag.load(ordering: .acquiring) }
  var blockSize: Int { blockBytes.load(ordering: .acquiring) }

  func setStopped(_ stopped: Bool) { stopFlag.store(stopped, ordering: .releasing) }

  func identify(_ identity: ObjectIdentity) {
    let isNew = lock.locked {
      // An answer without a length may be followed by one that has it.
      if let old = self.identity, old.size != nil {
        precondition(old.size == identity.size, "another object needs discard() first")
        return false
      }
      self.identity = identity
      setLayout(identity.size)
      guard let layout else { return false }
      // At once: from here on what lands is noted by blocks, and the journal is written by them.
      for range in stored.ranges { undigested.formUnion(layout.wholeBlocks(in: range)) }
      return true
    }
    // Bytes may have come before the name did.
    if isNew {
      volume.writer.submit { [self] scratch in
        beginJournalIfTight()
        digestCompleteBlocks(scratch)
      }
    }
  }

  /// With `lock` held, or before anyone else knows the file.
  func setLayout(_ size: Int?) {
    layout = size.map { BlockLayout(size: $0) }
    blockBytes.store(layout?.blockSize ?? BlockLayout.smallestBlock, ordering: .releasing)
  }

  func writer(for range: ByteRange) -> any SegmentWriter { addWriter(SegmentBuffer(self, range)) }

  func addWriter(_ writer: SegmentBuffer) -> any SegmentWriter {
    let isOpen = lock.locked {
      guard phase == .open, failure == nil else { return false }
      writers.append(writer)
      return true
    }
    if !isOpen { writer.close() }
    return writer
  }

  func writerClosed(_ writer: SegmentBuffer) {
    lock.locked { writers.removeAll { $0 === writer } }
  }

  /// Every byte the writers still hold goes to the writer thread, before anything submitted afterwards.
  func closeWriters() {
    for writer in lock.locked({ writers }) { writer.close() }
  }

  func progress() -> PartProgress {
    lock.locked {
      PartProgress(
        stored: stored, durable: durable.count, hashed: runs.isEmpty ? 0 : hashed, kept: journaled)
    }
  }

  /// Writing, reading or syncing does not work: writers stop, a waiting `finish` ends, the rest is up to the engine.
  func fail(_ failure: Failure) {
    setStopped(true)
    let (isFirst, request) = lock.locked {
      guard self.failure == nil else { return (false, FinishRequest?.none) }
      self.failure = failure
      return (true, takeFinishRequest())
    }
    guard isFirst else { return }
    events(.failed(failure))
    request?.completion(.failure(failure))
  }

  /// With `lock` held: ends the state `finishing`.
  func takeFinishRequest() -> FinishRequest? {
    guard phase == .finishing else { return nil }
    phase = .open
    defer { finishRequest = nil }
    return finishRequest
  }

  /// Bytes older than 0.2 s go to the file, progress older than 0.3 s to the journal: with ticks every 0.2 s a killed
  /// process loses less than a second.
  func tick(_ now: Int64) {
    for writer in lock.locked({ writers }) { writer.flush(olderThan: now - 200_000_000) }
    let (append, sync) = lock.locked {
      guard phase == .open || phase == .finishing, failure == nil, layout != nil else {
        return (false, false)
      }
      let append = isDirty && !journalQueued && now - lastAppend >= 300_000_000
      if append { journalQueued = true }
      let sync = unsynced > 0 && !isSyncing && now - lastSync >= context.options.syncNanoseconds
      if sync { isSyncing = true }
      return (append, sync)
    }
    if append { volume.writer.submit { [self] _ in appendProgress() } }
    if sync { volume.syncer.submit { [self] _ in self.sync() } }
  }
}
