import Foundation
import ParcelCore
import ParcelTesting
import Testing

/// The 300 names, through the real client into a real folder.
@Suite(.serialized) struct HostileNamesTests {
  let folder: TemporaryFolder
  private static let body = Array("harmless\n".utf8)

  init() throws {
    folder = try TemporaryFolder("parcel-hostile")
    try folder.makeFolder("outside")
    try folder.makeFolder("run")
    try folder.makeFolder("run/out")
  }

  private var run: TemporaryFolder { TemporaryFolder(existing: folder.path + "/run") }

  /// Answers each `/N` with the file, and the name of case N in a field.
  private func server() throws -> RecordingServer {
    try RecordingServer { request in
      var fields = [("ETag", "\"1\"")]
      let parts = request.target.split(separator: "/").map(String.init)
      if parts.count == 2, parts[0] == "field", let number = Int(parts[1]),
        HostileNames.all.indices.contains(number)
      {
        let text = HostileNames.all[number].text
        fields.append(
          (
            "Content-Disposition",
            "attachment; filename*=UTF-8''" + PercentCoding.encode(String(text.prefix(900)))
          ))
      }
      return .init(200, fields, body: Self.body)
    }
  }

  /// Every path below the scene's folder, but what is in `run/out`, the output files and where the journal's places are.
  private func surroundings() -> [String] {
    let all = (FileManager.default.enumerator(atPath: folder.path)?.allObjects as? [String]) ?? []
    return all.filter { !$0.hasPrefix("run/") || $0 == "run/out" }.sorted()
  }

  /// Nothing beside the target folder, and nothing in it that is hidden, of our own kind, a link, or not to be shown.
  private func expectInside(_ before: [String], place: SourceLocation = #_sourceLocation) throws -> [String] {
    #expect(surroundings() == before, sourceLocation: place)
    let root = folder.path + "/run/out"
    let paths = (FileManager.default.enumerator(atPath: root)?.allObjects as? [String]) ?? []
    var files: [String] = []
    for path in paths {
      var info = stat()
      #expect(lstat(root + "/" + path, &info) == 0, sourceLocation: place)
      let kind = info.st_mode & S_IFMT
      #expect(kind == S_IFREG || kind == S_IFDIR, "\(path)", sourceLocation: place)
      if kind == S_IFREG { files.append(path) }
      #expect(SafeName.path(path) == .success(path), "\(path.debugDescription)", sourceLocation: place)
    }
    return files
  }

  private func arguments(_ more: [String]) -> [String] {
    ["-d", "out", "-j", "8", "--retries", "0", "--events", "events.jsonl", "--summary", "summary.json"] + more
  }

