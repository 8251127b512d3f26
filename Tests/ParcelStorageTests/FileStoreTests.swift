import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

private let size = 3 * (1 << 20) + 12_345
private let content = pattern(size)
private let block = 1 << 20

/// The usual target and identity.
private func target(_ lab: Lab, digests: [Digest]? = nil, overwrite: Bool = false) -> Target {
  Target(path: lab.path("sub/a.bam"), size: size, digests: digests ?? [md5(content)], overwrite: overwrite)
}

private let identity = ObjectIdentity(size: size, etag: "\"1\"")

@Suite struct RoundTripTests {
  @Test func `a download ends as one verified file and leaves nothing else`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab))
    #expect(file.recovered.identity == nil)
    #expect(Lab.names(lab.path("sub")).isEmpty)
    file.identify(identity)
    #expect(file.fill(ByteRange(0, 1_500_000), from: content) == .enough)
    #expect(file.fill(ByteRange(1_500_000, size), from: content, step: 2_000_000) == .enough)
    let finished = try await file.finished(size)
    #expect(finished.verified == md5(content))
    #expect(lab.bytes("sub/a.bam") == content)
    #expect(Lab.names(lab.path("sub")) == ["a.bam"])
  }

  @Test func `segments may come in any order and several digests are compared at once`() async throws {
    let lab = Lab()
    let sha = content.withUnsafeBytes { DigestRun.of($0, .sha256) } ?? []
    let both = [md5(content), try #require(Digest(.sha256, bytes: sha, source: .manifest))]
    let file = try await lab.ready(target(lab, digests: both))
    file.identify(identity)
    for start in [2 * block, 0, 3 * block, block] {
      _ = file.fill(ByteRange(start, min(start + block, size)), from: content)
    }
    #expect(try await file.finished(size).verified == both[0])
    #expect(lab.bytes("sub/a.bam") == content)
  }

  @Test func `without size and digest the file is stored unverified`() async throws {
    let lab = Lab()
    let file = try await lab.ready(Target(path: lab.path("x"), size: nil, digests: []))
    file.identify(ObjectIdentity(size: nil))
    let writer = file.writer(for: ByteRange(0, .max))
    #expect(writer.send(content, upTo: size) == .more)
    #expect(writer.shrink(to: 4 * block) == 4 * block)
    writer.close()
    #expect(try await file.finished(size).verified == nil)
    #expect(lab.bytes("x") == content)
  }

  @Test func `a digest that only the server gives is compared with the bytes in the file`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab, digests: []))
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    let server = md5(content, source: .contentMD5)
    #expect(try await file.finished(size, [server]).verified == server)
  }

  @Test func `an empty file is a file`() async throws {
    let lab = Lab()
    let file = try await lab.ready(Target(path: lab.path("x"), size: 0, digests: [md5([])]))
    file.identify(ObjectIdentity(size: 0))
    #expect(try await file.finished(0).verified == md5([]))
    #expect(lab.bytes("x") == [])
  }

  @Test func `a wrong digest is a failure that names both, and the bytes stay`() async throws {
    let lab = Lab()
    let wanted = md5([1])
    let file = try await lab.ready(target(lab, digests: [wanted]))
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    let failure = await file.finishFailure(size)
    #expect(failure?.code == .digest)
    #expect(failure?.retry == .never)
    #expect(failure?.sentence.contains(wanted.hex) == true)
    #expect(failure?.sentence.contains(md5(content).hex) == true)
    #expect(await file.suspended() == nil)
    #expect(Lab.names(lab.path("sub")) == ["a.bam.parcel", "a.bam.part"])
    #expect(lab.bytes("sub/a.bam.part") == content)
  }

  @Test func `bytes that change on disk before the end are lost, not blamed on the server`() async throws {
    let lab = Lab()
    let events = Events()
    let file = try await lab.ready(target(lab, digests: []), events: events)
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    await file.synced()
    try lab.patch("sub/a.bam.part", at: block + 5, [1, 2, 3, 4, 5, 6])
    let server = md5(content, source: .reprDigest)
    let failure = await file.finishFailure(size, [server])
    #expect(failure?.code == .digest)
    #expect(failure?.retry == .now)
    #expect(events.lost == [ByteRange(block, 2 * block)])
    _ = file.fill(ByteRange(block, 2 * block), from: content)
    #expect(try await file.finished(size, [server]).verified == server)
    #expect(lab.bytes("sub/a.bam") == content)
  }

  @Test func `finish with bytes missing says so and can be called again`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    _ = file.fill(ByteRange(0, block), from: content)
    #expect(await file.finishFailure(size)?.retry == .now)
    _ = file.fill(ByteRange(block, size), from: content)
    #expect(try await file.finished(size).verified != nil)
  }

  @Test func `without verification digests are not compared`() async throws {
    let lab = Lab { $0.verifies = false }
    let file = try await lab.ready(target(lab, digests: [md5([1])]))
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    #expect(try await file.finished(size).verified == nil)
  }

  @Test func `discard leaves an empty file that can be filled again`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    let old = file.writer(for: ByteRange(0, size))
    _ = old.send(pattern(size, seed: 9), upTo: 2 * block + 7)
    await file.synced()
    #expect(await file.discarded() == nil)
    #expect(file.progress().stored.isEmpty)
    #expect(Lab.names(lab.path("sub")).contains("a.bam.parcel") == false)
    #expect(old.send(content, upTo: size) == .stop)
    file.identify(ObjectIdentity(size: size, etag: "\"2\""))
    _ = file.fill(ByteRange(0, size), from: content)
    #expect(try await file.finished(size).verified == md5(content))
    #expect(lab.bytes("sub/a.bam") == content)
  }

  @Test func `suspend during a finish answers both`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    async let finish = file.finishFailure(size)
    async let suspend = file.suspended()
    let (failure, left) = await (finish, suspend)
    #expect(left == nil)
    #expect(failure == nil || failure?.code == .cancelled)
    #expect((lab.bytes("sub/a.bam") == content) == (failure == nil))
  }

  @Test func `very long names end with a sentence`() async throws {
    let lab = Lab()
    let path = lab.path(String(repeating: "n", count: 250))
    let events = Events()
    let result = await lab.failure(Target(path: path, size: size, digests: []))
    #expect(result?.code == .disk)
    #expect(result?.sentence.contains("too long") == true)
    #expect(events.failures.isEmpty)
    let fitting = try await lab.ready(
      Target(path: lab.path(String(repeating: "n", count: 243)), size: size, digests: []))
    fitting.identify(identity)
    _ = fitting.fill(ByteRange(0, size), from: content)
    #expect(try await fitting.finished(size).size == size)
  }
}

