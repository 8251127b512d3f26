import Foundation
import ParcelTesting
import Testing

/// The check before the start, by the built programs.
@Suite struct PreflightTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-preflight") }

  private func list(_ rows: [String], named name: String = "list.tsv", header: String = "url\tpath\tsize")
    throws
  {
    try folder.write(([header] + rows).joined(separator: "\n") + "\n", to: name)
  }

  private var out: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out"))?.sorted() ?? []
  }

  private func summary() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/summary.json"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  /// Twelve files on the server and their rows.
  private func twelve(_ nginx: Nginx) throws -> [String] {
    try (0..<12).map { index in
      try makeFile("\(nginx.root.path)/f\(index)", bytes: 1000 + index)
      return "\(nginx.http)/f\(index)\tf\(index)\t\(1000 + index)"
    }
  }

  @Test func whatDoesNotFitIsSaidBeforeAnythingIsMade() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try list(try twelve(nginx) + ["\(nginx.http)/big\tbig\t900000000000000"])
    let result = try Programs.run(
      "parcel", ["-m", "list.tsv", "-d", "out", "--summary", "summary.json", "--events", "events.jsonl"],
      in: folder)
    #expect(result.code == 6, "\(result.out) \(result.err)")
    #expect(result.err.contains("900.00 TB are needed, and "), "\(result.err)")
    #expect(result.err.contains("nothing was fetched"), "\(result.err)")
    #expect(out.isEmpty)
    #expect(try summary()["exit"] as? Int == 6)
    #expect((try summary()["preflight"] as? [[String: Any]])?.first?["topic"] as? String == "Room")
    #expect(try summary()["stopped"] as? String == "preflight")
    let events = try records()
    #expect(events.map { $0["type"] as? String } == ["start", "preflight", "summary"])
    let clock = events.first?["clock"] as? String ?? ""
    #expect(clock.count == 20 && clock.hasPrefix("20") && clock.hasSuffix("Z"), "\(clock)")
    #expect(events.dropFirst().first?["stops"] as? Bool == true)
    #expect(events.dropFirst().first?["files"] as? Int == 13)
    #expect(events.last?["exit"] as? Int == 6)
  }

  private func records() throws -> [[String: Any]] {
    try String(contentsOfFile: "\(folder.path)/events.jsonl", encoding: .utf8).split(separator: "\n")
      .compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
  }

  @Test func whatCannotBeWrittenBesideTheFilesIsSaidBeforeTheFirstByte() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try list(try twelve(nginx))
    try folder.write("old", to: "old.json")
    for (path, why) in [("none/s.json", "No such file or directory"), (".", "Is a directory")] {
      let result = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out", "--summary", path], in: folder)
      #expect(result.code == 6, "\(result.out) \(result.err)")
      #expect(result.err.contains("Could not write '\(path)': \(why)"), "\(result.err)")
      #expect(out.isEmpty)
    }
    // An old summary stays until there is a new one.
    let result = try Programs.run(
      "parcel", ["-m", "list.tsv", "-d", "out", "--summary", "old.json", "--cacert", "none"], in: folder)
    #expect(result.code == 2, "\(result.err)")
    #expect(try String(contentsOfFile: "\(folder.path)/old.json", encoding: .utf8).contains("stopped"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter { $0.contains("tmp") }
        .isEmpty)
  }

  @Test func aFolderThatCannotBeMadeIsInTheEventsAndTheSummary() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try folder.write("no folder", to: "out")
    let result = try Programs.run(
      "parcel",
      [
        "\(nginx.http)/f", "-d", "out/below", "--keep-going", "--summary", "summary.json", "--events",
        "events.jsonl",
      ], in: folder)
    #expect(result.code == 6, "\(result.out) \(result.err)")
    #expect(try records().map { $0["type"] as? String } == ["start", "preflight", "summary"])
    #expect(try summary()["stopped"] as? String == "failure")
    #expect((try summary()["failure"] as? [String: Any])?["code"] as? String == "disk")
  }

  @Test func problemsOfSeveralKindsAreListedTogether() throws {
    defer { folder.remove() }
    try folder.write("T\n", to: "token")
    chmod("\(folder.path)/token", 0o644)
    try folder.makeFolder("out")
    try folder.makeFolder("out/dir")
    try folder.write("other", to: "out/other")
    try list([
      "http://127.0.0.1:1/a\ta\t900000000000000", "http://127.0.0.1:1/o\tother\t9",
      "http://127.0.0.1:1/d\tdir\t9",
    ])
    try list(["http://127.0.0.1:1/again\ta\t7"], named: "second.tsv")
    let result = try Programs.run(
      "parcel", ["-m", "list.tsv", "-m", "second.tsv", "-d", "out", "-t", "token", "--cacert", "none.pem"],
      in: folder)
    #expect(result.code == 1, "\(result.out) \(result.err)")
    for words in [
      "before the start: 5 problems, 1 remark", "none.pem", "900.00 TB are needed",
      "'http://127.0.0.1:1/again' ", "something else than an ordinary file: dir",
      "it has 5 bytes, and 9 are wanted: other",
      "chmod 600 token",
    ]
    where
      !(words.hasPrefix("'")
      ? result.err.contains("would both be written to 'a'") : result.err.contains(words))
    {
      Issue.record("no '\(words)' in \(result.err)")
    }
    // The worst first.
    let lines = result.err.split(separator: "\n")
    #expect(lines.dropFirst().first?.contains("Authority") == true, "\(result.err)")
  }

  @Test func keepGoingLeavesOutRowsWithAProblemAndFetchesTheOthers() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    var rows = try twelve(nginx).map { $0 + "\t\treleased" }
    rows[2] = rows[2].replacingOccurrences(of: "\t\treleased", with: "\tnewer-id\treleased")
    rows[5] = rows[5].replacingOccurrences(of: "\treleased", with: "\tsuppressed")
    try list(rows, header: "url\tpath\tsize\tnew_id\tstate")
    let stopped = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(stopped.code == 5, "\(stopped.out) \(stopped.err)")
    #expect(out.isEmpty)
    let result = try Programs.run(
      "parcel", ["-m", "list.tsv", "-d", "out", "--keep-going", "--summary", "summary.json"], in: folder)
    #expect(result.code == 1, "\(result.out) \(result.err)")
    #expect(out.count == 10 && !out.contains("f2") && !out.contains("f5"), "\(out)")
    #expect(
      result.out.contains("10 of 12 files complete") && result.out.contains("2 left out"), "\(result.out)")
    #expect(try summary()["skipped"] as? Int == 2)
    #expect(try summary()["failed"] as? Int == 0)
    let codes = (try summary()["failures"] as? [[String: Any]])?.compactMap {
      ($0["failure"] as? [String: Any])?["code"] as? String
    }
    #expect(codes == ["skipped", "skipped"])
  }

  @Test func aServerThatIsNotThereStopsABatchAtOnceWithTheNetworksCode() throws {
    defer { folder.remove() }
    let closed = try ListeningSocket()
    close(closed.descriptor)
    let rows = { (base: String) in (0..<12).map { "\(base)/f\($0)\tf\($0)\t10" } }
    try list(rows("http://127.0.0.1:\(closed.port)"))
    let refused = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(refused.code == 7, "\(refused.err)")
    #expect(
      refused.err.contains("127.0.0.1:\(closed.port) cannot be reached (connection refused)"),
      "\(refused.err)")
    try list(rows("http://nothing.invalid"))
    let nameless = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(
      nameless.code == 7 && nameless.err.contains("there is no host named nothing.invalid"), "\(nameless.err)"
    )
    #expect(out.isEmpty)
  }

  @Test func certificatesAreRefusedBeforeTheStart() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try list((0..<12).map { "\(nginx.httpsExpired)/f\($0)\tf\($0)\t10" })
    let result = try Programs.run(
      "parcel", ["-m", "list.tsv", "-d", "out", "--cacert", nginx.authority], in: folder)
    #expect(result.code == 7 && result.err.contains("it has expired"), "\(result.err)")
  }

  @Test func theFirstRowIsAskedForWithTheTokenAndAnswersForTheBatch() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    var rows = try twelve(nginx)
    rows[0] = "\(nginx.http)/forbidden\tforbidden\t10"
    try list(rows)
    let forbidden = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(forbidden.code == 4, "\(forbidden.err)")
    #expect(
      forbidden.err.contains(Nginx.forbiddenBody) && forbidden.err.contains(": forbidden"), "\(forbidden.err)"
    )
    rows[0] = "\(nginx.http)/not-there\tnot-there\t10"
    try list(rows)
    #expect(try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder).code == 5)
    rows[0] = "\(nginx.http)/auth/f1\tauth\t1001"
    try list(rows)
    let login = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(login.code == 4 && login.err.contains("wants a token or password"), "\(login.err)")
    rows[0] = "\(nginx.http)/f1\tshort\t999"
    try list(rows)
    let size = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(
      size.code == 5 && size.err.contains("the server has 1,001 bytes, and the manifest says 999"),
      "\(size.err)")
    #expect(out.isEmpty)
    // Redirects are followed, and the token stays with the host that it is for.
    try folder.write("SECRETTOKEN\n", to: "token")
    chmod("\(folder.path)/token", 0o600)
    rows[0] = "\(nginx.http)/elsewhere/f1\tmoved\t1001"
    try list(rows)
    let moved = try Programs.run(
      "parcel", ["-m", "list.tsv", "-d", "out", "-t", "token", "--debug"], in: folder)
    #expect(moved.code == 0, "\(moved.out.suffix(500)) \(moved.err.suffix(1500))")
    #expect(!moved.err.contains("before the start"), "\(moved.err.prefix(500))")
    #expect(out.count == 12)
  }

  @Test func aDryRunPrintsTheSameProblemsAndMakesNothing() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try list(try twelve(nginx) + ["\(nginx.http)/f1\tbig\t900000000000000"])
    let result = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out", "--dry-run"], in: folder)
    #expect(result.code == 6, "\(result.err)")
    #expect(result.out.contains("problem: Room: 900.00 TB are needed"), "\(result.out)")
    #expect(result.out.contains("1 problem\n"), "\(result.out)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
  }

  @Test func aFullDiskIsKnownByWhatTheFileSystemSays() throws {
    defer { folder.remove() }
    // A file system of one megabyte in a name space of its own.
    let mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none"]
    // Where name spaces are not allowed there is no small disk to try it on.
    guard try Programs.run("unshare", ["-rm"] + mount + ["/mnt"], in: folder).code == 0 else { return }
    try list(["http://127.0.0.1:1/a\ta\t2000000"])
    try folder.makeFolder("small")
    let command =
      mount.joined(separator: " ") + " small && exec '\(Programs.folder)/parcel' -m list.tsv -d small"
    let result = try Programs.run("unshare", ["-rm", "sh", "-c", command], in: folder)
    #expect(result.code == 6, "\(result.err)")
    #expect(result.err.contains("2.00 MB are needed, and 1.05 MB are free in "), "\(result.err)")
  }

  @Test func anExpiredWebTokenStopsBeforeTheServerIsAsked() throws {
    defer { folder.remove() }
    // {"alg":"none"} . {"exp":1000000000}
    try folder.write("eyJhbGciOiJub25lIn0.eyJleHAiOjEwMDAwMDAwMDB9.c2ln\n", to: "token")
    chmod("\(folder.path)/token", 0o600)
    try list(["http://127.0.0.1:1/a\ta\t20"])
    let result = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out", "-t", "token"], in: folder)
    #expect(result.code == 4, "\(result.err)")
    #expect(
      result.err.contains("the token says that it expired ") && result.err.contains(" days ago"),
      "\(result.err)")
  }

  // MARK: Two processes, and clean

  private func clean(_ arguments: String...) throws -> (code: Int32, items: [[String: Any]]) {
    let result = try Programs.run("parcel", ["clean", "--json"] + arguments, in: folder)
    let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    return (result.code, try #require(object?["items"] as? [[String: Any]], "\(result.out) \(result.err)"))
  }

  @Test func theSecondOfTwoIsToldByWhomAndCleanRemovesWhatTheFirstLeft() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 20_000_000)
    try list(["\(nginx.http)/file\tsub/file\t20000000"])
    let first = try Programs.start(
      "parcel", ["-m", "list.tsv", "-d", "out", "--limit-rate", "2M"], in: folder)
    let hasBegun = eventually {
      var info = stat()
      return stat("\(folder.path)/out/sub/file.parcel", &info) == 0
        && stat("\(folder.path)/out/sub/file.part", &info) == 0 && info.st_blocks > 2000
    }
    #expect(hasBegun)
    let second = try Programs.run("parcel", ["-m", "list.tsv", "-d", "out"], in: folder)
    #expect(second.code == 6, "\(second.err)")
    let pid = first.pid
    #expect(
      second.err.contains("parcel, process \(pid) on '")
        && second.err.contains("has been working on it since 20"),
      "\(second.err)")
    // Nothing of a live one is removed.
    let held = try clean("out", "--yes", "--all")
    #expect(held.code == 0)
    #expect(held.items.allSatisfy { $0["outcome"] as? String == "left" }, "\(held.items)")
    #expect(held.items.count == 2)
    #expect((held.items.last?["held_by"] as? String)?.contains("process \(pid)") == true)

    first.signal(SIGKILL)
    _ = first.wait()
    try folder.write("x", to: "out/foreign.part")
    let listed = try clean("out")
    #expect(
      listed.items.map { "\($0["kind"] ?? "") \($0["outcome"] ?? "")" } == [
        "lock listed", "small left", "partial listed",
      ], "\(listed.items)")
    #expect((listed.items.last?["kept"] as? Int ?? 0) > 0)
    let plain = try Programs.run("parcel", ["clean", "out"], in: folder)
    #expect(plain.code == 0 && plain.out.contains("Nothing was changed."), "\(plain.out)")
    #expect(plain.out.contains("sub/file.part") && plain.out.contains("of 20.00 MB"), "\(plain.out)")
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/sub/file.part"))

    let removed = try clean("out", "--yes")
    #expect(
      removed.items.map { $0["outcome"] as? String } == ["removed", "left", "removed"], "\(removed.items)")
    #expect(out == ["foreign.part", "sub"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out/sub").isEmpty)
    let empty = try Programs.run("parcel", ["clean", "out/sub"], in: folder)
    #expect(empty.code == 0 && empty.out == "Nothing is left over in out/sub.\n", "\(empty.out)")
  }

  @Test func cleanSaysWhatItCannotDo() throws {
    defer { folder.remove() }
    let missing = try Programs.run("parcel", ["clean", "nothing"], in: folder)
    #expect(missing.code == 6 && missing.err.contains("Could not look into"), "\(missing.err)")
    #expect(try Programs.run("parcel", ["clean"], in: folder).code == 2)
    let help = try Programs.run("parcel", ["clean", "--help"], in: folder)
    #expect(help.code == 0 && help.out.contains("parcel clean DIR"), "\(help.out)")
    // A file with that id.
    let id = try Programs.run(
      "parcel", ["-s", "http://127.0.0.1:1/", "--retries", "0", "-d", "out", "--", "clean"], in: folder)
    #expect(id.code == 7, "\(id.out) \(id.err)")
  }
}