  /// Each line of the events, and the summary, is JSON without anything that cannot be seen.
  private func expectJSON(place: SourceLocation = #_sourceLocation) throws {
    for name in ["events.jsonl", "summary.json"] {
      let text = try String(contentsOfFile: "\(run.path)/\(name)", encoding: .utf8)
      #expect(
        !text.unicodeScalars.contains { $0 != "\n" && Printable.isHidden($0) }, "\(name)",
        sourceLocation: place)
      for line in text.split(separator: "\n") {
        #expect(throws: Never.self, "\(name): \(line)", sourceLocation: place) {
          try JSONSerialization.jsonObject(with: Data(line.utf8))
        }
      }
    }
  }

  private func expectShowable(_ text: String, place: SourceLocation = #_sourceLocation) {
    let bad = text.unicodeScalars.filter { $0 != "\n" && Printable.isHidden($0) }
    #expect(bad.isEmpty, "\(bad.prefix(5))", sourceLocation: place)
  }

  /// Names that a line of a table can hold and that are not refused, each with a path that no other has.
  private func table(_ server: RecordingServer) -> (text: String, paths: [String]) {
    var text = "url\tpath\tsize\n"
    var paths: [String] = []
    var taken = UniqueNames()
    for (index, name) in HostileNames.all.enumerated() where name.fate != .refused {
      guard !name.text.utf8.contains(where: { [0, 9, 10, 13].contains($0) }) else { continue }
      var asked = name.text
      guard case .success(var path) = SafeName.path(asked) else { continue }
      if taken.claim(path, for: DownloadID(index)) != nil {
        asked = "d\(index)/" + asked
        guard case .success(let other) = SafeName.path(asked),
          taken.claim(other, for: DownloadID(index)) == nil
        else { continue }
        path = other
      }
      paths.append(path)
      text += "\(server.url)/\(index)\t\(asked)\t\(Self.body.count)\n"
    }
    return (text, paths)
  }

  @Test("from a manifest: every file is below the folder under its safe name, and nothing is anywhere else")
  func manifest() throws {
    defer { folder.remove() }
    let server = try server()
    defer { server.stop() }
    let (text, paths) = table(server)
    #expect(paths.count > 200)
    try run.write(text, to: "wanted.tsv")
    let before = surroundings()
    let result = try Programs.run("parcel", arguments(["-m", "wanted.tsv", "-v", "--keep-going"]), in: run)
    #expect(result.code == 0, "\(result.out.suffix(2000)) \(result.err.suffix(2000))")
    let files = try expectInside(before)
    // By bytes, as the disk has them.
    #expect(Set(files.map { Array($0.utf8) }) == Set(paths.map { Array($0.utf8) }))
    expectShowable(result.out + result.err)
    try expectJSON()
  }

  @Test("names that lead elsewhere: the manifest is refused, nothing is made") func refused() throws {
    defer { folder.remove() }
    let server = try server()
    defer { server.stop() }
    let before = surroundings()
    for name in HostileNames.all where name.fate == .refused && !name.text.isEmpty {
      guard !name.text.utf8.contains(where: { [0, 9, 10, 13].contains($0) }), name.text.utf8.count < 10_000
      else { continue }
      let list = "url\tpath\tsize\n\(server.url)/1\t\(name.text)\t9\n"
      #expect(throws: Failure.self, "\(name)") { try Manifest.read(Array(list.utf8), source: "x") }
    }
    let texts = HostileNames.all.filter { $0.fate == .refused }.map(\.text).filter {
      !$0.isEmpty && !$0.utf8.contains { [0, 9, 10, 13].contains($0) }
    }
    try run.write("url\tpath\n" + texts.map { "\(server.url)/1\t\($0)\n" }.joined(), to: "wanted.tsv")
    let result = try Programs.run("parcel", arguments(["-m", "wanted.tsv"]), in: run)
    #expect(result.code == 2, "\(result.out) \(result.err)")
    expectShowable(result.out + result.err)
    #expect(try expectInside(before).isEmpty && server.requests.isEmpty)
  }

  @Test(
    "from Content-Disposition and from URLs: nothing outside, and each file is one of those that were sent")
  func fromServers() throws {
    defer { folder.remove() }
    let server = try server()
    defer { server.stop() }
    var list = ""
    for (index, name) in HostileNames.all.enumerated() {
      list += "\(server.url)/field/\(index)\n"
      if !name.text.isEmpty {
        list += "\(server.url)/path/\(index)/\(PercentCoding.encode(String(name.text.prefix(900))))\n"
      }
    }
    for segment in [
      "%c0%ae%c0%ae%c0%afx", "..%2f..%2foutside%2fx", "%2e%2e", "%00", "a%0d%0ab", "%252e%252e%252fx",
      "%5c..%5cx",
    ] {
      list += "\(server.url)/raw/\(segment)\n"
    }
    try run.write(list, to: "urls.txt")
    let before = surroundings()
    // Many of these names become the same: those files fail with that reason.
    let result = try Programs.run("parcel", arguments(["-m", "urls.txt", "-v"]), in: run)
    #expect(
      result.code == 0 || result.code == 1 || result.code == 6,
      "\(result.code) \(result.out.suffix(2000)) \(result.err.suffix(2000))")
    let files = try expectInside(before)
    #expect(files.count > 150, "\(files.count)")
    for path in files { #expect(!path.contains("/"), "\(path)") }
    expectShowable(result.out + result.err)
    try expectJSON()
  }

  @Test("links in the folder that lead out of it are not followed, whatever they stand for") func links()
    throws
  {
    defer { folder.remove() }
    let server = try server()
    defer { server.stop() }
    let outside = folder.path + "/outside"
    let out = folder.path + "/run/out"
    try folder.write("precious", to: "outside/precious")
    try folder.makeFolder("run/out/real")
    for (link, target) in [
      ("away", outside), ("gone", outside + "/not-there"), ("inside", "real"),
      ("file", outside + "/precious"),
      ("a.part", outside + "/new1"), ("b.parcel", outside + "/precious"), ("c.parcel-new", outside + "/new2"),
      ("d.parcel-lock", outside + "/new3"), ("e", outside + "/new4"),
    ] {
      #expect(symlink(target, "\(out)/\(link)") == 0)
    }
    // Larger than what is kept in memory, so that part and journal are made.
    let big = [UInt8](repeating: 7, count: 3 << 20)
    let large = try RecordingServer { _ in .init(200, [("ETag", "\"1\"")], body: big) }
    defer { large.stop() }
    var text = "url\tpath\tsize\n"
    for path in ["away/x", "away/sub/x", "gone/x", "file/x"] { text += "\(server.url)/1\t\(path)\t9\n" }
    text += "\(server.url)/1\tinside/x\t9\n"
    for path in ["file", "a", "b", "c", "d", "e", "away/y", "gone/y"] {
      text += "\(large.url)/1\t\(path)\t\(big.count)\n"
    }
    try run.write(text, to: "wanted.tsv")
    let before = surroundings()
    let result = try Programs.run("parcel", arguments(["-m", "wanted.tsv", "-v", "--keep-going"]), in: run)
    #expect(result.code != 0)
    #expect(surroundings() == before)
    #expect(try String(contentsOfFile: outside + "/precious", encoding: .utf8) == "precious")
    #expect(FileManager.default.contents(atPath: out + "/real/x") == Data(Self.body))
    let words = result.out + result.err
    #expect(words.contains("is a symbolic link that leads out of"), "\(words)")
    #expect(words.contains("a symbolic link stands where a file of ours must be"), "\(words)")
    // A link where only a new name is to stand is no obstacle.
    #expect(FileManager.default.contents(atPath: out + "/c") == Data(big), "\(words)")

    // With --overwrite the link itself gives way, never what it leads to.
    try run.write("url\tpath\tsize\n\(large.url)/1\tfile\t\(big.count)\n", to: "again.tsv")
    let again = try Programs.run("parcel", arguments(["-m", "again.tsv", "--overwrite"]), in: run)
    #expect(again.code == 0, "\(again.out) \(again.err)")
    #expect(try String(contentsOfFile: outside + "/precious", encoding: .utf8) == "precious")
    #expect(FileManager.default.contents(atPath: out + "/file") == Data(big))
  }

  // MARK: Terminals

  /// What a program may send to a terminal: text that can be seen, and sequences that a name cannot have brought: every name's
  /// has 7777 in it, or is of a kind that we never send.
  private func expectOwnSequences(_ bytes: [UInt8], place: SourceLocation = #_sourceLocation) {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      Issue.record("what reached the terminal is not UTF-8", sourceLocation: place)
      return
    }
    if let foreign = Self.foreign(text) {
      Issue.record("\(foreign) reached the terminal", sourceLocation: place)
    }
  }

  /// The first thing that is not the program's own; nil when there is none.
  private static func foreign(_ text: String) -> String? {
    var scalars = Array(text.unicodeScalars)[...]
    while let scalar = scalars.popFirst() {
      if scalar != "\u{1B}" {
        let isOwn = ["\n", "\r", "\t", "\u{8}"].contains(scalar) || !Printable.isHidden(scalar)
        if !isOwn { return "U+" + String(scalar.value, radix: 16) }
        continue
      }
      guard let kind = scalars.popFirst() else { return nil }
      switch kind {
      case "[":
        let numbers = scalars.prefix { $0.value >= 0x20 && $0.value < 0x40 }
        let end = scalars.dropFirst(numbers.count).first
        scalars = scalars.dropFirst(numbers.count + 1)
        // How screen and tmux are told to reset everything ("sgr0"): ESC [ m, shift in.
        if end == "m", scalars.first == "\u{F}" { scalars.removeFirst() }
        let parts = String(String.UnicodeScalarView(numbers)).split(whereSeparator: { !$0.isNumber })
        if parts.contains("7777") { return "a name's own sequence" }
      case "(", ")": scalars = scalars.dropFirst()
      case "=", ">", "7", "8", "M": break
      default: return "ESC \(kind)"
      }
    }
    return nil
  }

  @Test(
    "on a terminal, the live list and the session show these names and send nothing of them",
    arguments: ["parcel", "parcel-tui"])
  func terminal(program: String) throws {
    defer { folder.remove() }
    let server = try server()
    defer { server.stop() }
    var (text, _) = table(server)
    // Failures are shown with the server's words, redirects with their place.
    text += "http://127.0.0.1:1/\tnobody\t9\n"
    try run.write(text, to: "wanted.tsv")
    let tmux = try Tmux(run)
    defer { tmux.stop() }
    try tmux.shows("READY>")
    try tmux.pipe(to: "\(run.path)/bytes")
    try tmux.line(
      "\(Programs.folder)/\(program) -m wanted.tsv -d out --retries 0 -j 8 --keep-going; echo D''ONE")
    if program == "parcel-tui" {
      try tmux.shows("wanted.tsv", "failed")
      for _ in 0..<8 { try tmux.type("PageDown") }
      try tmux.type("g", "Enter")
      try tmux.type("Escape", "G", "Enter", "Escape", "L")
      try tmux.type("Escape", "q", "y")
    }
    try tmux.shows("DONE")
    let bytes = [UInt8](FileManager.default.contents(atPath: "\(run.path)/bytes") ?? Data())
    #expect(bytes.count > 5000, "\(bytes.count)")
    expectOwnSequences(bytes)
  }
}

extension Tmux {
  /// Every byte that the programs write from now on, as they write it.
  fileprivate func pipe(to path: String) throws { try pipePane("cat > '\(path)'") }
}
