import Glibc
import ParcelCore
import ParcelSystem
import Synchronization
import Testing

@testable import ParcelStorage

/// What a ledger said.
private final class Remarks: Sendable {
  private let texts = Mutex<[String]>([])
  var say: @Sendable (String) -> Void { { text in self.texts.withLock { $0.append(text) } } }
  var all: [String] { texts.withLock { $0 } }
}

@Suite struct LedgerTests {
  let lab = Lab()
  let content = pattern(300_000)
  let state: String
  fileprivate let remarks = Remarks()
  var ledgerFile: String { state + "/verified" }
  var target: Target { Target(path: lab.path("a"), size: content.count, digests: [md5(content)]) }

  init() throws {
    state = lab.path("state/parcel")
    _ = try System.makeFolders(lab.path("state"))
  }

  /// Another run, with a ledger.
  func restart(rehashes: Bool = false) {
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    lab.restart { options in
      options.ledger = ledger
      options.rehashes = rehashes
    }
  }

  func open() async throws -> OpenResult {
    try await withCheckedContinuation { go in
      lab.store.open(target, events: { _ in }) { go.resume(returning: $0) }
    }.get()
  }

  /// True when the target was taken for right without being read: its bytes are swapped for others under the same stamp by
  /// the caller, or not.
  func isTrusted() async -> Bool {
    guard let found = (try? System.status(target.path)).flatMap({ $0 }) else { return false }
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    defer { ledger.close() }
    return ledger.vouches(for: target.path, FileStamp(found), target.digests)
  }

  /// A right file with times of long ago, and a ledger that knows it.
  func scene() async throws {
    try lab.put(content, "a")
    setTimes(seconds: 1_700_000_000)
    let found = try #require(try System.status(target.path))
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    ledger.note(
      target.path, FileStamp(found), target.digests, knownAt: FileStamp(found).modified + 3_000_000_000)
    ledger.close()
    #expect(await isTrusted())
  }

  func setTimes(seconds: Int) {
    var times = [
      timespec(tv_sec: seconds, tv_nsec: 123_456_789), timespec(tv_sec: seconds, tv_nsec: 123_456_789),
    ]
    utimensat(AT_FDCWD, target.path, &times, 0)
  }

  @Test func `a downloaded file is not read again in the next run`() async throws {
    restart()
    guard case .ready(let part) = try await open() else {
      Issue.record("it is not there yet")
      return
    }
    part.identify(ObjectIdentity(size: content.count))
    _ = part.fill(ByteRange(0, content.count), from: content)
    #expect(try await part.finished(content.count, target.digests).verified != nil)
    restart()
    lab.shutDown()
    // Its name is there and its times are fine enough that no change could be hidden.
    let found = try #require(try System.status(target.path))
    let stamp = FileStamp(found)
    let isNoted = stamp.showsChanges(after: stamp.changed)
    #expect(await isTrusted() == isNoted)
    guard isNoted else { return }
    var info = stat()
    #expect(stat(state, &info) == 0 && info.st_mode & 0o777 == 0o700)
    #expect(stat(ledgerFile, &info) == 0 && info.st_mode & 0o777 == 0o600)
  }

  @Test func `a file that was read and found right is known from then on`() async throws {
    try lab.put(content, "a")
    setTimes(seconds: 1_700_000_000)
    restart()
    guard case .alreadyDone(_, true) = try await open() else {
      Issue.record("not right")
      return
    }
    lab.shutDown()
    #expect(await isTrusted())
  }

  /// The bytes are wrong, and only the ledger could say otherwise.
  @Test func `a change of the same size with the old time is seen`() async throws {
    try await scene()
    try lab.patch("a", at: 1000, [content[1000] ^ 1])
    setTimes(seconds: 1_700_000_000)
    #expect(await isTrusted() == false)
    restart()
    await #expect(throws: Failure.self) { _ = try await open() }
  }

