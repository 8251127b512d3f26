import Glibc
import ParcelCore
import ParcelSystem
import Testing

@testable import ParcelStorage

/// Links that stand in the folder before a run.
@Suite struct ConfinementTests {
  private let outside = Lab()
  private let lab = Lab()

  private func link(_ name: String, to target: String) { #expect(symlink(target, lab.path(name)) == 0) }

  private func opened(_ path: String, size: Int = 9) async -> Result<OpenResult, Failure> {
    await withCheckedContinuation { continuation in
      lab.store.open(
        Target(path: lab.path(path), size: size, digests: []), events: { _ in },
        completion: { continuation.resume(returning: $0) })
    }
  }

  @Test(arguments: [9, 3 << 20]) func `a folder that is a link out of the root is refused, at any depth`(
    size: Int
  ) async throws {
    #expect(mkdir(lab.path("real"), 0o777) == 0)
    link("away", to: outside.root)
    link("real/away", to: outside.root)
    link("gone", to: outside.root + "/nothing")
    link("up", to: "..")
    for path in ["away/x", "away/sub/x", "real/away/x", "gone/x", "up/x"] {
      guard case .failure(let failure) = await opened(path, size: size) else {
        Issue.record("\(path) was opened")
        continue
      }
      #expect(
        failure.code == .disk && failure.sentence.contains("is a symbolic link that leads out of"),
        "\(failure)")
    }
    #expect(outside.names.isEmpty && Lab.names(lab.path("real")) == ["away"])
  }

  @Test func `a link to a folder inside of the root is a folder, and the root itself may be a link`()
    async throws
  {
    #expect(mkdir(lab.path("real"), 0o777) == 0)
    link("inside", to: "real")
    #expect(try Confinement.failure(lab.path("inside/x"), root: lab.root) == nil)
    #expect(try Confinement.failure(lab.path("real/new/x"), root: lab.root) == nil)
    #expect(try Confinement.failure("/elsewhere/x", root: lab.root) == nil)
    let name = lab.root + "-link"
    #expect(symlink(lab.root, name) == 0)
    defer { unlink(name) }
    #expect(try Confinement.failure(name + "/inside/x", root: name) == nil)
    link("away", to: outside.root)
    #expect(try Confinement.failure(name + "/away/x", root: name) != nil)
  }

  @Test func `part and journal are never written through a link`() async throws {
    let size = 3 << 20
    try outside.put(Array("precious".utf8), "precious")
    link("a.part", to: outside.path("new"))
    link("b.parcel", to: outside.path("precious"))
    for path in ["a", "b"] {
      guard case .failure(let failure) = await opened(path, size: size) else {
        Issue.record("\(path) was opened")
        continue
      }
      #expect(failure.sentence.contains("a symbolic link stands where"), "\(failure)")
    }
    // The journal's new copy takes the link's place.
    link("c.parcel-new", to: outside.path("precious"))
    let journal = try JournalFile(
      lab.path("c.parcel"), text: Journal.header, records: 0, durably: true, .kernel)
    #expect(journal.length == Journal.header.utf8.count)
    #expect(outside.names == ["precious"] && outside.text("precious") == "precious")
    #expect(lab.text("c.parcel") == Journal.header)
  }

  @Test func `a stale lock behind the longest name can be moved away`() throws {
    let name = String(repeating: "n", count: SafeName.componentLimit) + ".parcel-lock"
    let me = LockFile.Holder.current()
    var dead = me
    dead.started = 1
    try lab.put(Array(dead.text.utf8), name)
    guard case .success(let lock) = LockFile.take(lab.path(name), for: "x", as: me) else {
      Issue.record("a dead holder's lock was respected")
      return
    }
    lock.release()
    #expect(lab.names.isEmpty)
  }
}