@Suite struct ResumeTests {
  @Test func `a suspended download goes on where it was`() async throws {
    let lab = Lab()
    let first = try await lab.ready(target(lab))
    first.identify(identity)
    _ = first.fill(ByteRange(0, block + 1000), from: content)
    _ = first.fill(ByteRange(2 * block + 17, 3 * block), from: content)
    #expect(await first.suspended() == nil)
    #expect(Lab.names(lab.path("sub")) == ["a.bam.parcel", "a.bam.part"])
    lab.restart()
    let second = try await lab.ready(target(lab))
    let held = ByteRangeSet([ByteRange(0, block + 1000), ByteRange(2 * block + 17, 3 * block)])
    #expect(second.recovered.identity == identity)
    #expect(second.recovered.ranges == held)
    #expect(second.recovered.remark == nil)
    #expect(second.progress().durable == held.count)
    second.identify(identity)
    for gap in held.missing(in: ByteRange(0, size)).ranges { _ = second.fill(gap, from: content) }
    #expect(try await second.finished(size).verified == md5(content))
    #expect(lab.bytes("sub/a.bam") == content)
  }

  /// Opens copies of what a killed process would leave.
  private func killed(_ lab: Lab, _ other: Lab) throws {
    try other.put(lab.bytes("sub/a.bam.part") ?? [], "a.bam.part")
    try other.put(lab.bytes("sub/a.bam.parcel") ?? [], "a.bam.parcel")
  }

