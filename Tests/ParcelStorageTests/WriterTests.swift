import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Synchronization
import Testing

@testable import ParcelStorage

private let block = 1 << 20

@Suite struct WriterTests {
  @Test func `shrink gives away whole blocks that nobody has begun`() async throws {
    let lab = Lab()
    let size = 8 * block
    let content = pattern(size)
    let file = try await lab.ready(Target(path: lab.path("a"), size: size, digests: [md5(content)]))
    file.identify(ObjectIdentity(size: size))
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: block + 1)
    #expect(writer.shrink(to: 5 * block + 1) == 6 * block)
    #expect(writer.limit == 6 * block)
    #expect(writer.shrink(to: 7 * block) == 6 * block)
    #expect(writer.shrink(to: 0) == 2 * block)
    #expect(writer.send(content, upTo: size) == .enough)
    #expect(writer.position == 2 * block)
    #expect(content.withUnsafeBytes { writer.write($0) } == .enough)
    #expect(writer.position == 2 * block)
    writer.extend(to: 3 * block)
    #expect(writer.send(content, upTo: size) == .enough)
    writer.close()
    #expect(content.withUnsafeBytes { writer.write($0) } == .stop)
    _ = file.fill(ByteRange(3 * block, size), from: content)
    #expect(try await file.finished(size).verified == md5(content))
  }

  /// A slow writer and one that takes over from it, at the same time: each byte has one owner.
  @Test(arguments: 0..<6) func `a takeover in the middle of writing leaves every byte right`(round: Int)
    async throws
  {
    let lab = Lab()
    let size = 12 * block + 4321
    let content = pattern(size, seed: UInt64(round))
    let wrong = [UInt8](repeating: 0xEE, count: size)
    let file = try await lab.ready(Target(path: lab.path("a"), size: size, digests: [md5(content)]))
    file.identify(ObjectIdentity(size: size))
    let first = file.writer(for: ByteRange(0, size))
    let ended = Events()
    let thread = startThread {
      // Right bytes up to the limit of the moment; whatever it offers beyond it is wrong and must not be taken.
      var answer = WriteAnswer.more
      while answer != .enough {
        let from = first.position
        let offered = min(from + 10_007, size)
        var piece = Array(wrong[from..<offered])
        let limit = first.limit
        for index in piece.indices where from + index < limit { piece[index] = content[from + index] }
        answer = piece.withUnsafeBytes { first.write($0) }
      }
      ended.take(.lost(ByteRange(0, 0)))
    }
    while first.position < (round + 1) * 300_000 { sched_yield() }
    let fence = first.shrink(to: first.position + block)
    let second = file.writer(for: ByteRange(fence, size))
    #expect(second.send(content, upTo: size) == (fence == size ? .more : .enough))
    _ = ended.first()
    thread.join()
    #expect(first.position == fence)
    first.close()
    second.close()
    #expect(try await file.finished(size).verified == md5(content))
  }

  @Test func `a full pool pauses writers, and says when there is room`() async throws {
    let lab = Lab { $0.buffers = 2 }
    let size = 8 * block
    let content = pattern(size)
    let file = try await lab.ready(Target(path: lab.path("a"), size: size, digests: [md5(content)]))
    file.identify(ObjectIdentity(size: size))
    let space = Events()
    lab.store.onSpace { space.take(.lost(ByteRange(0, 0))) }
    let gate = Monitor()
    let open = Atomic(false)
    file.volume.writer.submit { _ in
      gate.locked { while !open.load(ordering: .relaxed) { gate.wait() } }
    }
    let writer = file.writer(for: ByteRange(0, size))
    let offer = { (count: Int) in
      content.withUnsafeBytes {
        writer.write(UnsafeRawBufferPointer(rebasing: $0[writer.position..<writer.position + count]))
      }
    }
    #expect(offer(block) == .more)
    #expect(offer(block - 1) == .more)
    #expect(offer(2) == .pause)
    #expect(writer.position == 2 * block - 1)
    #expect(offer(1) == .more)
    #expect(offer(1) == .pause)
    gate.locked {
      open.store(true, ordering: .relaxed)
      gate.wakeAll()
    }
    _ = space.first()
    #expect(writer.send(content, upTo: size) == .enough)
    writer.close()
    #expect(try await file.finished(size).verified == md5(content))
  }

  @Test func `a full disk stops the writers with a sentence and what is written stays`() async throws {
    // Fewer buffers than the file has blocks beyond the disk's room: the writer cannot have everything in memory before
    // the failure is seen.
    let lab = Lab { $0.buffers = 3 }
    let disk = lab.path("disk")
    #expect(mkdir(disk, 0o700) == 0)
    guard mount("tmpfs", disk, "tmpfs", 0, "size=3m") == 0 else { return }
    defer { umount2(disk, 0) }
    let size = 8 * block
    let content = pattern(size)
    let wanted = Target(path: disk + "/a", size: size, digests: [md5(content)])
    let events = Events()
    let file = try await lab.ready(wanted, events: events)
    file.identify(ObjectIdentity(size: size))
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: block)
    await file.journaled()
    #expect(writer.send(content, upTo: size) != .more)
    guard case .failed(let failure) = events.first() else {
      Issue.record("another event")
      return
    }
    #expect(failure.code == .disk)
    #expect(failure.retry == .held(.space))
    #expect(failure.sentence.hasPrefix("Could not write '\(disk)/a.part' at byte 3,"))
    #expect(failure.sentence.hasSuffix("no space left on '\(disk)'."))
    #expect(writer.send(content, upTo: size) == .stop)
    writer.close()
    _ = await file.suspended()
    #expect(events.failures.count == 1)
    #expect(mount("tmpfs", disk, "tmpfs", UInt(MS_REMOUNT), "size=16m") == 0)
    let again = try await lab.ready(wanted)
    let kept = again.recovered.ranges
    #expect(kept.prefixEnd >= block)
    for gap in kept.missing(in: ByteRange(0, size)).ranges { _ = again.fill(gap, from: content) }
    #expect(try await again.finished(size).verified == md5(content))
    lab.shutDown()
  }
}

