import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

private let block = 1 << 20

@Suite struct RepairTests {
  let content = pattern(6 * block + 321)
  var size: Int { content.count }
  var target: Target { Target(path: lab.path("a"), size: size, digests: [md5(content)]) }
  let lab = Lab()

  /// `content` with other bytes in some blocks.
  func wrong(_ blocks: Int...) -> [UInt8] {
    var bytes = content
    for index in blocks { bytes[index * block + 17] ^= 1 }
    return bytes
  }

  /// A file whose bytes are all there, some of them wrong since they came.
  func complete(_ bytes: [UInt8], events: Events = Events()) async throws -> LargeFile {
    let file = try await lab.ready(target, events: events)
    file.identify(ObjectIdentity(size: size, etag: "\"1\""))
    _ = file.fill(ByteRange(0, size), from: bytes)
    let failure = await file.finishFailure(size)
    #expect(failure?.code == .digest && failure?.retry == .never)
    return file
  }

  func prepared(_ file: LargeFile) async -> Failure? {
    await withCheckedContinuation { go in file.prepareComparison { go.resume(returning: $0) } }
  }

  func settled(_ file: LargeFile) async -> Failure? {
    await withCheckedContinuation { go in file.settleComparison { go.resume(returning: $0) } }
  }

  func dropped(_ file: LargeFile, _ ranges: [ByteRange]) async -> Failure? {
    await withCheckedContinuation { go in file.drop(ranges) { go.resume(returning: $0) } }
  }

  /// Steps that are no block's, so that pieces begin and end anywhere.
  @Test(arguments: [16 << 10, 999_983]) func `what differs is replaced in place and the rest is not touched`(
    step: Int
  ) async throws {
    let events = Events()
    let file = try await complete(wrong(2, 6), events: events)
    #expect(await prepared(file) == nil)
    let comparer = file.comparer(for: ByteRange(0, size))
    #expect(comparer.send(content, upTo: size, step: step) == .enough)
    comparer.close()
    #expect(await settled(file) == nil)
    #expect(Set(events.replaced.map { $0.start / block }) == [2, 6])
    #expect(try await file.finished(size).verified == md5(content))
    #expect(lab.names == ["a"])
    #expect(lab.bytes("a") == content)
  }

