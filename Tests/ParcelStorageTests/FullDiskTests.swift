import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

/// A small file system of its own, where this user may mount one.
struct SmallDisk {
  let path: String

  /// Nil, with the reason in the test's output, where nothing can be mounted.
  init?(_ kind: String, megabytes: Int, in folder: TemporaryFolder) {
    path = folder.path + "/disk"
    let image = folder.path + "/image"
    do {
      try folder.makeFolder("disk")
      if kind == "tmpfs" {
        try Spawn.run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path])
      } else {
        try Spawn.run(["truncate", "-s", "\(megabytes)M", image])
        try Spawn.run(["mkfs.\(kind)", "-q", image])
        try Spawn.run(["mount", "-o", "loop", image, path])
      }
    } catch {
      print("skipped: a small \(kind) cannot be mounted here (\(error))")
      return nil
    }
  }

  func remove() { try? Spawn.run(["umount", path]) }
}

@Suite(.serialized) struct FullDiskTests {
  private func store(_ disk: SmallDisk) -> FileStore {
    var options = FileStore.Options(root: disk.path + "/out")
    options.buffers = 16
    return FileStore(options)
  }

  private func open(_ store: FileStore, _ path: String, size: Int, _ events: Events = Events()) async throws
    -> LargeFile
  {
    let target = Target(path: path, size: size, digests: [])
    let result = await withCheckedContinuation { continuation in
      store.openOrdinary(target, events: events.take) { continuation.resume(returning: $0) }
    }
    guard case .ready(let file) = try result.get() else { throw FixtureError("not open") }
    return try #require(file as? LargeFile)
  }

  private func space(_ store: FileStore, _ path: String) async throws -> VolumeSpace {
    try await withCheckedContinuation { continuation in
      store.space(of: path) { continuation.resume(returning: $0) }
    }.get()
  }

  @Test(arguments: ["tmpfs", "ext4"])
  func onAFullDiskWhatIsKeptIsWhatIsThereAndItGoesOnWithRoom(kind: String) async throws {
    let folder = try TemporaryFolder("parcel-full")
    defer { folder.remove() }
    guard let disk = SmallDisk(kind, megabytes: 24, in: folder) else { return }
    defer { disk.remove() }
    let size = 20 << 20
    let bytes = pattern(size)
    try Spawn.run(["mkdir", disk.path + "/out"])
    try Spawn.run(["sh", "-c", "head -c 14000000 /dev/zero > \(disk.path)/ballast"])

    let first = store(disk)
    let events = Events()
    let file = try await open(first, disk.path + "/out/f", size: size, events)
    file.identify(ObjectIdentity(size: size, etag: "\"v\""))
    _ = file.fill(ByteRange(0, size), from: bytes)
    guard case .failed(let failure) = events.first() else {
      Issue.record("no failure")
      return
    }
    #expect(failure.retry == .held(.space), "\(failure)")
    _ = await file.suspended()
    let kept = try #require(file.progress().kept)
    #expect(kept.count < size)
    let room = try await space(first, disk.path + "/out")
    #expect(room.place == disk.path && room.free < 4 << 20)
    first.shutDown()

    // Another look: the journal speaks of just these bytes, and they are right.
    unlink(disk.path + "/ballast")
    let second = store(disk)
    #expect(try await space(second, disk.path + "/out/not/there").free > 10 << 20)
    let again = try await open(second, disk.path + "/out/f", size: size)
    #expect(again.recovered.ranges == kept)
    for range in ByteRangeSet([ByteRange(0, size)]).ranges {
      for hole in again.recovered.ranges.missing(in: range).ranges { _ = again.fill(hole, from: bytes) }
    }
    let done = try await again.finished(size, [md5(bytes)])
    #expect(done.verified != nil)
    second.shutDown()
  }

  @Test func aFullDiskStopsASmallFileAndLeavesNothingOfIt() async throws {
    let folder = try TemporaryFolder("parcel-full")
    defer { folder.remove() }
    guard let disk = SmallDisk("tmpfs", megabytes: 4, in: folder) else { return }
    defer { disk.remove() }
    let store = store(disk)
    try store.prepare()
    _ = try? Spawn.run(["sh", "-c", "cat /dev/zero > \(disk.path)/ballast 2>/dev/null"])
    let bytes = pattern(300_000)
    let target = Target(path: disk.path + "/out/s", size: bytes.count, digests: [])
    let file = try #require(store.openSmall(target))
    _ = file.fill(ByteRange(0, bytes.count), from: bytes)
    let failure = await file.finishFailure(bytes.count)
    #expect(failure?.retry == .held(.space))
    #expect(Lab.names(disk.path + "/out").filter { $0 != ".parcel-lock" } == [])
    store.shutDown()
  }

  @Test func aFileSystemWithoutHolesGetsItsBytesInOrderAndNoFileThatItCannotHold() async throws {
    let lab = Lab { $0.magic = { _ in 0x4D44 } }
    let small = try await lab.ready(Target(path: lab.path("a"), size: 9 << 20, digests: []))
    #expect(small.recovered.wantsOrder)
    _ = await small.suspended()
    let failure = await lab.failure(Target(path: lab.path("b"), size: 5 << 30, digests: []))
    #expect(failure?.code == .disk && failure?.retry == .needsUser)
    #expect(failure?.sentence.contains("larger than") == true)
  }

  @Test(arguments: [
    (ENOSPC, Failure.Retry.held(.space)), (EDQUOT, .held(.quota)), (EROFS, .held(.readOnly)),
    (EACCES, .held(.permission)),
    (EIO, .never), (ENODEV, .never), (ESTALE, .never), (ETIMEDOUT, .never), (EFBIG, .needsUser),
  ])
  func everyErrorOfTheDiskHasItsRule(code: Int32, retry: Failure.Retry) {
    let failure = Failure.disk("write", "/data/a.part", at: 1000, Errno(code: code))
    #expect(failure.retry == retry && failure.code == .disk)
    #expect(!failure.remedy.isEmpty && failure.sentence.hasSuffix("."))
  }
}
