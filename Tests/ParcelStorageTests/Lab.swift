import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Synchronization
import Testing

@testable import ParcelStorage

/// A temporary folder with a store in it.
final class Lab: Sendable {
  let root: String
  private let current: Mutex<FileStore?>

  init(_ change: (inout FileStore.Options) -> Void = { _ in }) {
    var template = Array("/tmp/parcel-test-XXXXXX\0".utf8CString)
    mkdtemp(&template)
    let root = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    self.root = root
    var options = FileStore.Options(root: root)
    change(&options)
    current = Mutex(FileStore(options))
  }

  deinit {
    shutDown()
    Self.removeTree(root)
  }

  var store: FileStore { current.withLock { $0 ?? FileStore(FileStore.Options(root: root)) } }

  func shutDown() {
    let store = current.withLock { store in
      defer { store = nil }
      return store
    }
    store?.shutDown()
  }

  /// Another run in the same folder.
  func restart(_ change: (inout FileStore.Options) -> Void = { _ in }) {
    shutDown()
    var options = FileStore.Options(root: root)
    change(&options)
    let new = FileStore(options)
    current.withLock { $0 = new }
  }

  func path(_ name: String) -> String { root + "/" + name }

  func bytes(_ name: String) -> [UInt8]? { (try? System.contents(path(name))).flatMap { $0 } }

  func text(_ name: String) -> String { String(decoding: bytes(name) ?? [], as: UTF8.self) }

  func put(_ bytes: some Sequence<UInt8>, _ name: String) throws {
    let descriptor = try System.open(path(name), O_WRONLY | O_CREAT | O_TRUNC)
    defer { close(descriptor) }
    var written = 0
    try Array(bytes).withUnsafeBytes { (raw) throws in
      try System.write(raw, to: descriptor, at: 0, written: &written)
    }
  }

  /// Changes bytes of a file in place.
  func patch(_ name: String, at offset: Int, _ bytes: [UInt8]) throws {
    let descriptor = try System.open(path(name), O_WRONLY)
    defer { close(descriptor) }
    var written = 0
    try bytes.withUnsafeBytes { (raw) throws in
      try System.write(raw, to: descriptor, at: offset, written: &written)
    }
  }

  /// Names in the root, sorted, the run's lock left out.
  var names: [String] { Self.names(root).filter { $0 != ".parcel-lock" } }

  static func names(_ folder: String) -> [String] {
    guard let stream = opendir(folder) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
        String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func removeTree(_ path: String) {
    for name in names(path) {
      if unlink(path + "/" + name) != 0 { removeTree(path + "/" + name) }
    }
    rmdir(path)
  }

  // MARK: Calls with answers

  func open(_ target: Target, events: Events = Events()) async throws -> OpenResult {
    try await withCheckedContinuation { continuation in
      // The small way has tests of its own.
      store.openOrdinary(target, events: events.take) { continuation.resume(returning: $0) }
    }.get()
  }

  func ready(_ target: Target, events: Events = Events()) async throws -> LargeFile {
    guard case .ready(let file) = try await open(target, events: events) else {
      throw Failure(.input, retry: .never, "the target is complete already")
    }
    return try #require(file as? LargeFile)
  }

  func failure(_ target: Target) async -> Failure? {
    do {
      let result = try await open(target)
      if case .ready(let file) = result { _ = await file.suspended() }
      return nil
    } catch { return error as? Failure }
  }
}

/// What a part file said unasked.
final class Events: Sendable {
  private let monitor = Monitor()
  private let seen = Mutex<[PartEvent]>([])

  var take: @Sendable (PartEvent) -> Void {
    { event in
      self.monitor.locked {
        self.seen.withLock { $0.append(event) }
        self.monitor.wakeAll()
      }
    }
  }

  /// Blocks until the first event.
  func first() -> PartEvent {
    monitor.locked {
      while true {
        if let event = seen.withLock({ $0.first }) { return event }
        monitor.wait()
      }
    }
  }

  var all: [PartEvent] { seen.withLock { $0 } }

  var lost: [ByteRange] {
    seen.withLock { $0.compactMap { if case .lost(let range) = $0 { range } else { nil } } }
  }

  var failures: [Failure] {
    seen.withLock { $0.compactMap { if case .failed(let failure) = $0 { failure } else { nil } } }
  }
}

extension PartFile {
  func finished(_ size: Int, _ digests: [Digest] = []) async throws -> Finished {
    try await withCheckedContinuation { continuation in
      finish(size: size, digests: digests) { continuation.resume(returning: $0) }
    }.get()
  }

  func finishFailure(_ size: Int, _ digests: [Digest] = []) async -> Failure? {
    do {
      _ = try await finished(size, digests)
      return nil
    } catch { return error as? Failure }
  }

  func discarded() async -> Failure? {
    await withCheckedContinuation { continuation in discard { continuation.resume(returning: $0) } }
  }

  /// Writes `bytes` of the file in `range` through a writer of its own, `step` bytes a call.
  func fill(_ range: ByteRange, from bytes: [UInt8], step: Int = 16 << 10) -> WriteAnswer {
    let writer = writer(for: range)
    defer { writer.close() }
    return writer.send(bytes, upTo: range.end, step: step)
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
  func synced() async {
    await journaled()
    await after(volume.syncer) { self.sync() }
  }

  private func after(_ workers: Workers, _ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
      workers.submit { _ in
        body()
        continuation.resume()
      }
    }
  }
}

/// Bytes that look random and are the same each time.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: count)
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  bytes.withUnsafeMutableBytes { raw in
    for index in stride(from: 0, to: count & ~7, by: 8) {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      raw.storeBytes(of: state, toByteOffset: index, as: UInt64.self)
    }
    for index in (count & ~7)..<count { raw[index] = UInt8(truncatingIfNeeded: index) }
  }
  return bytes
}

func md5(_ bytes: [UInt8], source: Digest.Source = .manifest) -> Digest {
  let value = bytes.withUnsafeBytes { DigestRun.of($0, .md5) } ?? []
  guard let digest = Digest(.md5, bytes: value, source: source) else { preconditionFailure("no MD5 here") }
  return digest
}
