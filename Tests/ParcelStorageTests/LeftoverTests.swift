import Glibc
import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

@Suite struct LeftoverTests {
  /// Half of a file of 3 MiB with its journal, as an interrupted run leaves it.
  private func makePartial(_ lab: Lab, _ name: String) async throws {
    let target = Target(path: lab.path(name), size: 3 << 20, digests: [])
    let file = try await lab.ready(target)
    file.identify(ObjectIdentity(size: 3 << 20, etag: "\"x\""))
    let writer = file.writer(for: ByteRange(0, 2 << 20))
    let bytes = [UInt8](repeating: 7, count: 2 << 20)
    _ = bytes.withUnsafeBytes { writer.write($0) }
    writer.close()
    #expect(await file.suspended() == nil)
  }

  private func look(_ lab: Lab) throws -> [String] {
    try Leftovers(root: lab.root).look().map { "\($0.kind.rawValue) \($0.fate.word) \($0.name)" }
  }

  private func removeAll(_ lab: Lab, alsoForeign: Bool = false) throws {
    let leftovers = Leftovers(root: lab.root)
    for one in try leftovers.look() where one.fate == .free || alsoForeign && one.fate == .foreign {
      #expect(leftovers.remove(one) == nil)
    }
  }

  @Test func `a partial file is found in a folder below, with what it holds, and only that goes`()
    async throws
  {
    let lab = Lab()
    mkdir(lab.path("id"), 0o700)
    try await makePartial(lab, "id/a.bam")
    lab.shutDown()
    try lab.put([1, 2, 3], "finished")
    try lab.put([1, 2, 3], "id/other.txt")
    let found = try Leftovers(root: lab.root).look()
    #expect(try look(lab) == ["partial free id/a.bam.part"])
    #expect(found[0].kept == 2 << 20 && found[0].size == 3 << 20)
    #expect(found[0].files == [lab.path("id/a.bam.part"), lab.path("id/a.bam.parcel")])
    #expect(found[0].allocated >= 2 << 20)
    try removeAll(lab)
    #expect(Lab.names(lab.path("id")) == ["other.txt"])
    #expect(lab.names == ["finished", "id"])
    #expect(try look(lab).isEmpty)
  }

  @Test func `what a live process works on is listed with who, and stays`() async throws {
    let lab = Lab()
    try await makePartial(lab, "a")
    // The store of this process still holds the folder.
    let found = try Leftovers(root: lab.root).look()
    #expect(try look(lab) == ["lock held .parcel-lock", "partial held a.part"])
    guard case .held(let who) = found[1].fate else {
      Issue.record("not held")
      return
    }
    #expect(who.contains("process \(getpid()) on "))
    try removeAll(lab, alsoForeign: true)
    #expect(lab.names == ["a.parcel", "a.part"])
    lab.shutDown()
    #expect(try look(lab) == ["partial free a.part"])
  }

  @Test func `a run that began after the look is noticed`() async throws {
    let lab = Lab()
    try await makePartial(lab, "a")
    lab.shutDown()
    let leftovers = Leftovers(root: lab.root)
    let found = try leftovers.look()
    lab.restart()
    try lab.store.prepare()
    #expect(leftovers.remove(found[0])?.code == .locked)
    #expect(lab.names == ["a.parcel", "a.part"])
    // The file's own lock alone is enough, too.
    lab.shutDown()
    try lab.put(LockFile.Holder.current().text.utf8, "a.parcel-lock")
    #expect(leftovers.remove(found[0])?.code == .locked)
    #expect(lab.names == ["a.parcel", "a.parcel-lock", "a.part"])
  }

  @Test func `files of other programs are left alone, a part without our journal only goes when asked for`()
    throws
  {
    let lab = Lab()
    try lab.put([1], "firefox.part")
    try lab.put(Array("a shipping label".utf8), "dhl.parcel")
    try lab.put([1], "both.part")
    try lab.put(Array("not a journal".utf8), "both.parcel")
    mkdir(lab.path("folder.part"), 0o700)
    symlink("/etc/passwd", lab.path("link.part"))
    #expect(try look(lab) == ["unknown foreign both.part", "unknown foreign firefox.part"])
    try removeAll(lab)
    #expect(
      lab.names == ["both.parcel", "both.part", "dhl.parcel", "firefox.part", "folder.part", "link.part"])
    try removeAll(lab, alsoForeign: true)
    #expect(lab.names == ["both.parcel", "dhl.parcel", "folder.part", "link.part"])
  }

  @Test func `halves, torn and later journals and drafts are told apart`() async throws {
    let lab = Lab()
    try await makePartial(lab, "whole")
    lab.shutDown()
    let journal = try #require(lab.bytes("whole.parcel"))
    unlink(lab.path("whole.part"))
    try lab.put(Array("parcel journal 1\nxx".utf8), "torn.parcel")
    try lab.put([1], "torn.part")
    try lab.put(Array("parcel journal 99\nxx".utf8), "later.parcel")
    try lab.put([1], "later.part")
    try lab.put(journal, "draft.parcel-new")
    #expect(
      try look(lab) == [
        "draft free draft.parcel-new", "later foreign later.part", "spoiled free torn.part",
        "journal free whole.parcel",
      ])
    try removeAll(lab)
    #expect(lab.names == ["later.parcel", "later.part"])
  }

  @Test func `small files of a run that was killed are guessed by its lock and left alone`() throws {
    let lab = Lab()
    try lab.put([1], "before.part")
    var times = [timeval(tv_sec: 1000, tv_usec: 0), timeval(tv_sec: 1000, tv_usec: 0)]
    #expect(utimes(lab.path("before.part"), &times) == 0)
    var dead = LockFile.Holder.current()
    dead.started += 1
    try lab.put(dead.text.utf8, ".parcel-lock")
    mkdir(lab.path("id"), 0o700)
    try lab.put([1], "id/small.part")
    try lab.put([UInt8](repeating: 1, count: 1 << 20), "large.part")
    #expect(
      try look(lab) == [
        "lock free .parcel-lock", "unknown foreign before.part", "unknown foreign large.part",
        "small foreign id/small.part",
      ])
    // It is a guess, and nothing is removed on a guess.
    try removeAll(lab)
    #expect(Lab.names(lab.root) == ["before.part", "id", "large.part"])
    #expect(Lab.names(lab.path("id")) == ["small.part"])
  }

  @Test func `a lock of another host is listed and stays whatever is asked`() throws {
    let lab = Lab()
    var far = LockFile.Holder.current()
    far.host = "elsewhere"
    try lab.put(far.text.utf8, ".parcel-lock")
    try lab.put([1], "a.part")
    #expect(try look(lab) == ["lock held .parcel-lock", "unknown held a.part"])
    try removeAll(lab, alsoForeign: true)
    #expect(Lab.names(lab.root) == [".parcel-lock", "a.part"])
    // Also when the lock is above the folder that is looked at.
    mkdir(lab.path("sub"), 0o700)
    try lab.put([1], "sub/b.part")
    let below = try Leftovers(root: lab.path("sub")).look()
    #expect(below.map(\.fate.word) == ["held"])
  }

  @Test func `a folder that is not there is said in a sentence`() {
    #expect(throws: Failure.self) { try Leftovers(root: "/nonexistent/folder").look() }
  }
}