  @Test func `what was written before a kill is kept though it was never synced`() async throws {
    let lab = Lab { $0.syncNanoseconds = .max }
    let other = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: 2 * block + 777)
    await file.journaled()
    #expect(file.progress().durable == 0)
    try killed(lab, other)
    let copy = try await other.ready(Target(path: other.path("a.bam"), size: size, digests: [md5(content)]))
    #expect(copy.recovered.ranges == ByteRangeSet([ByteRange(0, 2 * block + 777)]))
    _ = copy.fill(ByteRange(2 * block + 777, size), from: content)
    #expect(try await copy.finished(size).verified == md5(content))
    writer.close()
    #expect(await file.suspended() == nil)
  }

  @Test func `a journal cut at any byte never claims a byte that is not right`() async throws {
    let lab = Lab { $0.syncNanoseconds = .max }
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: block + 5)
    await file.synced()
    _ = writer.send(content, upTo: 2 * block + 999)
    await file.journaled()
    writer.close()
    let journal = lab.bytes("sub/a.bam.parcel") ?? []
    let part = lab.bytes("sub/a.bam.part") ?? []
    let other = Lab()
    let copy = Target(path: other.path("a.bam"), size: size, digests: [md5(content)])
    var claims: Set<Int> = []
    // Every byte is tried in JournalTests; here each line's last bytes and a sample of the rest.
    let ends = journal.indices.filter { journal[$0] == 10 }.flatMap { [$0, $0 + 1] }
    for length in Set(ends + stride(from: 0, to: journal.count, by: 13)).sorted() {
      try other.put(part, "a.bam.part")
      try other.put(journal[..<length], "a.bam.parcel")
      let opened = try await other.ready(copy)
      for range in opened.recovered.ranges.ranges {
        #expect(part[range.start..<range.end].elementsEqual(content[range.start..<range.end]))
      }
      claims.insert(opened.recovered.ranges.count)
      #expect(await opened.suspended() == nil)
    }
    #expect(claims.contains(0) && claims.contains(2 * block + 999))
    #expect(await file.suspended() == nil)
  }

  @Test func `after another start of the machine unsynced blocks are read again and unsynced pieces dropped`()
    async throws
  {
    let lab = Lab { $0.syncNanoseconds = .max }
    let other = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: block)
    await file.synced()
    _ = writer.send(content, upTo: 3 * block + 100)
    await file.journaled()
    let boot = System.bootID()
    let lines = lab.text("sub/a.bam.parcel").split(separator: "\n").map {
      $0.contains(boot) ? Journal.line(.boot("an-earlier-start")).dropLast() : $0
    }
    try other.put((lines.joined(separator: "\n") + "\n").utf8, "a.bam.parcel")
    try other.put(lab.bytes("sub/a.bam.part") ?? [], "a.bam.part")
    try other.patch("a.bam.part", at: 2 * block + 3, [0, 0, 0, 0])
    let copy = try await other.ready(Target(path: other.path("a.bam"), size: size, digests: [md5(content)]))
    #expect(copy.recovered.ranges == ByteRangeSet([ByteRange(0, 2 * block)]))
    #expect(copy.recovered.remark?.contains("restart") == true)
    _ = copy.fill(ByteRange(2 * block, size), from: content)
    #expect(try await copy.finished(size).verified == md5(content))
    writer.close()
    #expect(await file.suspended() == nil)
  }

  @Test(arguments: [true, false]) func `a block that changed on disk is noticed and fetched again`(
    hasDigest: Bool
  )
    async throws
  {
    let lab = Lab()
    let wanted = target(lab, digests: hasDigest ? nil : [])
    let first = try await lab.ready(wanted)
    first.identify(identity)
    _ = first.fill(ByteRange(0, 3 * block), from: content)
    #expect(await first.suspended() == nil)
    try lab.patch("sub/a.bam.part", at: block + 100, [0, 1, 2, 3, 4])
    let events = Events()
    let second = try await lab.ready(wanted, events: events)
    #expect(second.recovered.ranges == ByteRangeSet([ByteRange(0, 3 * block)]))
    guard case .lost(ByteRange(block, 2 * block)) = events.first() else {
      Issue.record("another event")
      return
    }
    #expect(!second.progress().stored.contains(block))
    _ = second.fill(ByteRange(block, 2 * block), from: content)
    _ = second.fill(ByteRange(3 * block, size), from: content)
    #expect(try await second.finished(size).verified == (hasDigest ? md5(content) : nil))
    #expect(lab.bytes("sub/a.bam") == content)
  }

  @Test func `another object's bytes are never continued`() async throws {
    let lab = Lab()
    let first = try await lab.ready(target(lab))
    first.identify(identity)
    _ = first.fill(ByteRange(0, 2 * block), from: content)
    #expect(await first.suspended() == nil)
    let other = pattern(size, seed: 2)
    let second = try await lab.ready(target(lab, digests: [md5(other)]))
    #expect(second.recovered.ranges.isEmpty)
    #expect(second.recovered.remark?.contains("another object") == true)
    second.identify(identity)
    _ = second.fill(ByteRange(0, size), from: other)
    #expect(try await second.finished(size).verified == md5(other))
    #expect(lab.bytes("sub/a.bam") == other)
  }

  @Test func `a part without a journal starts over`() async throws {
    let lab = Lab()
    try lab.put(pattern(size * 2, seed: 3), "b.part")
    let file = try await lab.ready(Target(path: lab.path("b"), size: size, digests: []))
    #expect(file.recovered.ranges.isEmpty)
    #expect(file.recovered.remark?.contains("no journal") == true)
    file.identify(identity)
    _ = file.fill(ByteRange(0, size), from: content)
    _ = try await file.finished(size)
    #expect(lab.bytes("b") == content)
  }

  @Test func `a journal rewritten between syncs says what is durable and what is not`() async throws {
    let lab = Lab { $0.syncNanoseconds = .max }
    let other = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    let writer = file.writer(for: ByteRange(0, size))
    _ = writer.send(content, upTo: block + 50)
    await file.synced()
    _ = writer.send(content, upTo: 2 * block + 60)
    await file.journaled()
    try file.journalLock.lockedThrowing { () throws(Errno) in try file.rewriteJournal() }
    guard case .state(let state, _) = Journal.replay(lab.bytes("sub/a.bam.parcel") ?? []) else {
      Issue.record("unreadable")
      return
    }
    let layout = BlockLayout(size: size)
    #expect(state.durable.ranges(layout) == ByteRangeSet([ByteRange(0, block + 50)]))
    #expect(state.all.ranges(layout) == ByteRangeSet([ByteRange(0, 2 * block + 60)]))
    _ = writer.send(content, upTo: 3 * block)
    await file.journaled()
    try killed(lab, other)
    let copy = try await other.ready(Target(path: other.path("a.bam"), size: size, digests: [md5(content)]))
    #expect(copy.recovered.ranges == ByteRangeSet([ByteRange(0, 3 * block)]))
    #expect(copy.progress().durable == block + 50)
    #expect(await copy.suspended() == nil)
    writer.close()
    #expect(await file.suspended() == nil)
  }

  @Test func `the journal can be read by a person`() async throws {
    let lab = Lab()
    let file = try await lab.ready(target(lab))
    file.identify(identity)
    _ = file.fill(ByteRange(0, block + 10), from: content)
    #expect(await file.suspended() == nil)
    let words = lab.text("sub/a.bam.parcel").split(separator: "\n").map { $0.split(separator: " ") }
    #expect(words[0] == ["parcel", "journal", "1"])
    #expect(
      words[1].dropFirst() == [
        "object", "size=\(size)", "block=\(block)", "etag=\"1\"", "md5=\(md5(content).hex)",
      ])
    #expect(words.dropFirst().map { $0[1] } == ["object", "boot", "synced", "blocks", "extra", "synced"])
  }
}