@Suite struct FullDiskJournalTests {
  /// A disk of `size`, or nil where nobody may mount.
  private func disk(_ lab: Lab, _ size: String) -> String? {
    let disk = lab.path("disk")
    #expect(mkdir(disk, 0o700) == 0)
    return mount("tmpfs", disk, "tmpfs", 0, "size=\(size)") == 0 ? disk : nil
  }

  /// Fills the disk with the file, suspends it there, and looks at what another run finds when there is room again.
  private func kept(_ lab: Lab, _ disk: String, journalFirst: Bool) async throws -> ByteRangeSet {
    let size = 8 * block
    let content = pattern(size)
    let wanted = Target(path: disk + "/a", size: size, digests: [md5(content)])
    let events = Events()
    let file = try await lab.ready(wanted, events: events)
    file.identify(ObjectIdentity(size: size))
    let writer = file.writer(for: ByteRange(0, size))
    if journalFirst {
      _ = writer.send(content, upTo: block)
      await file.journaled()
    }
    #expect(writer.send(content, upTo: size) != .more)
    _ = events.first()
    writer.close()
    let failure = await file.suspended()
    #expect(failure == nil, "\(String(describing: failure))")
    #expect(mount("tmpfs", disk, "tmpfs", UInt(MS_REMOUNT), "size=16m") == 0)
    let again = try await lab.ready(wanted)
    let kept = again.recovered.ranges
    for gap in kept.missing(in: ByteRange(0, size)).ranges { _ = again.fill(gap, from: content) }
    #expect(try await again.finished(size).verified == md5(content))
    return kept
  }

  /// Bytes come faster than the first line of the journal, so that the disk is full before there is one.
  @Test(arguments: [true, false]) func `all but the last block is kept when there is no room for the journal`(
    journalFirst: Bool
  ) async throws {
    let lab = Lab { $0.buffers = 3 }
    guard let disk = disk(lab, "4m") else { return }
    defer { umount2(disk, 0) }
    let kept = try await kept(lab, disk, journalFirst: journalFirst)
    #expect(kept.prefixEnd >= 2 * block)
    lab.shutDown()
  }
}

@Suite struct OpenRulesTests {
  private let content = pattern(2_000_000)

  @Test func `a right file under the final name is done`() async throws {
    let lab = Lab()
    try lab.put(content, "a")
    guard
      case .alreadyDone(2_000_000, verified: true) = try await lab.open(
        Target(path: lab.path("a"), size: nil, digests: [md5(content)]))
    else {
      Issue.record("not done")
      return
    }
    guard
      case .alreadyDone(2_000_000, verified: false) = try await lab.open(
        Target(path: lab.path("a"), size: content.count, digests: []))
    else {
      Issue.record("not done")
      return
    }
  }

  @Test func `another file under the final name is left alone`() async throws {
    let lab = Lab()
    try lab.put(content, "a")
    for wanted in [
      Target(path: lab.path("a"), size: nil, digests: [md5([])]),
      Target(path: lab.path("a"), size: 5, digests: []), Target(path: lab.path("a"), size: nil, digests: []),
      Target(path: lab.root, size: nil, digests: [], overwrite: true),
    ] {
      let failure = await lab.failure(wanted)
      #expect(failure?.code == .exists)
      #expect(failure?.retry == .needsUser)
      #expect(failure?.remedy.contains("--overwrite") == true)
    }
    #expect(lab.names == ["a"])
  }

