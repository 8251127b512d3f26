import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// One mounted file system and the threads that wait for it: when its disk hangs, only its own downloads do.
final class Volume: Sendable {
  let device: dev_t
  /// Writes and small files, in order.
  let writer = Workers(threads: 1, scratchBytes: 256 << 10)
  /// Syncs, renames and journals' rewriting.
  let syncer = Workers(threads: 1)
  /// Whole-file digests.
  let hashers: Workers
  let share = BufferPool.Share()
  let batch: SmallBatch

  init(
    device: dev_t, pool: BufferPool, system: System, clock: @escaping @Sendable () -> Int64,
    ledger: Ledger? = nil
  ) {
    self.device = device
    hashers = Workers(
      threads: min(max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1), 4), scratchBytes: 256 << 10)
    batch = SmallBatch(
      writer: writer, syncer: syncer, pool: pool, system: system, clock: clock, ledger: ledger)
  }

  /// Ends its threads after everything that was submitted.
  func stop() {
    hashers.stop()
    writer.stop()
    batch.flush()
    syncer.stop()
  }
}

/// The file systems in use.
final class Volumes: Sendable {
  private let all = Mutex<[Volume]>([])
  private let pool: BufferPool

  private let system: System
  private let clock: @Sendable () -> Int64
  private let ledger: Ledger?

  init(
    pool: BufferPool, system: System, clock: @escaping @Sendable () -> Int64, ledger: Ledger? = nil
  ) {
    self.pool = pool
    self.system = system
    self.clock = clock
    self.ledger = ledger
  }

  func volume(_ device: dev_t) -> Volume {
    all.withLock { volumes in
      if let found = volumes.first(where: { $0.device == device }) { return found }
      let new = Volume(device: device, pool: pool, system: system, clock: clock, ledger: ledger)
      volumes.append(new)
      pool.setShares(volumes.count)
      return new
    }
  }

  /// The file system of a folder, or of the nearest one above it that is there.
  func volume(ofFolder path: String) throws(Errno) -> Volume {
    var folder = path
    while true {
      if let found = try system.status(folder, follow: true) { return volume(found.st_dev) }
      guard folder != "/" else { throw Errno(code: ENOENT) }
      folder = Path.folder(folder)
    }
  }

  var list: [Volume] { all.withLock { $0 } }
}