@Suite struct SmallRemainsTests {
  @Test(arguments: [".parcel-lock", ".parcel", ".part"])
  func `what an earlier run left of a small file goes when the file is complete`(ending: String) async throws
  {
    let lab = Lab()
    var dead = LockFile.Holder.current()
    dead.started += 1
    try lab.put(dead.text.utf8, "s" + ending)
    let bytes = pattern(1000)
    let target = Target(path: lab.path("s"), size: bytes.count, digests: [md5(bytes)])
    #expect(lab.store.openSmall(target) == nil)
    let file = try await lab.ready(target)
    file.identify(ObjectIdentity(size: bytes.count, etag: "\"1\""))
    _ = file.fill(ByteRange(0, bytes.count), from: bytes)
    #expect(try await file.finished(bytes.count).verified == md5(bytes))
    #expect(lab.names == ["s"] && lab.bytes("s") == bytes)
  }

  @Test func `a small file that somebody else works on is left to them`() async throws {
    let lab = Lab()
    var other = LockFile.Holder.current()
    (other.process, other.started) = (1, 0)
    other.host = "elsewhere"
    try lab.put(other.text.utf8, "s.parcel-lock")
    let target = Target(path: lab.path("s"), size: 1000, digests: [])
    #expect(lab.store.openSmall(target) == nil)
    #expect(await lab.failure(target)?.code == .locked)
    #expect(lab.names == ["s.parcel-lock"])
  }
}
