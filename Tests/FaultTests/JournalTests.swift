import Glibc
import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelStorage

/// What the next run makes of a journal and a part that somebody or something changed.
@Suite struct JournalRefusalTests {
  private let part = StoreLab.path + ".part"
  private let journal = StoreLab.path + ".parcel"

  /// The disk of a run that was left in the middle: most of two blocks.
  private func left() async -> MemoryDisk {
    let disk = MemoryDisk()
    let said = await StoreLab.download(StoreLab.world(disk), finishes: false)
    #expect(said.durableAtEnd == StoreLab.size)
    return disk.afterKill()
  }

  private func text(_ disk: MemoryDisk) -> String {
    String(decoding: disk.bytes(journal) ?? [], as: UTF8.self)
  }

  /// Opens, expects a remark with these words and no bytes kept, and completes right.
  private func refuses(
    _ disk: MemoryDisk, _ words: String, target: Target = StoreLab.target, boot: String = "first"
  ) async {
    let store = StoreLab.store(StoreLab.world(disk, boot: boot, process: Int(getpid())))
    guard case .success(.ready(let file)) = await StoreLab.open(store, target) else {
      Issue.record("cannot be opened")
      return store.shutDown()
    }
    #expect(file.recovered.ranges.isEmpty && file.recovered.identity == nil)
    let remark = file.recovered.remark ?? ""
    #expect(remark.contains(words) && remark.hasSuffix(": starting over."), "\(remark)")
    _ = await file.suspended()
    store.shutDown()
    guard target == StoreLab.target else { return }
    let problem = await StoreLab.judge(disk.afterKill(), isDone: false, least: 0, boot: boot)
    #expect(problem == nil)
  }

  @Test func `a journal of a later version is not read`() async {
    let disk = await left()
    disk.put(journal, Array(text(disk).replacing("parcel journal 1\n", with: "parcel journal 2\n").utf8))
    await refuses(disk, "was written by a later version (journal 2, this program reads 1)")
  }