  @Test func `overwrite replaces the old file only after the new one is verified`() async throws {
    let lab = Lab()
    try lab.put([1, 2, 3], "a")
    let file = try await lab.ready(
      Target(path: lab.path("a"), size: content.count, digests: [md5(content)], overwrite: true))
    file.identify(ObjectIdentity(size: content.count))
    _ = file.fill(ByteRange(0, content.count), from: content)
    await file.synced()
    #expect(lab.bytes("a") == [1, 2, 3])
    _ = try await file.finished(content.count)
    #expect(lab.bytes("a") == content)
  }

  @Test func `a file that appears meanwhile is not overwritten`() async throws {
    let lab = Lab()
    let file = try await lab.ready(Target(path: lab.path("a"), size: content.count, digests: []))
    file.identify(ObjectIdentity(size: content.count))
    _ = file.fill(ByteRange(0, content.count), from: content)
    try lab.put([1], "a")
    #expect(await file.finishFailure(content.count)?.code == .exists)
    #expect(lab.bytes("a") == [1])
    #expect(unlink(lab.path("a")) == 0)
    #expect(try await file.finished(content.count).size == content.count)
  }

  @Test func `a journal left after the rename is cleared away`() async throws {
    let lab = Lab()
    try lab.put(content, "a")
    try lab.put(Journal.header.utf8, "a.parcel")
    _ = try await lab.open(Target(path: lab.path("a"), size: nil, digests: [md5(content)]))
    #expect(lab.names == ["a"])
  }
}

@Suite struct LockTests {
  @Test func `a second run in the same folder is refused and told by whom`() async throws {
    let lab = Lab()
    let file = try await lab.ready(Target(path: lab.path("a"), size: 5, digests: []))
    let other = FileStore(FileStore.Options(root: lab.root))
    let answer = await withCheckedContinuation { continuation in
      other.open(Target(path: lab.path("b"), size: 5, digests: []), events: { _ in }) {
        continuation.resume(returning: $0)
      }
    }
    guard case .failure(let failure) = answer else {
      Issue.record("not refused")
      return
    }
    #expect(failure.code == .locked)
    #expect(failure.sentence.contains("process \(getpid()) on "))
    #expect(other.openSmall(Target(path: lab.path("c"), size: 5, digests: [])) == nil)
    other.shutDown()
    #expect(lab.bytes(".parcel-lock") != nil)
    #expect(await file.suspended() == nil)
    lab.shutDown()
    #expect(lab.bytes(".parcel-lock") == nil)
    #expect(lab.names.isEmpty)
  }

  @Test func `one file is locked against runs with another folder`() async throws {
    let lab = Lab()
    #expect(mkdir(lab.path("in"), 0o700) == 0)
    let wanted = Target(path: lab.path("in/a"), size: 5, digests: [])
    let file = try await lab.ready(wanted)
    let other = FileStore(FileStore.Options(root: lab.path("in")))
    let answer = await withCheckedContinuation { continuation in
      other.openOrdinary(wanted, events: { _ in }) { continuation.resume(returning: $0) }
    }
    guard case .failure(let failure) = answer else {
      Issue.record("not refused")
      return
    }
    #expect(failure.code == .locked)
    other.shutDown()
    #expect(await file.suspended() == nil)
    #expect(Lab.names(lab.path("in")).isEmpty)
  }

  @Test func `the lock of a dead process of this host is taken over`() throws {
    let lab = Lab()
    let path = lab.path("lock")
    var dead = LockFile.Holder.current()
    dead.started += 1
    try lab.put(dead.text.utf8, "lock")
    let mine = LockFile.Holder.current()
    guard case .success(let lock) = LockFile.take(path, for: "x", as: mine) else {
      Issue.record("refused")
      return
    }
    #expect(LockFile.Holder(text: lab.text("lock")) == mine)
    #expect(lab.names == ["lock"])
    lock.release()
    #expect(lab.names.isEmpty)
  }

  @Test func `a holder on another host, or without a name, is believed`() throws {
    let lab = Lab()
    var far = LockFile.Holder.current()
    far.host = "elsewhere"
    far.started += 1
    for text in [far.text, ""] {
      try lab.put(text.utf8, "lock")
      guard case .failure(let failure) = LockFile.take(lab.path("lock"), for: "x") else {
        Issue.record("taken")
        return
      }
      #expect(failure.code == .locked)
      #expect(failure.remedy.contains(lab.path("lock")))
      #expect(lab.text("lock") == text)
    }
  }
}