extension Leftover.Fate {
  fileprivate var word: String {
    switch self {
    case .free: "free"
    case .held: "held"
    case .foreign: "foreign"
    }
  }
}

@Suite struct TargetSurveyTests {
  private func spec(_ name: String, folder: String = "", size: Int = 10) -> DownloadSpec {
    DownloadSpec(source: .id(name), name: name, folder: folder, size: size)
  }

  @Test func `what is there of the rows is found, and nothing is changed`() throws {
    let lab = Lab()
    mkdir(lab.path("id"), 0o700)
    mkdir(lab.path("d"), 0o700)
    try lab.put([UInt8](repeating: 1, count: 10), "full")
    try lab.put([UInt8](repeating: 1, count: 5000), "id/x.part")
    symlink("nowhere", lab.path("dangling"))
    let before = Lab.names(lab.root)
    let specs = [
      spec("full"), spec("absent"), spec("x", folder: "id"), spec("d"), spec("dangling"),
      spec("y", folder: "none/deep"),
    ]
    let facts = TargetSurvey.look(lab.root, specs: specs)
    #expect(facts.rows.map(\.row) == [0, 2, 3, 4])
    #expect(facts.rows.map(\.final) == [.file(size: 10), .absent, .other, .other])
    #expect(facts.rows[1].allocated >= 5000)
    #expect(
      facts.failure == nil && facts.writeFailure == nil && facts.badFolders.isEmpty && facts.lock == nil)
    #expect((facts.free ?? 0) > 0)
    #expect(Lab.names(lab.root) == before)
  }

  @Test func `a folder that is not there yet is judged by the one it would be made in`() throws {
    let lab = Lab()
    let facts = TargetSurvey.look(lab.path("new/deep"), specs: [spec("a")])
    #expect(facts.existing == lab.root && facts.failure == nil && facts.rows.isEmpty)
    try lab.put([1], "file")
    #expect(TargetSurvey.look(lab.path("file"), specs: []).failure == "\(lab.path("file")) is not a folder")
    #expect(
      TargetSurvey.look(lab.path("file/sub"), specs: []).failure == "\(lab.path("file")) is not a folder")
    symlink("nowhere", lab.path("link"))
    #expect(TargetSurvey.look(lab.path("link"), specs: []).failure != nil)
  }

  @Test func `a file where a row needs a folder is found`() throws {
    let lab = Lab()
    try lab.put([1], "id")
    let facts = TargetSurvey.look(lab.root, specs: [spec("a", folder: "id"), spec("b", folder: "id/deep")])
    #expect(facts.badFolders.map(\.path) == ["id"])
    #expect(facts.badFolders.first?.why == "it is there and is no folder")
  }

  @Test func `the one who works there is named, a dead one and this process are not`() throws {
    let lab = Lab()
    try lab.store.prepare()
    #expect(TargetSurvey.look(lab.root, specs: []).lock == nil)
    lab.shutDown()
    // The program that started this test runs for sure.
    var other = LockFile.Holder.current()
    other.process = Int(getppid())
    let stat = String(
      decoding: try #require(try System.contents("/proc/\(other.process)/stat")), as: UTF8.self)
    let fields = stat[try #require(stat.lastIndex(of: ")"))...].dropFirst().split(separator: " ")
    other.started = try #require(Int(fields[19]))
    try lab.put(other.text.utf8, ".parcel-lock")
    #expect(
      TargetSurvey.look(lab.root, specs: []).lock?.sentence.contains("process \(getppid()) on ") == true)
    var dead = LockFile.Holder.current()
    dead.started += 1
    try lab.put(dead.text.utf8, ".parcel-lock")
    #expect(TargetSurvey.look(lab.root, specs: []).lock == nil)
  }
}
