import Foundation
import ParcelTesting
import Testing

/// What stands on the server under a URL changes between two runs. Nothing but the URL is known.
@Suite struct ReplacedTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-replaced") }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out")) ?? []).sorted()
  }

  /// Interrupts a run of parcel as soon as some megabytes are here.
  private func begin(_ nginx: Nginx) throws {
    let running = try Programs.start(
      "parcel", ["\(nginx.http)/file.bin", "-d", "out", "-n", "2", "--limit-rate", "6M"], in: folder)
    let hasBegun = eventually {
      var info = stat()
      return stat("\(folder.path)/out/file.bin.part", &info) == 0 && info.st_blocks * 512 > 7_000_000
    }
    #expect(hasBegun)
    running.signal(SIGINT)
    #expect(running.wait().code == 130)
    #expect(names == ["file.bin.parcel", "file.bin.part"])
  }

  private func fetched(_ result: RunningProgram.Result) throws -> Int {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/summary.json"))
    let summary = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    return try #require(summary["fetched"] as? Int)
  }

  @Test func aSignInPageInItsPlaceIsNotTheFileAndNothingOfItIsLost() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let file = "\(nginx.root.path)/file.bin"
    try makeFile(file, bytes: 20_000_000)
    try begin(nginx)
    try FileManager.default.moveItem(atPath: file, toPath: file + ".away")
    try Data("<html>Please sign in.</html>".utf8).write(to: URL(fileURLWithPath: file))
    let refused = try Programs.run("parcel", ["\(nginx.http)/file.bin", "-d", "out"], in: folder)
    #expect(refused.code == 5, "\(refused.out) \(refused.err)")
    #expect(names == ["file.bin.parcel", "file.bin.part"])

    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.moveItem(atPath: file + ".away", toPath: file)
    let right = try Programs.run(
      "parcel", ["\(nginx.http)/file.bin", "-d", "out", "--summary", "summary.json"], in: folder)
    #expect(right.code == 0, "\(right.out) \(right.err)")
    #expect(try fetched(right) < 16_000_000)
    #expect(try digest("sha256sum", "\(folder.path)/out/file.bin") == digest("sha256sum", file))
    #expect(names == ["file.bin"])
  }

  @Test func anotherObjectOfAnySizeIsRefusedAndRestartFetchesIt() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let file = "\(nginx.root.path)/file.bin"
    try makeFile(file, bytes: 20_000_000)
    try begin(nginx)
    for bytes in [20_000_000, 21_000_000] {
      try makeFile(file, bytes: bytes)
      // nginx's ETag is of size and time: another second than the first's.
      try FileManager.default.setAttributes(
        [.modificationDate: Date(timeIntervalSince1970: Double(bytes))], ofItemAtPath: file)
      let refused = try Programs.run("parcel", ["\(nginx.http)/file.bin", "-d", "out"], in: folder)
      #expect(refused.code == 5, "\(refused.out) \(refused.err)")
      #expect(names == ["file.bin.parcel", "file.bin.part"])
    }
    let right = try Programs.run("parcel", ["\(nginx.http)/file.bin", "-d", "out", "--restart"], in: folder)
    #expect(right.code == 0, "\(right.out) \(right.err)")
    #expect(try digest("sha256sum", "\(folder.path)/out/file.bin") == digest("sha256sum", file))
    #expect(names == ["file.bin"])
  }
}