  @Test func `any other attribute counts too`() async throws {
    try await scene()
    let found = try #require(try System.status(target.path))
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    defer { ledger.close() }
    let stamp = FileStamp(found)
    #expect(ledger.vouches(for: target.path, stamp, target.digests))
    var others = [FileStamp](repeating: stamp, count: 5)
    others[0].device += 1
    others[1].inode += 1
    others[2].size += 1
    others[3].modified += 1
    others[4].changed += 1
    for other in others { #expect(!ledger.vouches(for: target.path, other, target.digests)) }
    #expect(!ledger.vouches(for: target.path + "b", stamp, target.digests))
    #expect(!ledger.vouches(for: target.path, stamp, [md5(Array("other".utf8))]))
    #expect(!ledger.vouches(for: target.path, stamp, []))
    let sha = try #require(Digest(.sha256, bytes: [UInt8](repeating: 0, count: 32), source: .manifest))
    #expect(!ledger.vouches(for: target.path, stamp, target.digests + [sha]))
  }

  @Test func `a file changed a moment ago is not noted`() async throws {
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    let now = 1_700_000_000_123_456_789
    let stamp = FileStamp(device: 1, inode: 2, size: 3, modified: now, changed: now)
    ledger.note("/a", stamp, target.digests, knownAt: now + 19_000_000)
    var coarse = stamp
    (coarse.modified, coarse.changed) = (1_700_000_000_000_000_000, 1_700_000_000_000_000_000)
    ledger.note("/b", coarse, target.digests, knownAt: coarse.modified + 1_000_000_000)
    #expect(!ledger.vouches(for: "/a", stamp, target.digests))
    #expect(!ledger.vouches(for: "/b", coarse, target.digests))
    ledger.note("/a", stamp, target.digests, knownAt: now + 20_000_000)
    #expect(ledger.vouches(for: "/a", stamp, target.digests))
    ledger.close()
  }

  @Test func `--rehash reads all the same`() async throws {
    try await scene()
    // A ledger that is wrong, as after a change that no attribute shows.
    try lab.put(wrongContent, "a")
    setTimes(seconds: 1_700_000_000)
    let found = try #require(try System.status(target.path))
    let ledger = Ledger(folder: state, onRemark: remarks.say)
    ledger.note(target.path, FileStamp(found), target.digests, knownAt: .max)
    ledger.close()
    restart()
    guard case .alreadyDone(_, true) = try await open() else {
      Issue.record("the ledger was not used")
      return
    }
    restart(rehashes: true)
    await #expect(throws: Failure.self) { _ = try await open() }
  }

  var wrongContent: [UInt8] {
    var bytes = content
    bytes[5] ^= 1
    return bytes
  }

  @Test func `rubbish is ignored with a remark and replaced`() async throws {
    try await scene()
    let descriptor = try System.open(ledgerFile, O_WRONLY | O_TRUNC)
    try System.append(String(repeating: "\u{1}rubbish", count: 5000), to: descriptor)
    close(descriptor)
    #expect(await isTrusted() == false)
    #expect(remarks.all.count == 1 && remarks.all[0].contains("begun anew"))
    restart()
    guard case .alreadyDone(_, true) = try await open() else {
      Issue.record("not right")
      return
    }
    lab.shutDown()
    #expect(await isTrusted())
    #expect(remarks.all.count == 2)
  }

  @Test func `cut at any byte it vouches for no more than it did`() async throws {
    try await scene()
    let whole = try #require(try System.contents(ledgerFile))
    let found = try #require(try System.status(target.path))
    for count in stride(from: 0, to: whole.count, by: 7) {
      let descriptor = try System.open(ledgerFile, O_WRONLY | O_TRUNC)
      try System.append(String(decoding: whole[..<count], as: UTF8.self), to: descriptor)
      close(descriptor)
      let ledger = Ledger(folder: state)
      #expect(
        ledger.vouches(for: target.path, FileStamp(found), target.digests) == false
          || count >= whole.count - 1)
      // What comes behind a torn line is whole.
      ledger.note("/other", FileStamp(found), target.digests, knownAt: .max)
      ledger.close()
      let next = Ledger(folder: state)
      #expect(next.vouches(for: "/other", FileStamp(found), target.digests))
      next.close()
    }
  }

  @Test func `a flipped bit costs one line`() async throws {
    try await scene()
    let found = FileStamp(try #require(try System.status(target.path)))
    let ledger = Ledger(folder: state)
    ledger.note("/other", found, target.digests, knownAt: .max)
    ledger.close()
    var bytes = try #require(try System.contents(ledgerFile))
    let place = try #require(bytes.firstIndex(of: UInt8(ascii: "=")))
    bytes[place + 3] ^= 1
    let descriptor = try System.open(ledgerFile, O_WRONLY | O_TRUNC)
    try System.append(String(decoding: bytes, as: UTF8.self), to: descriptor)
    close(descriptor)
    let next = Ledger(folder: state, onRemark: remarks.say)
    #expect(!next.vouches(for: target.path, found, target.digests))
    #expect(next.vouches(for: "/other", found, target.digests))
    #expect(remarks.all.last?.contains("1 damaged line") == true)
    next.close()
  }

  @Test func `a ledger that others may write to is not used and not written`() async throws {
    try await scene()
    chmod(ledgerFile, 0o666)
    let before = try System.contents(ledgerFile)
    #expect(await isTrusted() == false)
    restart()
    guard case .alreadyDone(_, true) = try await open() else {
      Issue.record("not right")
      return
    }
    lab.shutDown()
    #expect(try System.contents(ledgerFile) == before)
    #expect(remarks.all.allSatisfy { $0.contains("others may write") } && !remarks.all.isEmpty)
  }

  /// Needs root to give a file away; others cannot make the case.
  @Test(.enabled(if: geteuid() == 0)) func `another user's ledger is not used`() async throws {
    try await scene()
    chown(ledgerFile, 12345, 12345)
    #expect(await isTrusted() == false)
    #expect(remarks.all.last?.contains("another user") == true)
  }

  @Test func `a link in its place is not followed`() async throws {
    try await scene()
    rename(ledgerFile, lab.path("elsewhere"))
    symlink(lab.path("elsewhere"), ledgerFile)
    #expect(await isTrusted() == false)
    #expect(remarks.all.count == 1)
  }

  @Test func `two at once lose no line, also while one of them writes it anew`() async throws {
    try await scene()
    let stamp = FileStamp(try #require(try System.status(target.path)))
    // So many stale lines that the next to open it writes it anew.
    let old = Ledger(folder: state)
    for round in 0..<12 {
      for index in 0..<110 {
        var other = stamp
        other.changed += round
        old.note("/stale\(index)", other, target.digests, knownAt: .max)
      }
    }
    old.close()
    let pair = [Ledger(folder: state), Ledger(folder: state)]
    for ledger in pair { _ = ledger.vouches(for: "/x", stamp, target.digests) }
    await withTaskGroup(of: Void.self) { group in
      for (number, ledger) in pair.enumerated() {
        group.addTask { [digests = target.digests] in
          for index in 0..<100 { ledger.note("/\(number)/\(index)", stamp, digests, knownAt: .max) }
          ledger.close()
        }
      }
    }
    let all = Ledger(folder: state, onRemark: remarks.say)
    for number in 0..<2 {
      for index in 0..<100 {
        #expect(all.vouches(for: "/\(number)/\(index)", stamp, target.digests), "\(number) \(index)")
      }
    }
    #expect(all.vouches(for: target.path, stamp, target.digests))
    all.close()
    #expect(remarks.all.isEmpty)
  }
}
