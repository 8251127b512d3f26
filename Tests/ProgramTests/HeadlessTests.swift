import Foundation
import ParcelTesting
import Testing

@Suite struct HeadlessTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-programs") }

  /// A table that names every file of `names` on the server, with size and md5.
  func manifest(_ nginx: Nginx, _ names: [String], prefix: String = "") throws -> String {
    var text = "url\tpath\tsize\tmd5\n"
    for name in names {
      let path = "\(nginx.root.path)/\(name)"
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? -1
      text += "\(nginx.http)\(prefix)/\(name)\t\(name)\t\(size)\t\(try digest("md5sum", path))\n"
    }
    try folder.write(text, to: "manifest.tsv")
    return "\(folder.path)/manifest.tsv"
  }

  func summary(_ name: String = "summary.json") throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  @Test func aManifestIsFetchedVerifiedAndLeavesNothingElse() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/small", bytes: 12_345)
    try makeFile("\(nginx.root.path)/large", bytes: 30_000_001)
    try makeFile("\(nginx.root.path)/empty", bytes: 0)
    let list = try manifest(nginx, ["small", "large", "empty"])
    let result = try Programs.run(
      "parcel",
      ["-m", list, "-d", "out", "-n", "4", "--summary", "summary.json", "--events", "events.jsonl"],
      in: folder)
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(try summary()["verified"] as? Int == 3)
    for name in ["small", "large", "empty"] {
      #expect(
        try digest("sha256sum", "\(folder.path)/out/\(name)")
          == digest("sha256sum", "\(nginx.root.path)/\(name)"))
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted() == [
        "empty", "large", "small",
      ])
    let events = try String(contentsOfFile: "\(folder.path)/events.jsonl", encoding: .utf8).split(
      separator: "\n")
    for line in events { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    #expect(events.last?.contains("summary") == true)

    // Again: nothing is fetched, everything is right.
    let again = try Programs.run("parcel", ["-m", list, "-d", "out", "--summary", "second.json"], in: folder)
    #expect(again.code == 0, "\(again.out) \(again.err)")
    #expect(try summary("second.json")["fetched"] as? Int == 0)
  }

  /// A file big enough that a kill comes in the middle; `PARCEL_DEEP` makes it 2 GB.
  @Test func killedInTheMiddleItContinuesAndTheFileIsRight() throws {
    defer { folder.remove() }
    let size = ProcessInfo.processInfo.environment["PARCEL_DEEP"] == nil ? 120_000_000 : 2_000_000_000
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/big", bytes: size)
    let list = try manifest(nginx, ["big"])
    let rate = "\(size / 6)"
    let common = ["-m", list, "-d", "out", "-n", "8", "--limit-rate", rate]
    let first = try Programs.start("parcel", common, in: folder)
    let part = "\(folder.path)/out/big.part"
    let journal = "\(folder.path)/out/big.parcel"
    // Half of it is in the journal's file on disk (the part is sparse: count blocks).
    let isHalf = eventually {
      var info = stat()
      return stat(part, &info) == 0 && Int(info.st_blocks) * 512 > size / 2
    }
    #expect(isHalf)
    first.signal(SIGKILL)
    _ = first.wait()
    #expect(FileManager.default.fileExists(atPath: part))
    #expect(FileManager.default.fileExists(atPath: journal))
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/big"))

    let second = try Programs.run(
      "parcel", ["-m", list, "-d", "out", "-n", "8", "--summary", "summary.json"], in: folder)
    #expect(second.code == 0, "\(second.out) \(second.err)")
    #expect(
      try digest("sha256sum", "\(folder.path)/out/big") == digest("sha256sum", "\(nginx.root.path)/big"))
    let fetched = try #require(try summary()["fetched"] as? Int)
    // At most one second of work and the receive buffers come twice.
    #expect(fetched < size / 2 + size / 6 + (32 << 20), "fetched \(fetched) of \(size)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out") == ["big"])
  }

  @Test func anInterruptSavesAndTheSameCommandContinues() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 20_000_000)
    let list = try manifest(nginx, ["file"])
    let running = try Programs.start(
      "parcel", ["-m", list, "-d", "out", "--limit-rate", "4M", "--summary", "summary.json"], in: folder)
    let hasBegun = eventually {
      var info = stat()
      return stat("\(folder.path)/out/file.part", &info) == 0 && info.st_blocks > 4000
    }
    #expect(hasBegun)
    running.signal(SIGINT)
    let result = running.wait()
    #expect(result.code == 130, "\(result.out) \(result.err)")
    #expect(try summary()["interrupted"] as? Bool == true)
    let second = try Programs.run(
      "parcel", ["-m", list, "-d", "out", "--summary", "second.json"], in: folder)
    #expect(second.code == 0, "\(second.out) \(second.err)")
    #expect(try #require(try summary("second.json")["fetched"] as? Int) < 19_000_000)
    #expect(try digest("md5sum", "\(folder.path)/out/file") == digest("md5sum", "\(nginx.root.path)/file"))
  }

  @Test func theExitCodeSaysWhatWentWrong() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 1000)
    let run = { (arguments: [String]) in
      try Programs.run("parcel", arguments + ["-d", "out", "--retries", "0"], in: folder)
    }
    #expect(try run(["\(nginx.http)/nothing-here"]).code == 5)
    #expect(try run(["\(nginx.http)/forbidden"]).code == 4)
    #expect(try run(["http://127.0.0.1:1/x"]).code == 7)
    #expect(try run(["--no-such-option"]).code == 2)
    #expect(try run(["-m", "/nonexistent/manifest"]).code == 2)
    #expect(try run([]).code == 2)
    try folder.write(
      "url\tpath\tsize\tmd5\n\(nginx.http)/file\tfile\t1000\t00000000000000000000000000000000\n",
      to: "wrong.tsv")
    let mismatch = try run(["-m", "wrong.tsv"])
    #expect(mismatch.code == 3, "\(mismatch.out) \(mismatch.err)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/file"))
    try folder.write("url\tpath\tsize\n\(nginx.http)/file\tfile\t999\n", to: "size.tsv")
    #expect(try run(["-m", "size.tsv"]).code == 5)
    // Failures of two kinds.
    #expect(try run(["\(nginx.http)/nothing-here", "\(nginx.http)/forbidden"]).code == 1)
  }

  /// `script/install` asks each of them.
  @Test(arguments: ["parcel", "parcel-tui", "parcel-server"]) func everyProgramSaysItsVersion(name: String)
    throws
  {
    defer { folder.remove() }
    let result = try Programs.run(name, ["--version"], in: folder)
    #expect(result.code == 0 && result.out == "0.1.0\n", "\(result.out) \(result.err)")
  }

  @Test func aTokenGoesToTheServerAndToNoOtherHost() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 3_000_000)
    try folder.write("SECRETTOKEN\n", to: "token")
    let result = try Programs.run(
      "parcel", ["-t", "token", "--debug", "-d", "out", "\(nginx.http)/elsewhere/file"], in: folder)
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(!(result.out + result.err).contains("SECRETTOKEN"))
    let echo = try Programs.run("parcel", ["-t", "token", "-d", "out", "\(nginx.http)/echo"], in: folder)
    #expect(echo.code == 0, "\(echo.out) \(echo.err)")
    #expect(try String(contentsOfFile: "\(folder.path)/out/echo", encoding: .utf8).contains("SECRETTOKEN"))
  }

  @Test func aManifestFromStandardInputAndItsDryRun() throws {
    defer { folder.remove() }
    let result = try Programs.run(
      "parcel", ["-m", "-", "--dry-run", "-d", "out"], in: folder,
      input: "https://data.example/a.bam\nhttps://data.example/b.bam\n")
    #expect(result.code == 0)
    #expect(result.out.contains("2 files"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
  }

  /// Totals counted with awk.
  @Test(arguments: [
    ("gdc-open-mafs.txt", "33 files", "545,775,975 bytes"),
    ("gdc-portal-table-cptac3.txt", "56 files", "132,634,264,010 bytes"),
    ("gdc-superseded-cmi-asc.tsv", "621 files", "51,540,845,027 bytes"),
  ]) func aRealManifestLoadsWithItsTotals(name: String, files: String, bytes: String) throws {
    defer { folder.remove() }
    let path = Programs.repository + "/Tests/ParcelCoreTests/Fixtures/manifests/" + name
    // Nobody else's server is asked.
    let result = try Programs.run(
      "parcel", ["-m", path, "--dry-run", "-s", "http://127.0.0.1:1/"], in: folder)
    #expect(result.out.contains(files) && result.out.contains(bytes), "\(result.out.suffix(300))")
    #expect(result.out.contains("127.0.0.1:1 cannot be reached"), "\(result.out.suffix(300))")
  }

  @Test func verifyOnlyReadsAndFetchesNothing() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/here", bytes: 2_000_000)
    try makeFile("\(nginx.root.path)/missing", bytes: 2_000_000)
    let list = try manifest(nginx, ["here", "missing"])
    try folder.makeFolder("out")
    try FileManager.default.copyItem(atPath: "\(nginx.root.path)/here", toPath: "\(folder.path)/out/here")
    let result = try Programs.run(
      "parcel", ["-m", list, "-d", "out", "--verify-only", "--summary", "summary.json"], in: folder)
    #expect(result.code == 5, "\(result.out) \(result.err)")
    #expect(try summary()["verified"] as? Int == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out") == ["here"])
  }
}
