import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// Downloads in real files.
package final class FileStore: DownloadStore, Sendable {
  package struct Options: Sendable {
    /// The run's target folder, absolute: it is locked at the first target below it. It is made when it is not there.
    package var root: String
    /// 1 MiB buffers between the network and the disk.
    package var buffers = 32
    /// Bytes of small files in memory at once.
    package var smallBytes = 8 << 20
    /// False: digests are not computed and not compared.
    package var verifies = true
    /// A background sync starts when this many bytes are not synced …
    package var syncBytes = 64 << 20
    /// … or when this many nanoseconds passed since the last.
    package var syncNanoseconds: Int64 = 5_000_000_000
    /// The number that says of what kind a folder's file system is; nil when the folder is not there.
    package var magic: @Sendable (String) -> UInt32? = { FileSystem.magic(of: $0) }
    /// Gives a large file's bytes out of the page cache when they are safe and hashed.
    package var leavesPageCache = true

    /// Files found right in earlier runs need not be read again; nil: all are.
    package var ledger: Ledger?
    /// Files that are there are read even if the ledger knows them (`--rehash`).
    package var rehashes = false

    package init(root: String) { self.root = root }
  }

  let context: StoreContext
  private let openers = Workers(threads: 4)
  let audits = Workers(
    threads: min(max(Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), 1), 4), scratchBytes: 256 << 10)
  /// Looks at free space: a hung disk must not take the openers.
  let lookers = Workers(threads: 2)
  /// The run's lock, or why it could not be had. Nil before the first target.
  private let rootLock = Mutex<Result<LockFile, Failure>?>(nil)
  private let rootVolume = Mutex<Volume?>(nil)

  package init(_ options: Options) { context = StoreContext(options, .kernel()) }

  /// In a world of a test's own.
  package init(_ options: Options, in environment: StoreEnvironment) {
    context = StoreContext(options, environment)
  }

  /// What happens a few times a second, as of `now`; the store's own thread does it unless its world says otherwise.
  package func tick(_ now: Int64) { context.ticker.tick(now) }

  /// Raises the number of buffers to connections + 8.
  package func setConnections(_ count: Int) { context.pool.grow(to: count + 8) }

  package func onSpace(_ action: @escaping @Sendable () -> Void) { context.pool.setOnSpace(action) }

  package func open(
    _ target: Target, events: @escaping @Sendable (PartEvent) -> Void,
    completion: @escaping @Sendable (Result<OpenResult, Failure>) -> Void
  ) {
    openers.submit { [self] _ in
      do throws(Errno) {
        if let failure = try Confinement.failure(target.path, root: context.options.root) {
          return completion(.failure(failure))
        }
      } catch {
        return completion(.failure(.disk("open", target.path, error)))
      }
      if let small = openSmall(target) { return completion(.success(.ready(small))) }
      openOrdinary(target, events: events, completion: completion)
    }
  }

  /// With a part file and a journal. Blocks.
  func openOrdinary(
    _ target: Target, events: @escaping @Sendable (PartEvent) -> Void,
    completion: @escaping @Sendable (Result<OpenResult, Failure>) -> Void
  ) {
    if let failure = lockRoot(for: target.path) { return completion(.failure(failure)) }
    Opening(target, context, events, completion).run()
  }

  /// Nil when anything of the file is there already (itself, its part, its journal or its lock), or when it is not small: the
  /// ordinary way, then, which looks at all of it and clears up behind itself.
  func openSmall(_ target: Target) -> (any PartFile)? {
    guard let size = target.size, size >= 0, size < smallFileLimit, lockRoot(for: target.path) == nil,
      let volume = volumeOfRoot(),
      ["", ".part", ".parcel", LockFile.ending].allSatisfy({ isFree(target.path + $0) })
    else { return nil }
    return SmallFile(target, size: size, context: context, volume: volume)
  }

  private func isFree(_ path: String) -> Bool {
    do { return try context.system.status(path) == nil } catch { return false }
  }

  /// Makes the run's folder and takes its lock, so that what stands in the way of every file is said once. Blocks.
  package func prepare() throws(Failure) {
    if let failure = lockRoot(for: context.options.root + "/x") { throw failure }
  }

  private func volumeOfRoot() -> Volume? {
    rootVolume.withLock { known in
      if known == nil { known = try? context.volumes.volume(ofFolder: context.options.root) }
      return known
    }
  }

  /// Nil when the lock is ours, or `path` is not below the root.
  private func lockRoot(for path: String) -> Failure? {
    let root = context.options.root
    guard Path.isInside(path, root) else { return nil }
    let result = rootLock.withLock { known in
      if case .success(let lock) = known { return Result<LockFile, Failure>.success(lock) }
      let new = Self.takeRootLock(root, context)
      known = new
      return new
    }
    if case .failure(let failure) = result { return failure }
    return nil
  }

  private static func takeRootLock(_ root: String, _ context: StoreContext) -> Result<LockFile, Failure> {
    do throws(Errno) {
      // Else a power cut takes the new folder away, with everything that was safe in it.
      try context.makeFolders(root)
      try context.freshFolders.sync(above: root, context.system)
    } catch { return .failure(.disk("make", root, error)) }
    return LockFile.take(root + "/.parcel-lock", for: root, as: context.holder, context.system)
  }

  package func shutDown() {
    context.isShuttingDown.store(true, ordering: .relaxed)
    openers.stop()
    audits.stop()
    lookers.stop()
    context.ticker.stop()
    for volume in context.volumes.list { volume.stop() }
    context.options.ledger?.close()
    rootLock.withLock { lock in
      if case .success(let held) = lock { held.release() }
      lock = nil
    }
  }
}
