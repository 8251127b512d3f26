import Foundation
import ParcelTesting
import Testing

/// The programs together over UDT, as their users run them.
@Suite(.serialized) struct UDTTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-udt") }

  /// A folder with files, and a manifest with paths relative to `base`.
  func scene(_ files: [(String, Int)], base: String, root: String) throws {
    var text = "url\tpath\tsize\tmd5\n"
    for (name, bytes) in files {
      let path = "\(root)/\(name)"
      if !FileManager.default.fileExists(atPath: path) { try makeFile(path, bytes: bytes) }
      text += "\(base)/\(name)\t\(name)\t\(bytes)\t\(try digest("md5sum", path))\n"
    }
    try folder.write(text, to: "wanted.tsv")
  }

  func makeRoot() throws -> String {
    let root = folder.path + "/root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    return root
  }

  func expectRight(_ names: [String], root: String, place: SourceLocation = #_sourceLocation) throws {
    for name in names {
      let out = "\(folder.path)/out/\(name)"
      #expect(
        try digest("sha256sum", out) == digest("sha256sum", "\(root)/\(name)"), "\(name)",
        sourceLocation: place)
    }
  }

  func events() throws -> [String] {
    try String(contentsOfFile: "\(folder.path)/events.jsonl", encoding: .utf8).split(separator: "\n").map(
      String.init)
  }

  /// What of `arguments` every run here has.
  func fetch(_ more: String...) throws -> RunningProgram.Result {
    try Programs.run(
      "parcel", ["-m", "wanted.tsv", "-d", "out", "--events", "events.jsonl", "-v"] + more, in: folder)
  }

  let files = [("large.bam", 40_000_003), ("middle.vcf", 2_500_000), ("small.txt", 700), ("empty", 0)]
  var names: [String] { files.map(\.0) }
  /// Bytes of all.
  var sum: Int { files.reduce(0) { $0 + $1.1 } }

  @Test("-u fetches from parcel-server over UDT, with nothing asked over TCP") func directly() throws {
    defer { folder.remove() }
    let root = try makeRoot()
    let server = try Service("parcel-server", ["--root", root, "--log", folder.path + "/log"], in: folder)
    defer { server.stop() }
    try scene(files, base: server.address, root: root)
    let result = try fetch("-u")
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: root)
    // The empty one needs no request.
    try expectAllOverUDT(atLeast: names.count - 1)
  }

  /// The server's log: every answer went over UDT.
  private func expectAllOverUDT(atLeast count: Int, place: SourceLocation = #_sourceLocation) throws {
    let lines = try String(contentsOfFile: folder.path + "/log", encoding: .utf8).split(separator: "\n")
    #expect(lines.count >= count, sourceLocation: place)
    #expect(lines.allSatisfy { $0.contains("\"over\": \"udt\"") }, "\(lines)", sourceLocation: place)
  }

  @Test("-u with -s: the server's host and port over UDT, its path as given") func serverOfIds() throws {
    defer { folder.remove() }
    let root = try makeRoot()
    try FileManager.default.createDirectory(atPath: root + "/deep", withIntermediateDirectories: true)
    try makeFile(root + "/deep/some-id", bytes: 2_500_000)
    let server = try Service("parcel-server", ["--root", root, "--log", folder.path + "/log"], in: folder)
    defer { server.stop() }
    let result = try Programs.run(
      "parcel", ["-u", "-s", server.address + "/deep/", "-d", "out", "some-id"], in: folder)
    #expect(result.code == 0, "\(result.out) \(result.err)")
    let out = "\(folder.path)/out/some-id"
    #expect(
      try digest("sha256sum", out + "/some-id") == digest("sha256sum", root + "/deep/some-id"))
    try expectAllOverUDT(atLeast: 1)
    let log = try String(contentsOfFile: folder.path + "/log", encoding: .utf8)
    #expect(log.contains("\"path\": \"/deep/some-id\""), "\(log)")
  }

  /// What a relay's log says of the connections that have ended: how many, and the bytes that came from the server.
  private func relayed(_ log: String) -> (connections: Int, bytes: Int) {
    let text = (try? String(contentsOfFile: "\(folder.path)/\(log)", encoding: .utf8)) ?? ""
    let records = text.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
    return (records.count, records.reduce(0) { $0 + ($1["received"] as? Int ?? 0) })
  }

  @Test("small files share a few connections through a relay, by HTTP/2 and by reuse") func sharing() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let many = (0..<120).map { ("small-\($0)", 3000 + $0) }
    for (index, address) in [nginx.https, nginx.http].enumerated() {
      let port = address.split(separator: ":").last ?? ""
      let relay = try Service(
        "parcel-udt2tcp",
        ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1", "--log", "\(folder.path)/relay-\(index)"],
        in: folder)
      defer { relay.stop() }
      try scene(many, base: address, root: nginx.root.path)
      let result = try fetch("--relay", "127.0.0.1:\(relay.port)", "-u", "--cacert", nginx.authority)
      #expect(result.code == 0, "\(result.out) \(result.err)")
      try expectRight(many.map(\.0), root: nginx.root.path)
      let sum = many.reduce(0) { $0 + $1.1 }
      #expect(eventually { relayed("relay-\(index)").bytes > sum })
      // HTTP/2: streams of one; HTTP/1.1: as many as run beside each other, each used again and again.
      #expect(relayed("relay-\(index)").connections <= (index == 0 ? 2 : 8))
      try FileManager.default.removeItem(atPath: folder.path + "/out")
    }
  }

  @Test("the clients hold nothing of libudt, which the relay program has") func clientsWithoutLibudt() throws
  {
    defer { folder.remove() }
    func holds(_ name: String) -> Bool {
      (try? Spawn.run(["grep", "-q", "_ZN4CUDT", "\(Programs.folder)/\(name)"])) != nil
    }
    #expect(holds("parcel-tcp2udt"))
    #expect(!holds("parcel") && !holds("parcel-tui"))
    for name in ["parcel", "parcel-tui"] {
      #expect(try !Spawn.output(of: ["ldd", "\(Programs.folder)/\(name)"]).contains("libudt"))
    }
  }

  @Test("through a relay, TLS and its checks are the data server's, end to end") func throughARelay() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = nginx.https.split(separator: ":").last ?? ""
    let relay = try Service(
      "parcel-udt2tcp",
      ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1", "--log", folder.path + "/relayed"], in: folder)
    defer { relay.stop() }
    try scene(files, base: nginx.https, root: nginx.root.path)
    let right = try fetch("--relay", "127.0.0.1:\(relay.port)", "-u", "--cacert", nginx.authority)
    #expect(right.code == 0, "\(right.out) \(right.err)")
    try expectRight(names, root: nginx.root.path)
    #expect(eventually { relayed("relayed").bytes > sum })
    try FileManager.default.removeItem(atPath: folder.path + "/out")
    let unknown = try fetch("--relay", "127.0.0.1:\(relay.port)", "-u", "--retries", "0")
    #expect(unknown.code == 7 && unknown.out.contains("certificate"), "\(unknown.out) \(unknown.err)")
  }

  @Test("an external parcel-tcp2udt carries the bytes with -e") func external() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = nginx.http.split(separator: ":").last ?? ""
    let far = try Service("parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { far.stop() }
    let near = try Service(
      "parcel-tcp2udt", ["127.0.0.1:\(far.port)", "-p", "0", "--log", folder.path + "/relayed"], in: folder)
    defer { near.stop() }
    try scene(files, base: nginx.http, root: nginx.root.path)
    let result = try fetch("-e", "-H", "127.0.0.1", "-P", "\(near.port)")
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: nginx.root.path)
    #expect(eventually { relayed("relayed").bytes > sum })
  }

  @Test("parcel-server URL serves what is behind it, as the original's does") func originalServer() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let server = try Service("parcel-server", [nginx.http, "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { server.stop() }
    try scene(files, base: nginx.http, root: nginx.root.path)
    let result = try fetch("--relay", "127.0.0.1:\(server.port)", "--transport", "udt")
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: nginx.root.path)
  }

  /// Kills what `victims` finds as soon as some bytes are here, `times` times, and lets the run end.
  func fetchAndKill(
    _ arguments: [String], signal: String, pattern: String, times: Int, afterwards: () throws -> Void = {}
  ) throws -> RunningProgram.Result {
    let run = try Programs.start(
      "parcel", ["-m", "wanted.tsv", "-d", "out", "--events", "events.jsonl", "-v"] + arguments, in: folder)
    for turn in 1...times {
      let part = "\(folder.path)/out/large.bam.part"
      let wanted = 5_000_000 * turn
      _ = eventually {
        let blocks = (try? FileManager.default.attributesOfItem(atPath: part)[.size] as? Int) ?? 0
        return blocks > 0 && self.allocated(part) > wanted || !run.isRunning
      }
      try Spawn.run(["pkill", signal, "-f", pattern])
      try afterwards()
    }
    return run.wait()
  }

  /// Bytes of a sparse file that are really there.
  private func allocated(_ path: String) -> Int {
    var info = stat()
    return stat(path, &info) == 0 ? Int(info.st_blocks) * 512 : 0
  }

  @Test("the far relay killed in mid-transfer and started again: the file is right") func farRelayDies()
    throws
  {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = nginx.http.split(separator: ":").last ?? ""
    let first = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { first.stop() }
    try scene(files, base: nginx.http, root: nginx.root.path)
    var second: Service?
    defer { second?.stop() }
    let result = try fetchAndKill(
      ["--relay", "127.0.0.1:\(first.port)", "-u", "--limit-rate", "8M"], signal: "-KILL",
      pattern: "parcel-udt2tcp 127.0.0.1:\(port) ", times: 1
    ) {
      second = try Service(
        "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "\(first.port)", "-i", "127.0.0.1"], in: folder)
    }
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: nginx.root.path)
  }

  @Test("the near relay killed in mid-transfer and started again: the file is right") func nearRelayDies()
    throws
  {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = nginx.http.split(separator: ":").last ?? ""
    let far = try Service("parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { far.stop() }
    let first = try Service("parcel-tcp2udt", ["127.0.0.1:\(far.port)", "-p", "0"], in: folder)
    defer { first.stop() }
    try scene(files, base: nginx.http, root: nginx.root.path)
    var second: Service?
    defer { second?.stop() }
    let result = try fetchAndKill(
      ["-e", "-H", "127.0.0.1", "-P", "\(first.port)", "--limit-rate", "8M"], signal: "-KILL",
      pattern: "parcel-tcp2udt 127.0.0.1:\(far.port) ", times: 1
    ) {
      second = try Service(
        "parcel-tcp2udt", ["127.0.0.1:\(far.port)", "-p", "\(first.port)"], in: folder)
    }
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: nginx.root.path)
  }

  /// Fetches over UDT while the embedded relay gets that signal so many times, and expects every file to be right.
  func fetchWithSignals(_ signal: String, times: Int) throws -> RunningProgram.Result {
    let root = try makeRoot()
    let server = try Service("parcel-server", ["--root", root], in: folder)
    defer { server.stop() }
    try scene(files, base: server.address, root: root)
    let result = try fetchAndKill(
      ["-u", "--limit-rate", "8M"], signal: signal,
      pattern: "parcel-tcp2udt 127.0.0.1:\(server.port) ", times: times)
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(names, root: root)
    return result
  }

  @Test("the embedded relay killed by SEGV in mid-transfer, twice: the file is right") func childDies() throws
  {
    defer { folder.remove() }
    _ = try fetchWithSignals("-SEGV", times: 2)
  }

  @Test("a relay that takes fewer connections than are wanted only makes it slower") func limitedRelay()
    throws
  {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = nginx.http.split(separator: ":").last ?? ""
    // Refused connections come and go all the time, which once made libudt's threads read from each other's sockets.
    let relay = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1", "--max-connections", "2"],
      in: folder)
    defer { relay.stop() }
    try scene([("large.bam", 150_000_000)], base: nginx.http, root: nginx.root.path)
    let result = try fetch("--relay", "127.0.0.1:\(relay.port)", "-u", "-n", "8", "--limit-rate", "12M")
    #expect(result.code == 0, "\(result.out.suffix(2000)) \(result.err)")
    try expectRight(["large.bam"], root: nginx.root.path)
  }

  @Test("the embedded relay standing still is found out, and the file is right") func childStandsStill()
    throws
  {
    defer { folder.remove() }
    let result = try fetchWithSignals("-STOP", times: 1)
    #expect(!result.out.contains("in 30 s"))
  }

  @Test("auto with nobody at the relay fetches over http, and says why") func silentRelay() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try scene(files, base: nginx.http, root: nginx.root.path)
    // Slow enough that udt is measured while there is something left. Nobody listens on the discard port.
    let run = try Programs.start(
      "parcel",
      [
        "-m", "wanted.tsv", "-d", "out", "-v", "-n", "1", "--relay", "127.0.0.1:9", "--limit-rate", "2M",
      ], in: folder)
    #expect(eventually { run.out.contains("no answer over UDP, http until") || !run.isRunning })
    run.signal(SIGINT)
    let result = run.wait()
    #expect(result.code == 130, "\(result.out) \(result.err)")
    let note = result.out.split(separator: "\n").first { $0.contains("no answer over UDP") } ?? ""
    #expect(note.contains("\(nginx.http): over http: no answer over UDP, http until "), "\(result.out)")
    let rest = try fetch()
    #expect(rest.code == 0, "\(rest.out) \(rest.err)")
    try expectRight(names, root: nginx.root.path)
  }

  @Test("udt with nobody at the relay fails with a sentence that says so") func silentRelayForced() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try scene([files[1]], base: nginx.http, root: nginx.root.path)
    let result = try fetch("--relay", "127.0.0.1:9", "-u", "--retries", "0")
    #expect(result.code == 7, "\(result.out) \(result.err)")
    #expect(result.out.contains("127.0.0.1:9") && result.out.contains("UDP"), "\(result.out)")
  }

  @Test(
    "two hosts: a relay at one, a client at the other, the cable pulled for a while",
    .enabled(if: TwoHosts.isPossible, "network namespaces need root"))
  func twoHosts() throws {
    defer { folder.remove() }
    let hosts = try TwoHosts("udt")
    defer { hosts.stop() }
    let root = try makeRoot()
    let server = try GuardedProcess([
      "ip", "netns", "exec", hosts.a, Programs.folder + "/parcel-server", "--root", root, "-i",
      TwoHosts.addressA, "-p", "9000",
    ])
    defer { server.stop() }
    try scene(files, base: "http://\(TwoHosts.addressA):9000", root: root)
    let client = try Programs.start(
      "ip",
      [
        "netns", "exec", hosts.b, Programs.folder + "/parcel", "-m", "wanted.tsv", "-d", "out", "-u",
        "--limit-rate", "8M", "-q",
      ], in: folder)
    let part = "\(folder.path)/out/large.bam.part"
    _ = eventually { allocated(part) > 4_000_000 || !client.isRunning }
    try hosts.connect(false)
    usleep(1_500_000)
    try hosts.connect(true)
    let result = client.wait()
    #expect(result.code == 0, "\(result.err)")
    try expectRight(names, root: root)
  }

  @Test(
    "a path that swallows large packets is found out, and smaller ones get through",
    .enabled(if: TwoHosts.isPossible, "network namespaces need root"))
  func narrowPath() throws {
    defer { folder.remove() }
    let hosts = try TwoHosts("mtu")
    defer { hosts.stop() }
    try hosts.limitPackets(to: 1420)
    let root = try makeRoot()
    let server = try GuardedProcess([
      "ip", "netns", "exec", hosts.a, Programs.folder + "/parcel-server", "--root", root, "-i",
      TwoHosts.addressA, "-p", "9000",
    ])
    defer { server.stop() }
    try scene([files[1]], base: "http://\(TwoHosts.addressA):9000", root: root)
    let client = try Programs.run(
      "ip",
      [
        "netns", "exec", hosts.b, Programs.folder + "/parcel", "-m", "wanted.tsv", "-d", "out", "-u", "-q",
      ], in: folder)
    #expect(client.code == 0, "\(client.err)")
    try expectRight([files[1].0], root: root)
  }
}
