import Glibc
import ParcelCore
import Synchronization

/// A store in memory, with the contract's rules and without threads: completions come at once, on the caller's thread.
/// Digests are not computed: `digestIsRight` decides.
package final class MemoryStore: DownloadStore {
  /// What is under a final name.
  package struct File: Sendable {
    package var bytes: [UInt8]
  }

  private struct State {
    var finished: [String: File] = [:]
    var parts: [String: MemoryPart] = [:]
    var openFailure: Failure?
    var digestIsRight = true
    var right: [UInt8]?
    /// Mount points and their free bytes; the longest that fits counts.
    var volumes: [(place: String, free: Int)] = [("/", .max)]
    var readOnly: Set<String> = []
    /// Folders in which no name can be made.
    var closed: Set<String> = []
    var looks = 0
  }
  private let state = Mutex(State())

  package init() {}

  package func file(_ path: String) -> [UInt8]? { state.withLock { $0.finished[path]?.bytes } }
  package func part(_ path: String) -> MemoryPart? { state.withLock { $0.parts[path] } }
  package func put(_ path: String, _ bytes: [UInt8]) {
    state.withLock { $0.finished[path] = File(bytes: bytes) }
  }
  /// The next opens fail with it; nil: they work again.
  package func failOpens(_ failure: Failure?) { state.withLock { $0.openFailure = failure } }
  /// The digest is that of these bytes.
  package func setRight(_ bytes: [UInt8]) { state.withLock { $0.right = bytes } }
  /// A file system of its own below `place`, with so much room.
  package func setSpace(_ place: String, free: Int) {
    state.withLock { state in
      state.volumes.removeAll { $0.place == place }
      state.volumes.append((place, free))
      state.volumes.sort { $0.place.utf8.count < $1.place.utf8.count }
    }
  }
  /// The file system that is mounted there.
  package func setReadOnly(_ place: String, _ isReadOnly: Bool) {
    state.withLock { state in
      if isReadOnly { state.readOnly.insert(place) } else { state.readOnly.remove(place) }
    }
  }
  /// Nobody may make names in a folder, or in the folders below that are not there yet.
  package func setClosed(_ folder: String, _ isClosed: Bool) {
    state.withLock { state in
      if isClosed { state.closed.insert(folder) } else { state.closed.remove(folder) }
    }
  }
  /// How often somebody asked for the room.
  package var looks: Int { state.withLock { $0.looks } }

  package func space(of path: String, completion: @escaping @Sendable (Result<VolumeSpace, Failure>) -> Void)
  {
    let found = state.withLock { state in
      state.looks += 1
      var space = Self.volume(path, state.volumes)
      space.isReadOnly = state.readOnly.contains(space.place)
      if let closed = state.closed.first(where: { path == $0 || path.hasPrefix($0 + "/") }) {
        (space.folder, space.mayWrite) = (closed, false)
      }
      return space
    }
    completion(.success(found))
  }

  /// File systems are numbered by the length of their mount points.
  private static func volume(_ path: String, _ volumes: [(place: String, free: Int)]) -> VolumeSpace {
    let found = volumes.last { $0.place == "/" || path == $0.place || path.hasPrefix($0.place + "/") }
    let place = found?.place ?? "/"
    return VolumeSpace(
      volume: VolumeID(UInt64(place.utf8.count)), place: place, free: found?.free ?? 0, folder: path)
  }

  fileprivate func volume(of path: String) -> VolumeID {
    state.withLock { Self.volume(path, $0.volumes).volume }
  }

  package func setDigestIsRight(_ right: Bool) { state.withLock { $0.digestIsRight = right } }

  package func open(
    _ target: Target, events: @escaping @Sendable (PartEvent) -> Void,
    completion: @escaping @Sendable (Result<OpenResult, Failure>) -> Void
  ) {
    let result: Result<OpenResult, Failure> = state.withLock { state in
      if let failure = state.openFailure { return .failure(failure) }
      if let file = state.finished[target.path] {
        return .success(.alreadyDone(size: file.bytes.count, verified: !target.digests.isEmpty))
      }
      let part = state.parts[target.path] ?? MemoryPart(path: target.path, store: self)
      state.parts[target.path] = part
      part.reopen(events: events)
      return .success(.ready(part))
    }
    completion(result)
  }

  package func onSpace(_ action: @escaping @Sendable () -> Void) {}
  package func shutDown() {}

  fileprivate func finish(_ part: MemoryPart, size: Int, digests: [Digest]) -> Result<Finished, Failure> {
    let bytes = part.bytes(size)
    return state.withLock { state in
      guard part.stored.prefixEnd == size else {
        return .failure(Failure(.digest, retry: .now, "Only \(part.stored) of \(size) bytes are right."))
      }
      let isRight = state.right.map { $0 == bytes } ?? state.digestIsRight
      guard digests.isEmpty || isRight else {
        // A small file's bytes were in memory only.
        if size < smallFileLimit { part.forget() }
        return .failure(Failure(.digest, retry: .never, "The digest of '\(part.path)' differs."))
      }
      state.finished[part.path] = File(bytes: bytes)
      state.parts[part.path] = nil
      return .success(Finished(size: size, verified: digests.first))
    }
  }
}

