import Foundation
import ParcelTesting
import Testing

/// A terminal of tmux's with a shell in it; the test types and reads the screen.
final class Tmux {
  private let socket: String

  init(_ folder: TemporaryFolder, columns: Int = 100, rows: Int = 30) throws {
    socket = folder.path + "/tmux"
    // A shell without anybody's start-up files, and a prompt that nothing else prints.
    try Spawn.run([
      "tmux", "-S", socket, "-u", "-f", "/dev/null", "new-session", "-d", "-s", "t", "-x", "\(columns)", "-y",
      "\(rows)", "cd \(folder.path) && exec env -u TMUX LC_ALL=C.UTF-8 PS1='READY> ' sh -i",
    ])
  }

  func type(_ keys: String...) throws {
    try Spawn.run(["tmux", "-S", socket, "send-keys", "-t", "t"] + keys)
  }

  func line(_ text: String) throws {
    try Spawn.run(["tmux", "-S", socket, "send-keys", "-t", "t", "-l", text])
    try type("Enter")
  }

  /// Gives every byte that programs write from now on to a shell command.
  func pipePane(_ command: String) throws {
    try Spawn.run(["tmux", "-S", socket, "pipe-pane", "-t", "t", command])
  }

  func resize(columns: Int, rows: Int) throws {
    try Spawn.run(["tmux", "-S", socket, "resize-window", "-t", "t", "-x", "\(columns)", "-y", "\(rows)"])
  }

  func screen() throws -> String {
    try Spawn.output(of: ["tmux", "-S", socket, "capture-pane", "-p", "-t", "t"])
  }

  /// Waits until the screen shows all of it.
  func shows(_ texts: String..., place: SourceLocation = #_sourceLocation) throws {
    var last = ""
    let found = try eventually {
      last = try screen()
      return texts.allSatisfy { last.contains($0) }
    }
    if !found { Issue.record("the screen never showed \(texts):\n\(last)", sourceLocation: place) }
  }

  /// Answers the check before the start, which takes no key in its first second nor closely behind another.
  func answer(_ key: String, shows text: String, place: SourceLocation = #_sourceLocation) throws {
    let found = try eventually {
      if try screen().contains(text) { return true }
      try type(key)
      usleep(500_000)
      return try screen().contains(text)
    }
    if !found { Issue.record("no '\(text)' after \(key):\n\(try screen())", sourceLocation: place) }
  }

  func stop() { try? Spawn.run(["tmux", "-S", socket, "kill-server"]) }
}

@Suite struct SessionTests {
  /// A folder, an nginx with three files, their manifest, and a terminal at its prompt.
  struct Scene {
    let folder: TemporaryFolder
    let nginx: Nginx
    let tmux: Tmux

    init() throws {
      folder = try TemporaryFolder("parcel-session")
      nginx = try Nginx()
      var text = "url\tpath\tsize\tmd5\n"
      for (name, bytes) in [("large.bam", 30_000_000), ("middle.vcf", 2_500_000), ("small.txt", 700)] {
        let path = "\(nginx.root.path)/\(name)"
        try makeFile(path, bytes: bytes)
        text += "\(nginx.http)/\(name)\t\(name)\t\(bytes)\t\(try digest("md5sum", path))\n"
      }
      try folder.write(text, to: "wanted.tsv")
      tmux = try Tmux(folder)
      try tmux.shows("READY>")
    }

    func end() {
      tmux.stop()
      nginx.stop()
      folder.remove()
    }

