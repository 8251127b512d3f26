import Glibc
import ParcelCore
import ParcelTesting
import Synchronization

@testable import ParcelStorage

/// One download on a disk in memory, as a script that is the same each time.
enum StoreLab {
  static let size = (1 << 20) + 70_000
  static let content = FaultObject.content(size, seed: 3)
  static let digest = md5(content)
  static let path = "/disk/out/sub/a.bam"
  static let identity = ObjectIdentity(size: size, etag: "\"1\"")
  static let target = Target(path: path, size: size, digests: [digest])

  static func md5(_ bytes: [UInt8]) -> Digest {
    let value = bytes.withUnsafeBytes { DigestRun.of($0, .md5) } ?? []
    guard let digest = Digest(.md5, bytes: value, source: .manifest) else { preconditionFailure("no MD5") }
    return digest
  }

  /// A process that is no longer there, but for the one that looks.
  static func world(_ calls: any SystemCalls, boot: String = "first", process: Int = 1 << 30)
    -> StoreEnvironment
  {
    var world = StoreEnvironment(calls: calls, boot: boot)
    world.holder.process = process
    return world
  }

  static func store(_ world: StoreEnvironment, _ change: (inout FileStore.Options) -> Void = { _ in })
    -> FileStore
  {
    var options = FileStore.Options(root: "/disk/out")
    options.buffers = 8
    change(&options)
    return FileStore(options, in: world)
  }

  /// What a run said.
  struct Said: Sendable {
    /// `finish` said that the file is complete.
    var isDone = false
    /// Most bytes that were called safe.
    var durable = 0
    /// Those that still were after the last failure.
    var durableAtEnd = 0
    var failures: [Failure] = []
  }

  /// Opens, writes in two segments with journal lines and syncs between, and finishes; leaves at the first failure.
  static func download(_ world: StoreEnvironment, finishes: Bool = true) async -> Said {
    let store = store(world)
    defer { store.shutDown() }
    var said = Said()
    let file: LargeFile
    switch await open(store, target) {
    case .success(.ready(let part)):
      guard let large = part as? LargeFile else { return said }
      file = large
    case .success(.alreadyDone):
      said.isDone = true
      return said
    case .failure(let failure):
      said.failures.append(failure)
      return said
    }
    file.identify(identity)
    let head = file.writer(for: ByteRange(0, 1 << 20))
    let tail = file.writer(for: ByteRange(1 << 20, size))
    let steps: [(any SegmentWriter, Int, syncs: Bool)] = [
      (head, 300_000, false), (tail, (1 << 20) + 10_000, true), (head, 700_000, false), (head, 1 << 20, true),
      (tail, size, false),
    ]
    for (writer, end, syncs) in steps {
      _ = writer.send(content, upTo: end)
      await file.journaled()
      if syncs { await file.synced() }
      said.durable = max(said.durable, file.progress().durable)
      if file.isStopped { break }
    }
    head.close()
    tail.close()
    if finishes, !file.isStopped {
      switch await file.finished(size) {
      case .success:
        said.isDone = true
        return said
      case .failure(let failure): said.failures.append(failure)
      }
    }
    if let failure = await file.suspended() { said.failures.append(failure) }
    said.durableAtEnd = file.progress().durable
    if let failure = file.lock.locked({ file.failure }) { said.failures.append(failure) }
    return said
  }

  static func open(
    _ store: FileStore, _ target: Target, _ events: @escaping @Sendable (PartEvent) -> Void = { _ in }
  )
    async -> Result<OpenResult, Failure>
  {
    await withCheckedContinuation { continuation in
      store.openOrdinary(target, events: events) { continuation.resume(returning: $0) }
    }
  }

  /// A lock that a process was making when it died: a few bytes that mean nothing and that `parcel clean` finds.
  static func isLockDraft(_ path: String) -> Bool {
    path.split(separator: "/").last?.hasPrefix(".parcel-lock.") == true
  }

  /// What is wrong about what a run left on `disk`; nil when nothing is. The next run is another process (and, with
  /// `boot`, another start of the machine): what it finds must be right, `least` bytes of it, and it must complete.
  static func judge(_ disk: MemoryDisk, isDone: Bool, least: Int, boot: String = "first") async -> String? {
    let final = disk.bytes(path)
    if let final, !same(final, content) { return "the final file is wrong" }
    if isDone, final == nil { return "done was said, and there is no final file" }
    let store = store(world(disk, boot: boot, process: Int(getpid())))
    defer { store.shutDown() }
    switch await open(store, target) {
    case .failure(let failure): return "the next run cannot open it: \(failure.sentence)"
    case .success(.alreadyDone): break
    case .success(.ready(let part)):
      if isDone { return "done was said, and the next run begins again" }
      if let problem = claim(part.recovered, disk, least) { return problem }
      part.identify(identity)
      for gap in part.recovered.ranges.missing(in: ByteRange(0, size)).ranges {
        let writer = part.writer(for: gap)
        _ = writer.send(content, upTo: gap.end)
        writer.close()
      }
      if case .failure(let failure) = await part.finished(size) {
        return "the next run cannot finish: \(failure.sentence)"
      }
    }
    guard same(disk.bytes(path) ?? [], content) else { return "the next run's file is wrong" }
    let left = disk.names.filter { $0 != path && !$0.hasSuffix("/out/.parcel-lock") && !Self.isLockDraft($0) }
    return left.isEmpty ? nil : "something is left: \(left)"
  }

  private static func same(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && same(a, b, ByteRange(0, a.count))
  }

  private static func same(_ a: [UInt8], _ b: [UInt8], _ range: ByteRange) -> Bool {
    a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in
        range.isEmpty || memcmp(a.baseAddress! + range.start, b.baseAddress! + range.start, range.count) == 0
      }
    }
  }

  /// What a journal claims must be in the file.
  private static func claim(_ recovered: Recovered, _ disk: MemoryDisk, _ least: Int) -> String? {
    let part = disk.bytes(path + ".part") ?? []
    for range in recovered.ranges.ranges {
      guard range.end <= part.count, same(part, content, range) else {
        return "the journal claims \(range), and that is not what is there"
      }
    }
    if recovered.ranges.count < least {
      return
        "\(least) bytes were safe, and \(recovered.ranges.count) are left (\(recovered.remark ?? "no remark"))"
    }
    return nil
  }
}

extension PartFile {
  func finished(_ size: Int) async -> Result<Finished, Failure> {
    await withCheckedContinuation { continuation in
      finish(size: size, digests: []) { continuation.resume(returning: $0) }
    }
  }
}

extension LargeFile {
  /// Until everything handed over so far is written and in the journal, unsynced.
  func journaled() async {
    for writer in lock.locked({ writers }) { writer.flush(olderThan: .max) }
    await after(volume.writer) { self.appendProgress() }
    // The journal's first lines come from the syncer thread.
    await after(volume.syncer) {}
    await after(volume.writer) { self.appendProgress() }
  }

  /// Until everything handed over so far is synced.
  func synced() async { await after(volume.syncer) { self.sync() } }

  func after(_ workers: Workers, _ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      workers.submit { _ in
        body()
        continuation.resume()
      }
    }
  }
}