package final class MemoryPart: PartFile {
  private struct State {
    var bytes: [UInt8] = []
    var stored = ByteRangeSet()
    var identity: ObjectIdentity?
    var recovered = Recovered()
    var events: (@Sendable (PartEvent) -> Void)?
    /// Bytes of which only the counters know: another run would not find them.
    var unwritten: ByteRange?

    /// Doubles, in one copy: appending bytes one by one is very slow in a debug build.
    mutating func grow(to count: Int) {
      var bigger = [UInt8](repeating: 0, count: max(count, 2 * bytes.count))
      bigger.withUnsafeMutableBytes { new in bytes.withUnsafeBytes { new.copyMemory(from: $0) } }
      bytes = bigger
    }
  }
  private let state = Mutex(State())
  package let path: String
  private let store: MemoryStore

  fileprivate init(path: String, store: MemoryStore) {
    self.path = path
    self.store = store
  }

  package var volumeID: VolumeID? { store.volume(of: path) }
  package var recovered: Recovered { state.withLock { $0.recovered } }
  /// The first `count` bytes, or fewer when there are not as many.
  package func bytes(_ count: Int) -> [UInt8] {
    state.withLock { state in
      state.bytes.withUnsafeBytes { Array(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
  }
  package var stored: ByteRangeSet { state.withLock { $0.stored } }
  package var identity: ObjectIdentity? { state.withLock { $0.identity } }

  fileprivate func reopen(events: @escaping @Sendable (PartEvent) -> Void) {
    state.withLock { state in
      state.events = events
      state.recovered = Recovered(identity: state.identity, ranges: state.stored)
    }
  }

  /// Pretends that bytes on disk went bad.
  fileprivate func forget() { state.withLock { $0.stored = ByteRangeSet() } }

  /// Changes a byte as a bad disk would.
  package func damage(_ offset: Int) { state.withLock { $0.bytes[offset] ^= 1 } }

  // MARK: Repair

  /// Not a real digest, but as long as SHA-256 and different for different bytes.
  package static func digest(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    bytes.withUnsafeBytes { raw in
      for at in stride(from: 0, to: raw.count & ~7, by: 8) {
        hash = (hash ^ raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)) &* 0x100_0000_01b3
      }
      for at in (raw.count & ~7)..<raw.count { hash = (hash ^ UInt64(raw[at])) &* 0x100_0000_01b3 }
    }
    return (0..<32).map { UInt8(truncatingIfNeeded: hash >> (UInt64($0) % 8 * 8)) }
  }

  package func digest(
    of range: ByteRange, _ algorithm: Digest.Algorithm,
    completion: @escaping @Sendable (Result<[UInt8], Failure>) -> Void
  ) { completion(.success(state.withLock { Self.digest($0.bytes[range.start..<range.end]) })) }

  package func drop(_ ranges: [ByteRange], completion: @escaping @Sendable (Failure?) -> Void) {
    state.withLock { state in for range in ranges { state.stored.remove(range) } }
    completion(nil)
  }

  package func prepareComparison(completion: @escaping @Sendable (Failure?) -> Void) { completion(nil) }
  package func settleComparison(completion: @escaping @Sendable (Failure?) -> Void) { completion(nil) }
  package func comparer(for range: ByteRange) -> any SegmentWriter {
    MemoryWriter(self, range, compares: true)
  }

  fileprivate func compare(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    let (differs, events) = state.withLock { state -> (Bool, (@Sendable (PartEvent) -> Void)?) in
      let differs = state.bytes.withUnsafeMutableBytes { raw -> Bool in
        let there = UnsafeMutableRawBufferPointer(rebasing: raw[offset..<offset + bytes.count])
        guard memcmp(there.baseAddress!, bytes.baseAddress!, bytes.count) != 0 else { return false }
        there.copyMemory(from: bytes)
        return true
      }
      return (differs, state.events)
    }
    if differs { events?(.replaced(ByteRange(offset, offset + bytes.count))) }
  }

  package func lose(_ range: ByteRange) {
    let events = state.withLock { state in
      state.stored.remove(range)
      return state.events
    }
    events?(.lost(range))
  }

  /// Fails, and what was received in `unwritten` is not on the disk.
  package func fail(_ failure: Failure, unwritten: ByteRange) {
    state.withLock { $0.unwritten = unwritten }
    fail(failure)
  }

  package func fail(_ failure: Failure) { state.withLock { $0.events }?(.failed(failure)) }

  package func identify(_ identity: ObjectIdentity) { state.withLock { $0.identity = identity } }
  package func writer(for range: ByteRange) -> any SegmentWriter { MemoryWriter(self, range) }
  package func progress() -> PartProgress {
    state.withLock { state in
      PartProgress(
        stored: state.stored, durable: state.stored.count, hashed: state.stored.prefixEnd, kept: state.stored)
    }
  }

  package func finish(
    size: Int, digests: [Digest], completion: @escaping @Sendable (Result<Finished, Failure>) -> Void
  ) { completion(store.finish(self, size: size, digests: digests)) }

  package func suspend(completion: @escaping @Sendable (Failure?) -> Void) {
    state.withLock { state in
      if let range = state.unwritten { state.stored.remove(range) }
      state.unwritten = nil
    }
    completion(nil)
  }

  package func discard(completion: @escaping @Sendable (Failure?) -> Void) {
    state.withLock { $0 = State(events: $0.events) }
    completion(nil)
  }

  fileprivate func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    state.withLock { state in
      let end = offset + bytes.count
      if state.bytes.count < end { state.grow(to: end) }
      // A byte has one owner: writing it twice in one life of the file is a fault of the planner.
      precondition(
        state.stored.count(in: ByteRange(offset, end)) == 0, "bytes \(offset)..<\(end) written twice")
      state.bytes.withUnsafeMutableBytes {
        UnsafeMutableRawBufferPointer(rebasing: $0[offset..<end]).copyMemory(from: bytes)
      }
      state.stored.insert(ByteRange(offset, end))
    }
  }
}

private final class MemoryWriter: SegmentWriter {
  private let part: MemoryPart
  private let state: Mutex<ByteRange>  // position ..< limit

  private let compares: Bool

  init(_ part: MemoryPart, _ range: ByteRange, compares: Bool = false) {
    self.part = part
    self.compares = compares
    state = Mutex(range)
  }

  var position: Int { state.withLock { $0.start } }
  var limit: Int { state.withLock { $0.end } }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    state.withLock { range in
      let count = min(bytes.count, range.count)
      let taken = UnsafeRawBufferPointer(rebasing: bytes[..<count])
      if compares { part.compare(taken, at: range.start) } else { part.put(taken, at: range.start) }
      range.start += count
      return range.isEmpty ? .enough : .more
    }
  }

  func shrink(to offset: Int) -> Int {
    state.withLock { range in
      let block = 1 << 20
      let bounded = max(offset, (range.start + block - 1) / block * block)
      if bounded < range.end { range.end = bounded }
      return range.end
    }
  }

  func extend(to offset: Int) { state.withLock { $0.end = max($0.end, offset) } }
  func close() {}
}