    func expectTheSameFiles(sourceLocation place: SourceLocation = #_sourceLocation) throws {
      for name in ["large.bam", "middle.vcf", "small.txt"] {
        #expect(
          try digest("sha256sum", "\(folder.path)/out/\(name)")
            == digest("sha256sum", "\(nginx.root.path)/\(name)"), sourceLocation: place)
      }
    }
  }

  @Test func loadPauseResumeQuitContinueAndEveryFileIsRight() throws {
    let scene = try Scene()
    defer { scene.end() }
    let (folder, tmux) = (scene.folder, scene.tmux)
    // Without arguments: the session, empty, and nothing starts by itself.
    try tmux.line("\(Programs.folder)/parcel -d out --limit-rate 3M")
    try tmux.shows("open a manifest")
    try tmux.type("o")
    try tmux.line("wanted.tsv")
    try tmux.shows("wanted.tsv", "large.bam", "middle.vcf", "small.txt", "0/3 files")
    try tmux.type("Enter")
    try tmux.shows("running", "Mbit/s")
    try tmux.type("g", "Space")
    try tmux.shows("paused")
    try tmux.type("Space")
    try tmux.shows("running")
    try tmux.resize(columns: 50, rows: 14)
    try tmux.shows("large")
    try tmux.resize(columns: 30, rows: 5)
    try tmux.resize(columns: 100, rows: 30)
    try tmux.shows("large.bam", "running")
    try tmux.type("?")
    try tmux.shows("one line up")
    try tmux.type("Escape")
    try tmux.shows("large.bam")
    try tmux.type("q")
    try tmux.shows("y")
    try tmux.type("y")
    try tmux.shows("READY>")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/large.bam"))
    #expect(FileManager.default.fileExists(atPath: "\(folder.path)/out/large.bam.part"))

    try tmux.line("clear; \(Programs.folder)/parcel-tui -m wanted.tsv -d out")
    try tmux.shows("all 3 files verified")
    try tmux.type("q")
    try tmux.shows("READY>", "3 of 3 files complete")
    try scene.expectTheSameFiles()
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted()
        == ["large.bam", "middle.vcf", "small.txt"])
  }

  @Test func tMovesARunningDownloadOntoUDTAndBackAndTheFileIsRight() throws {
    let scene = try Scene()
    defer { scene.end() }
    let (folder, nginx, tmux) = (scene.folder, scene.nginx, scene.tmux)
    let port = nginx.http.split(separator: ":").last ?? ""
    let relay = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { relay.stop() }
    try tmux.line(
      "\(Programs.folder)/parcel-tui -m wanted.tsv -d out --limit-rate 2M --relay 127.0.0.1:\(relay.port) --transport http --summary s.json"
    )
    try tmux.shows("large.bam", "running", "http")
    try tmux.type("g", "t")
    try tmux.shows("udt", "running")
    try tmux.type("Enter")
    try tmux.shows("127.0.0.1:\(relay.port)", "rtt", "loss")
    try tmux.type("Escape", "t", "t")  // auto, then http
    try tmux.shows("http", "running")
    try tmux.shows("all 3 files verified")
    try tmux.type("g", "Enter")
    try tmux.shows("30.00 MB in ", "over http and udt")
    try tmux.type("Escape", "q")
    try tmux.shows("READY>", "3 of 3 files complete")
    try scene.expectTheSameFiles()
  }

  @Test func rowsThatAreAddedToARunningSessionAreCheckedAndTheOthersGoOn() throws {
    let scene = try Scene()
    defer { scene.end() }
    let (folder, nginx, tmux) = (scene.folder, scene.nginx, scene.tmux)
    try makeFile("\(nginx.root.path)/more.txt", bytes: 900)
    try folder.write(
      "url\tpath\tsize\n\(nginx.http)/large.bam\tlarge.bam\t30000000\n\(nginx.http)/more.txt\tmore.txt\t900\n",
      to: "more.tsv")
    try tmux.line("\(Programs.folder)/parcel-tui -m wanted.tsv -d out --limit-rate 2M")
    try tmux.shows("large.bam", "running")
    // The same file once more, and one without any trouble: a panel about the new ones only.
    try tmux.type("o")
    try tmux.line("more.tsv")
    // Typed ahead: `e` would start everything, `n` nothing.
    try tmux.type("e", "n")
    try tmux.shows("Before 2 added files: 1 problem", "1 file is in the list already: large.bam", "/5 files")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/more.txt"))
    try tmux.answer("s", shows: "left out before the start")
    try tmux.shows("verified", "failed")
    #expect(eventually { FileManager.default.fileExists(atPath: "\(folder.path)/out/more.txt") })
    // Again, and away with it.
    try tmux.type("o")
    try tmux.line("more.tsv")
    try tmux.shows("Before 2 added files: 1 problem", "2 files are in the list already")
    try tmux.answer("Escape", shows: "left the list again")
    try tmux.shows("/5 files")
    try tmux.type("q", "y")
    try tmux.shows("READY>", "1 left out")
  }

  @Test(arguments: ["TERM", "SEGV", "INT"]) func theTerminalComesBackAfter(signal: String) throws {
    let scene = try Scene()
    defer { scene.end() }
    let (folder, tmux) = (scene.folder, scene.tmux)
    try tmux.line(
      "stty -a > before; \(Programs.folder)/parcel-tui -m wanted.tsv -d out --limit-rate 3M; stty -a > after; echo E''ND"
    )
    try tmux.shows("large.bam", "running")
    // The newest parcel-tui in this terminal's folder: found by its working folder.
    let pid = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { Int32($0) }.first { pid in
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) == folder.path
          && (try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)) == "parcel-tui\n"
      })
    kill(pid, ["TERM": SIGTERM, "SEGV": SIGSEGV, "INT": SIGINT][signal] ?? SIGKILL)
    try tmux.shows("END")
    let before = try String(contentsOfFile: "\(folder.path)/before", encoding: .utf8)
    #expect(try String(contentsOfFile: "\(folder.path)/after", encoding: .utf8) == before)
    try tmux.line("printf '\\101\\102\\103\\n'")
    try tmux.shows("ABC")
  }
}