  @Test func `dropped blocks can be written again and only they are missing`() async throws {
    let file = try await complete(wrong(1, 4))
    #expect(
      await dropped(file, [ByteRange(block, 2 * block), ByteRange(4 * block + 5, 4 * block + 6)]) == nil)
    #expect(
      file.progress().stored.missing(in: ByteRange(0, size)).ranges
        == [ByteRange(block, 2 * block), ByteRange(4 * block, 5 * block)])
    for index in [1, 4] { _ = file.fill(ByteRange(index * block, (index + 1) * block), from: content) }
    #expect(try await file.finished(size).verified == md5(content))
    #expect(lab.bytes("a") == content)
  }

  @Test func `the digest of a part is that of the bytes on disk`() async throws {
    let file = try await complete(wrong(3))
    let range = ByteRange(3 * block - 7, 3 * block + 100_000)
    let value: [UInt8] = try await withCheckedThrowingContinuation { go in
      file.digest(of: range, .sha256) { go.resume(with: $0) }
    }
    let expected = wrong(3)[range.start..<range.end].withUnsafeBytes { DigestRun.of($0, .sha256) }
    #expect(value == expected)
    _ = await file.suspended()
  }

  /// The process dies at any point of a comparison: what the journal claims is right, and what it does not claim comes
  /// again.
  @Test func `killed while blocks are replaced nothing wrong is claimed and nothing right is lost`()
    async throws
  {
    let file = try await complete(wrong(1, 2))
    #expect(await prepared(file) == nil)
    let comparer = file.comparer(for: ByteRange(0, size))
    _ = comparer.send(content, upTo: 2 * block + 300_000)
    await file.journaled()
    // What a killed process leaves: the files as they are.
    let copy = Lab()
    for name in ["a.part", "a.parcel"] { try copy.put(try #require(lab.bytes(name)), name) }
    let again = try await copy.ready(Target(path: copy.path("a"), size: size, digests: [md5(content)]))
    #expect(again.recovered.ranges.contains(ByteRange(0, 2 * block)))
    #expect(again.recovered.ranges.contains(ByteRange(3 * block, size)))
    for range in again.recovered.ranges.missing(in: ByteRange(0, size)).ranges {
      _ = again.fill(range, from: content)
    }
    // Block 2 is still the old one, unless its pieces were replaced before: then it was asked for above.
    let failure = await again.finishFailure(size)
    if let failure {
      #expect(failure.code == .digest)
      #expect(copy.bytes("a") == nil)
    } else {
      #expect(copy.bytes("a") == content)
    }
    _ = await again.suspended()
    comparer.close()
    _ = await file.suspended()
  }

  @Test func `a block half replaced at the moment of a kill is not believed`() async throws {
    let file = try await complete(wrong(2))
    _ = await file.suspended()
    // As if the new bytes had come to the disk in part and the journal not at all.
    try lab.patch("a.part", at: 2 * block, Array(pattern(1000, seed: 9)))
    lab.restart()
    let events = Events()
    let again = try await lab.ready(target, events: events)
    let failure = await again.finishFailure(size)
    #expect(failure?.retry == .now)
    #expect(events.lost == [ByteRange(2 * block, 3 * block)])
    _ = again.fill(ByteRange(2 * block, 3 * block), from: content)
    #expect(try await again.finished(size).verified == md5(content))
  }

  @Test func `a comparison can be left and the file goes on as it was`() async throws {
    let file = try await complete(wrong(5))
    #expect(await prepared(file) == nil)
    let comparer = file.comparer(for: ByteRange(0, size))
    _ = comparer.send(content, upTo: 3 * block + 1)
    #expect(await file.suspended() == nil)
    lab.restart()
    let again = try await lab.ready(target)
    #expect(again.recovered.ranges == ByteRangeSet([ByteRange(0, size)]))
    #expect(await prepared(again) == nil)
    #expect(again.comparer(for: ByteRange(3 * block, size)).send(content, upTo: size) == .enough)
    #expect(await settled(again) == nil)
    #expect(try await again.finished(size).verified == md5(content))
  }
}

extension Events {
  var replaced: [ByteRange] { all.compactMap { if case .replaced(let range) = $0 { range } else { nil } } }
}

@Suite struct AuditTests {
  let content = pattern(5 * block + 99)
  let lab = Lab()
  var target: Target { Target(path: lab.path("a"), size: content.count, digests: [md5(content)]) }

  func audit(_ target: Target) async throws -> AuditResult {
    try await withCheckedThrowingContinuation { go in lab.store.audit(target) { go.resume(with: $0) } }
  }

  @Test func `a partial file is read block by block and nothing is written`() async throws {
    let file = try await lab.ready(target)
    file.identify(ObjectIdentity(size: content.count, etag: "\"1\""))
    _ = file.fill(ByteRange(0, 4 * block + 1000), from: content)
    _ = await file.suspended()
    try lab.patch("a.part", at: 2 * block + 5, [content[2 * block + 5] ^ 1])
    lab.restart()
    let before = (lab.bytes("a.part"), lab.bytes("a.parcel"), Lab.names(lab.root))
    guard case .partial(let found) = try await audit(target) else {
      Issue.record("not partial")
      return
    }
    #expect(found.checked == 4)
    #expect(found.safe == 3 * block)
    #expect(found.unrecorded == 1000)
    #expect(found.bad == [ByteRange(2 * block, 3 * block)])
    let failure = AuditResult.partial(found).failure(path: "a")
    #expect(failure?.code == .digest)
    #expect(
      failure?.sentence.contains("1 of its 4 complete blocks is not what was written (block 2)") == true)
    #expect(lab.bytes("a.part") == before.0)
    #expect(lab.bytes("a.parcel") == before.1)
    #expect(Lab.names(lab.root) == before.2)
  }

  @Test func `a final file is right, wrong or missing`() async throws {
    guard case .missing = try await audit(target) else {
      Issue.record("not missing")
      return
    }
    #expect(Lab.names(lab.root).isEmpty)
    try lab.put(content, "a")
    guard case .finished(content.count, true) = try await audit(target) else {
      Issue.record("not right")
      return
    }
    try lab.patch("a", at: 9, [content[9] ^ 1])
    guard case .wrong = try await audit(target) else {
      Issue.record("not wrong")
      return
    }
  }

  @Test func `a torn journal and one of another object are told and left alone`() async throws {
    try lab.put(content, "a.part")
    try lab.put(Array("rubbish\n".utf8), "a.parcel")
    guard case .unusable = try await audit(target) else {
      Issue.record("not unusable")
      return
    }
    #expect(lab.text("a.parcel") == "rubbish\n")
  }
}