/// The same in the session.
@Suite struct PreflightSessionTests {
  @Test func thePanelComesBeforeTheStartAndItsAnswersCount() throws {
    let folder = try TemporaryFolder("parcel-preflight")
    let nginx = try Nginx()
    let tmux = try Tmux(folder, columns: 80, rows: 24)
    defer {
      tmux.stop()
      nginx.stop()
      folder.remove()
    }
    var rows = ["url\tpath\tsize\tstate"]
    for index in 0..<12 {
      try makeFile("\(nginx.root.path)/f\(index)", bytes: 1000)
      rows.append("\(nginx.http)/f\(index)\tf\(index)\t1000\t\(index == 3 ? "suppressed" : "released")")
    }
    try folder.write(rows.joined(separator: "\n") + "\n", to: "list.tsv")
    try tmux.shows("READY>")
    try tmux.line("\(Programs.folder)/parcel-tui -m list.tsv -d out")
    try tmux.shows(
      "Before the start: 1 problem", "the manifest says 'suppressed'", "f3", "skip them")
    try tmux.answer("Escape", shows: "Nothing was started")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/f0"))
    try tmux.type("Enter")
    try tmux.shows("Before the start: 1 problem")
    try tmux.answer("s", shows: "11 of 12")
    try tmux.type("q")
    try tmux.shows("1 left out", "READY>")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/f3"))
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/f11"))
  }
}