@Suite struct SmallFileTests {
  @Test func `many small files are verified and leave only themselves`() async throws {
    let lab = Lab()
    let contents = (0..<200).map { pattern(100 + $0 * 37, seed: UInt64($0)) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, content) in contents.enumerated() {
        let wanted = Target(path: lab.path("d\(index)/f"), size: content.count, digests: [md5(content)])
        let file = try #require(lab.store.openSmall(wanted))
        #expect(file.fill(ByteRange(0, content.count), from: content, step: 999) == .enough)
        group.addTask {
          let finished = try await file.finished(content.count)
          #expect(finished.verified == md5(content))
        }
      }
      try await group.waitForAll()
    }
    for (index, content) in contents.enumerated() {
      #expect(lab.bytes("d\(index)/f") == content)
      #expect(Lab.names(lab.path("d\(index)")) == ["f"])
    }
  }

  @Test func `nothing of a small file is on disk before finish, nor after a wrong digest`() async throws {
    let lab = Lab()
    let wanted = Target(path: lab.path("d/f"), size: 10, digests: [md5([1])])
    let file = try #require(lab.store.openSmall(wanted))
    let wrong = [UInt8](repeating: 7, count: 10)
    _ = file.fill(ByteRange(0, 10), from: wrong)
    #expect(lab.names.isEmpty)
    let failure = await file.finishFailure(10)
    #expect(failure?.code == .digest)
    #expect(failure?.sentence.contains(md5(wrong).hex) == true)
    #expect(lab.names.isEmpty)
    #expect(await file.suspended() == nil)
  }

  @Test func `a broken transfer of a small file starts again`() async throws {
    let lab = Lab()
    let content = pattern(1000)
    let file = try #require(
      lab.store.openSmall(Target(path: lab.path("f"), size: 1000, digests: [md5(content)])))
    let first = file.writer(for: ByteRange(0, 1000))
    _ = first.send(pattern(1000, seed: 5), upTo: 400)
    first.close()
    #expect(await file.finishFailure(1000)?.code == .size)
    _ = file.fill(ByteRange(0, 1000), from: content)
    #expect(try await file.finished(1000).verified == md5(content))
  }

  @Test func `something at the path sends a small file the ordinary way`() async throws {
    let lab = Lab()
    try lab.put([1], "f")
    try lab.put([1], "g.part")
    #expect(lab.store.openSmall(Target(path: lab.path("f"), size: 10, digests: [])) == nil)
    #expect(lab.store.openSmall(Target(path: lab.path("g"), size: 10, digests: [])) == nil)
    #expect(lab.store.openSmall(Target(path: lab.path("h"), size: nil, digests: [])) == nil)
    #expect(lab.store.openSmall(Target(path: lab.path("h"), size: smallFileLimit, digests: [])) == nil)
    #expect(lab.store.openSmall(Target(path: lab.path("h"), size: 10, digests: [])) != nil)
  }

  @Test func `a file that comes to the final name first is not overwritten`() async throws {
    let lab = Lab()
    let file = try #require(lab.store.openSmall(Target(path: lab.path("f"), size: 10, digests: [])))
    _ = file.fill(ByteRange(0, 10), from: pattern(10))
    try lab.put([1], "f")
    #expect(await file.finishFailure(10)?.code == .exists)
    #expect(lab.bytes("f") == [1])
    #expect(lab.names == ["f"])
  }

  @Test func `too many small bytes in memory pause, and an empty file is a file`() async throws {
    let lab = Lab { $0.smallBytes = 1000 }
    let content = pattern(900)
    let space = Events()
    lab.store.onSpace { space.take(.lost(ByteRange(0, 0))) }
    let first = try #require(lab.store.openSmall(Target(path: lab.path("a"), size: 900, digests: [])))
    let second = try #require(lab.store.openSmall(Target(path: lab.path("b"), size: 900, digests: [])))
    _ = first.fill(ByteRange(0, 900), from: content)
    let writer = second.writer(for: ByteRange(0, 900))
    #expect(content.withUnsafeBytes { writer.write($0) } == .pause)
    #expect(writer.position == 0)
    async let done = first.finished(900)
    _ = space.first()
    #expect(content.withUnsafeBytes { writer.write($0) } == .enough)
    _ = try await done
    #expect(try await second.finished(900).size == 900)
    let empty = try #require(lab.store.openSmall(Target(path: lab.path("e"), size: 0, digests: [md5([])])))
    #expect(try await empty.finished(0).verified == md5([]))
    #expect(lab.names == ["a", "b", "e"])
  }
}
