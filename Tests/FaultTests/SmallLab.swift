import Glibc
import ParcelCore
import ParcelTesting
import Synchronization

@testable import ParcelStorage

/// Several small files in one batch on a disk in memory.
enum SmallLab {
  struct File: Sendable {
    var path: String
    var content: [UInt8]
    var target: Target
  }

  static let files: [File] = [
    ("a", 1), ("empty", 0), ("one/b", 700), ("one/c", 70_000), ("two/deep/d", 5000),
  ]
  .enumerated().map { index, entry in
    let content = FaultObject.content(entry.1, seed: UInt64(index + 20))
    let path = "/disk/out/" + entry.0
    // Not every server says a digest.
    let digests = index == 3 ? [] : [StoreLab.md5(content)]
    return File(
      path: path, content: content, target: Target(path: path, size: content.count, digests: digests))
  }

  struct Said: Sendable {
    /// By file: nil when it was called done.
    var failures: [Failure?] = []
    var isDone: Bool { failures.allSatisfy { $0 == nil } }
  }

  /// Brings all bytes, then finishes all, so that one batch makes them safe. What cannot be opened as a small file goes the
  /// ordinary way.
  static func download(_ world: StoreEnvironment) async -> Said {
    let store = StoreLab.store(world)
    var said = Said(failures: files.map { Failure.cancelled($0.path) })
    var parts: [(any PartFile)?] = []
    for (index, file) in files.enumerated() {
      switch await opened(store, file.target) {
      case .failure(let failure):
        said.failures[index] = failure
        parts.append(nil)
      case .success(.alreadyDone):
        said.failures[index] = nil
        parts.append(nil)
      case .success(.ready(let part)):
        part.identify(ObjectIdentity(size: file.content.count, etag: "\"1\""))
        let writer = part.writer(for: ByteRange(0, file.content.count))
        _ = writer.send(file.content, upTo: file.content.count)
        writer.close()
        parts.append(part)
      }
    }
    await finish(parts, &said, store)
    for (index, part) in parts.enumerated() where said.failures[index] != nil { _ = await part?.suspended() }
    store.shutDown()
    return said
  }

  private static func finish(_ parts: [(any PartFile)?], _ said: inout Said, _ store: FileStore) async {
    let open = parts.indices.filter { parts[$0] != nil }
    if open.isEmpty { return }
    let answers = Mutex([Int: Failure?]())
    await withCheckedContinuation { (ended: CheckedContinuation<Void, Never>) in
      for index in open {
        parts[index]?.finish(size: files[index].content.count, digests: []) { result in
          var failure: Failure?
          if case .failure(let found) = result { failure = found }
          let count = answers.withLock { answers in
            answers[index] = .some(failure)
            return answers.count
          }
          if count == open.count { ended.resume() }
        }
      }
      // As the next tick would: behind a file that went the ordinary way, no small one knows that it is the last.
      for volume in store.context.volumes.list { volume.writer.submit { _ in volume.batch.flush() } }
    }
    for (index, answer) in answers.withLock({ $0 }) { said.failures[index] = answer }
  }

  private static func opened(_ store: FileStore, _ target: Target) async -> Result<OpenResult, Failure> {
    await withCheckedContinuation { continuation in
      store.open(target, events: { _ in }) { continuation.resume(returning: $0) }
    }
  }

  /// What is wrong about what a run left; nil when nothing is. The next run must complete everything.
  static func judge(_ disk: MemoryDisk, _ said: Said, boot: String) async -> String? {
    for (index, file) in files.enumerated() {
      let final = disk.bytes(file.path)
      if let final, !same(final, file.content) { return "\(file.path) is wrong (\(final.count) bytes)" }
      if said.failures[index] == nil, final == nil { return "\(file.path) was called done, and is not there" }
    }
    let ends = ["", ".part", ".parcel", ".parcel-lock"]
    let ours = files.flatMap { file in ends.map { file.path + $0 } }
    let strange = disk.names.filter {
      !ours.contains($0) && $0 != "/disk/out/.parcel-lock" && !StoreLab.isLockDraft($0)
    }
    if !strange.isEmpty { return "something strange is left: \(strange)" }
    let next = await download(StoreLab.world(disk, boot: boot, process: Int(getpid())))
    if let failure = next.failures.compactMap({ $0 }).first { return "the next run: \(failure.sentence)" }
    for file in files where !same(disk.bytes(file.path) ?? [1, 2], file.content) {
      return "the next run's \(file.path) is wrong"
    }
    let left = disk.names.filter { name in
      !files.contains { $0.path == name } && !name.hasSuffix("/out/.parcel-lock")
        && !StoreLab.isLockDraft(name)
    }
    return left.isEmpty ? nil : "something is left: \(left)"
  }
}
