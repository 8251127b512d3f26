import Glibc
import ParcelCore
import ParcelSystem

/// Small files of one file system that are written and wait for the sync that makes them safe. One sync before the
/// renames (no name without its bytes), one after (no "done" without its name), however many files they are.
final class SmallBatch: Ticking, @unchecked Sendable {
  struct Entry: Sendable {
    var path: String
    var overwrite: Bool
    var finished: Finished
    var completion: @Sendable (Result<Finished, Failure>) -> Void
    var partPath: String { path + ".part" }
  }

  private let monitor = Monitor()
  private let writer: Workers
  private let syncer: Workers
  private let pool: BufferPool
  private let system: System
  private let clock: @Sendable () -> Int64
  private var entries: [Entry] = []
  private var since: Int64 = 0
  private var isQueued = false
  private let ledger: Ledger?

  init(
    writer: Workers, syncer: Workers, pool: BufferPool, system: System,
    clock: @escaping @Sendable () -> Int64, ledger: Ledger? = nil
  ) {
    self.ledger = ledger
    self.system = system
    self.clock = clock
    self.writer = writer
    self.syncer = syncer
    self.pool = pool
  }

  func add(_ entry: Entry) {
    monitor.locked {
      if entries.isEmpty { since = clock() }
      entries.append(entry)
    }
  }

  /// On the writer thread, after a small file: when nothing more is under way, there is nothing to wait for.
  func flushIfLast() { if writer.isEmpty, pool.noSmallBytes { flush() } }

  func tick(_ now: Int64) {
    if monitor.locked({ !entries.isEmpty && now - since >= 200_000_000 }) { flush() }
  }

  func flush() {
    let start = monitor.locked {
      guard !entries.isEmpty, !isQueued else { return false }
      isQueued = true
      return true
    }
    if start { syncer.submit { [self] _ in commit() } }
  }

  private func commit() {
    let batch = monitor.locked {
      isQueued = false
      defer { entries = [] }
      return entries
    }
    guard let first = batch.first else { return }
    let folder = Path.folder(first.path)
    do { try system.syncFileSystem(of: folder) } catch {
      return end(batch, { .failure(.disk("sync", $0.path, error)) })
    }
    var stamps: [stat?] = []
    var results: [Failure?] = batch.map { entry in
      let failure = rename(entry)
      // At once: what somebody else changes from now on must not look like ours.
      stamps.append(failure == nil && ledger != nil ? (try? system.status(entry.path)).flatMap { $0 } : nil)
      return failure
    }
    do { try system.syncFileSystem(of: folder) } catch {
      for index in results.indices where results[index] == nil {
        results[index] = .disk("sync", batch[index].path, error)
      }
    }
    for (index, (entry, failure)) in zip(batch, results).enumerated() {
      if failure == nil, let found = stamps[index] { note(entry, found) }
      entry.completion(failure.map { .failure($0) } ?? .success(entry.finished))
    }
  }

  private func note(_ entry: Entry, _ found: stat) {
    guard let ledger, let digest = entry.finished.verified, Int(found.st_size) == entry.finished.size else {
      return
    }
    ledger.noteRenamed(entry.path, found, [digest])
  }

  private func rename(_ entry: Entry) -> Failure? {
    do {
      try system.rename(entry.partPath, to: entry.path, replace: entry.overwrite)
      return nil
    } catch {
      system.tidy(entry.partPath)
      if error.code == EEXIST { return .exists(entry.path, "another file came there meanwhile") }
      return .disk("rename", entry.partPath, error)
    }
  }

  /// Nothing of these files is safe, so nothing is left of them.
  private func end(_ batch: [Entry], _ result: (Entry) -> Result<Finished, Failure>) {
    for entry in batch {
      system.tidy(entry.partPath)
      entry.completion(result(entry))
    }
  }
}