  @Test func `garbage is no journal`() async {
    var random = SeededRandom(seed: 4)
    let words = "is not a journal that can be read"
    for length in [0, 1, 16, 17, 400] {
      let disk = await left()
      disk.put(journal, (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) })
      await refuses(disk, words)
    }
    for changed in ["parcel journal 0\n", "parcel journal x\n", "parcel journal 1", "parcel journal 1\n"] {
      let disk = await left()
      disk.put(journal, Array(changed.utf8))
      await refuses(disk, words)
    }
  }

  @Test func `a journal whose object has another checksum is not believed`() async {
    let disk = await left()
    disk.put(journal, Array(text(disk).replacing("object size=", with: "object size=1").utf8))
    await refuses(disk, "is not a journal that can be read")
  }

  @Test func `a part without a journal is not believed`() async {
    let disk = await left()
    disk.put(journal, nil)
    await refuses(disk, "'a.bam.part' has no journal")
  }

  @Test func `a journal without a part claims nothing`() async {
    let disk = await left()
    disk.put(part, nil)
    await refuses(disk, "'a.bam.parcel' is there but 'a.bam.part' is missing")
  }

  @Test(arguments: ["first", "second"])
  func `a part that was cut claims nothing`(boot: String) async {
    for size in [0, 1, 1 << 20, StoreLab.size - 1] {
      let disk = await left()
      disk.put(part, Array((disk.bytes(part) ?? []).prefix(size)))
      await refuses(disk, "has \(size) bytes where its journal needs \(StoreLab.size)", boot: boot)
    }
  }

  @Test func `a part of another size or another digest is another object's`() async {
    var other = StoreLab.target
    other.size = StoreLab.size + 1
    await refuses(
      await left(), "belongs to another object (\(StoreLab.size) bytes, now \(StoreLab.size + 1) are wanted)",
      target: other)
    other = StoreLab.target
    other.digests = [StoreLab.md5([1])]
    await refuses(
      await left(),
      "belongs to another object (md5 \(StoreLab.digest.hex), now \(StoreLab.md5([1]).hex) is wanted)",
      target: other)
  }

  @Test func `a journal torn at any byte claims only what is there, and the file completes`() async {
    let disk = await left()
    let whole = disk.bytes(journal) ?? []
    #expect(whole.count > 200)
    var kept: Set<Int> = []
    for cut in stride(from: 0, to: whole.count, by: depth > 1 ? 1 : 7) {
      for tail in [[], [0, 0, 0], Array("5293ab22 blocks 0 0000000000000000\n".utf8)] as [[UInt8]] {
        let torn = disk.afterKill()
        torn.put(journal, Array(whole.prefix(cut)) + tail)
        let store = StoreLab.store(StoreLab.world(torn, boot: "second", process: Int(getpid())))
        if case .success(.ready(let file)) = await StoreLab.open(store, StoreLab.target) {
          kept.insert(file.recovered.ranges.count)
          #expect(!file.recovered.ranges.isEmpty || file.recovered.remark != nil || cut > 17)
          _ = await file.suspended()
        }
        store.shutDown()
        let problem = await StoreLab.judge(torn.afterKill(), isDone: false, least: 0, boot: "second")
        #expect(problem == nil, "cut at \(cut)")
      }
    }
    #expect(kept.contains(0) && kept.contains(StoreLab.size) && kept.count > 2)
  }

  @Test func `one wrong character in a journal drops that line and what follows`() async {
    let disk = await left()
    let whole = disk.bytes(journal) ?? []
    var random = SeededRandom(seed: 6)
    for _ in 0..<60 * depth {
      var changed = whole
      changed[Int(random.next() % UInt64(whole.count))] ^= UInt8(1 + random.next() % 255)
      let next = disk.afterKill()
      next.put(journal, changed)
      let problem = await StoreLab.judge(next, isDone: false, least: 0, boot: "second")
      #expect(problem == nil)
    }
  }

  @Test func `blocks that changed behind the journal's back are fetched again`() async {
    let disk = await left()
    var bytes = disk.bytes(part) ?? []
    bytes[5] ^= 1
    disk.put(part, bytes)
    let store = StoreLab.store(StoreLab.world(disk, process: Int(getpid())))
    guard case .success(.ready(let file)) = await StoreLab.open(store, StoreLab.target) else {
      Issue.record("cannot be opened")
      return store.shutDown()
    }
    // The whole is there by the journal, and the digest says no: never a final file.
    guard case .failure(let failure) = await file.finished(StoreLab.size) else {
      Issue.record("a wrong file was called right")
      return store.shutDown()
    }
    #expect(failure.code == .digest)
    #expect(disk.bytes(StoreLab.path) == nil)
    #expect(file.progress().stored.missing(in: ByteRange(0, StoreLab.size)).ranges == [ByteRange(0, 1 << 20)])
    _ = await file.suspended()
    store.shutDown()
  }

  @Test(arguments: [".part", ".parcel"])
  func `a folder or a link in the place of ours is told and not followed`(end: String) async {
    for isLink in [false, true] {
      let disk = await left()
      disk.put(StoreLab.path + end, nil)
      if isLink { disk.putLink(StoreLab.path + end) } else { _ = disk.makeFolder(StoreLab.path + end) }
      let store = StoreLab.store(StoreLab.world(disk, process: Int(getpid())))
      guard case .failure(let failure) = await StoreLab.open(store, StoreLab.target) else {
        Issue.record("opened")
        return store.shutDown()
      }
      store.shutDown()
      #expect(failure.code == .disk && !failure.remedy.isEmpty)
      #expect(failure.sentence.contains(isLink ? "symbolic link" : "directory"), "\(failure.text)")
      #expect(disk.bytes(StoreLab.path) == nil && disk.openDescriptors == 0)
      // Somebody takes it away: what is left does not count without the other, and the file completes.
      disk.put(StoreLab.path + end, nil)
      let problem = await StoreLab.judge(disk.afterKill(), isDone: false, least: 0)
      #expect(problem == nil)
    }
  }
}
