import Foundation
import ParcelTesting
import Testing

/// A wrong digest, as users of the program see it.
@Suite(.serialized) struct RepairTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-repair") }

  /// A file with the proxies' marker at `place`, and a manifest with its md5 (or another).
  func scene(_ root: String, base: String, size: Int, marker place: Int, md5: String? = nil) throws {
    let path = "\(root)/big"
    try makeFile(path, bytes: size)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(place))
    try file.write(contentsOf: Data(FlippingProxy.marker))
    try file.close()
    try folder.write(
      "url\tpath\tsize\tmd5\n\(base)/big\tbig\t\(size)\t\(try md5 ?? digest("md5sum", path))\n",
      to: "wanted.tsv")
  }

  func fetch(_ more: String...) throws -> RunningProgram.Result {
    try Programs.run(
      "parcel",
      ["-m", "wanted.tsv", "-d", "out", "-n", "1", "--summary", "summary.json", "--events", "events.jsonl"]
        + (more.contains("-u") ? [] : ["--transport", "http"]) + more, in: folder)
  }

  func json(_ name: String = "summary.json") throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  func events(_ type: String) throws -> [[String: Any]] {
    try String(contentsOfFile: "\(folder.path)/events.jsonl", encoding: .utf8).split(separator: "\n")
      .compactMap { try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["type"] as? String == type }
  }

  func repair() throws -> [String: Any] {
    try #require((try json()["repairs"] as? [[String: Any]])?.first)
  }

  func expectRight(_ root: String, _ place: SourceLocation = #_sourceLocation) throws {
    #expect(
      try digest("sha256sum", "\(folder.path)/out/big") == digest("sha256sum", "\(root)/big"),
      sourceLocation: place)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out") == ["big"])
  }

  func makeRoot() throws -> String {
    try folder.makeFolder("root")
    return folder.path + "/root"
  }

  @Test(arguments: [["-v"], ["-u"]])
  func oneFlippedBitCostsLessThanTwoMebibytesWhereTheServerHasDigests(way: [String]) throws {
    defer { folder.remove() }
    let root = try makeRoot()
    let size = 30_000_001
    let server = try Service("parcel-server", ["--root", root], in: folder)
    defer { server.stop() }
    let proxy = try FlippingProxy(to: server.port, times: 1)
    defer { proxy.stop() }
    // Over udt a relay stands before the proxy: the flip is made between relay and server.
    var more: [String] = way
    var relay: Service?
    defer { relay?.stop() }
    if way == ["-u"] {
      let port = proxy.address.split(separator: ":").last ?? ""
      let new = try Service(
        "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
      relay = new
      more = ["-u", "--relay", "127.0.0.1:\(new.port)"]
    }
    try scene(root, base: proxy.address, size: size, marker: 21_000_000)
    let result = try fetch(more[0], more[safe: 1], more[safe: 2])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(proxy.flips == 1)
    try expectRight(root)
    let repair = try repair()
    #expect(repair["mended"] as? Bool == true)
    #expect(repair["blocks"] as? Int == 1)
    #expect(repair["step"] as? String == "server")
    let again = try #require(repair["fetched"] as? Int)
    #expect(again > 0 && again < 2 << 20, "\(again)")
    #expect(try #require(try json()["fetched"] as? Int) < size + 2 << 20)
    // What the network carried, heads and all, not only what the program says.
    #expect(proxy.down < size + 2 << 20, "\(proxy.down)")
    #expect(try events("repair").last?["blocks"] as? Int == 1)
    #expect(result.out.contains("Repaired:") && result.out.contains("1 block (20)"), "\(result.out)")
  }

  @Test func aServerWithoutDigestsIsReadASecondTimeAndOnlyTheBadBlockReplaced() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = Int(nginx.http.split(separator: ":").last ?? "") ?? 0
    let proxy = try FlippingProxy(to: port, times: 1)
    defer { proxy.stop() }
    let size = 20_000_001
    try scene(nginx.root.path, base: proxy.address, size: size, marker: 5_000_000)
    let result = try fetch("--retries", "0")
    #expect(result.code == 0, "\(result.out) \(result.err)")
    try expectRight(nginx.root.path)
    let repair = try repair()
    #expect(repair["step"] as? String == "compare" && repair["blocks"] as? Int == 1)
    #expect(repair["fetched"] as? Int == size)
    #expect(result.out.contains("Fetching 20,000,001 bytes again"), "\(result.out)")
  }

  @Test func whenEveryTryIsChangedTheBlocksAreNamedAndNothingWrongHasTheName() throws {
    defer { folder.remove() }
    let root = try makeRoot()
    let server = try Service("parcel-server", ["--root", root], in: folder)
    defer { server.stop() }
    let proxy = try FlippingProxy(to: server.port, times: .max)
    defer { proxy.stop() }
    let size = 20_000_000
    try scene(root, base: proxy.address, size: size, marker: 7_500_000)
    let result = try fetch()
    #expect(result.code == 3, "\(result.out) \(result.err)")
    #expect(result.out.contains("Blocks 7 (of 1,048,576 bytes, counted from 0)"), "\(result.out)")
    #expect(proxy.down < size + 4 << 20)
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted()
    #expect(names == ["big.parcel", "big.part"])
  }

  @Test(arguments: [true, false])
  func aFileThatIsNotTheManifestsEndsWithThreeAndBoundedTraffic(digests: Bool) throws {
    defer { folder.remove() }
    let size = 12_000_000
    let md5 = "0123456789abcdef0123456789abcdef"
    let result: RunningProgram.Result
    if digests {
      let root = try makeRoot()
      let server = try Service("parcel-server", ["--root", root], in: folder)
      defer { server.stop() }
      try scene(root, base: server.address, size: size, marker: 0, md5: md5)
      result = try fetch()
      #expect(try json()["fetched"] as? Int == size)
    } else {
      let nginx = try Nginx()
      defer { nginx.stop() }
      try scene(nginx.root.path, base: nginx.http, size: size, marker: 0, md5: md5)
      result = try fetch()
      #expect(try json()["fetched"] as? Int == 2 * size)
    }
    #expect(result.code == 3, "\(result.out) \(result.err)")
    #expect(result.out.contains("the server's file is not the one of the manifest"), "\(result.out)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted() == [
        "big.parcel", "big.part",
      ])
  }

  @Test func noRepairLeavesItAsItIs() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try scene(
      nginx.root.path, base: nginx.http, size: 3_000_000, marker: 0, md5: "0123456789abcdef0123456789abcdef")
    let result = try fetch("--no-repair")
    #expect(result.code == 3)
    #expect(try json()["fetched"] as? Int == 3_000_000)
  }

  @Test func killedInTheMiddleOfARepairTheNextRunMendsIt() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let port = Int(nginx.http.split(separator: ":").last ?? "") ?? 0
    let proxy = try FlippingProxy(to: port, times: 1)
    defer { proxy.stop() }
    let size = 24_000_000
    try scene(nginx.root.path, base: proxy.address, size: size, marker: 20_000_000)
    // 24 MB arrive at once and come again at 6 MB/s: the limit holds for both, so that there is time for the kill.
    let running = try Programs.start(
      "parcel",
      ["-m", "wanted.tsv", "-d", "out", "-n", "2", "--limit-rate", "8M", "--events", "events.jsonl"],
      in: folder)
    let isRepairing = eventually {
      proxy.down > size + size / 4 || !running.isRunning
    }
    #expect(isRepairing && running.isRunning)
    running.signal(SIGKILL)
    _ = running.wait()
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out/big"))
    let second = try fetch()
    #expect(second.code == 0, "\(second.out) \(second.err)")
    try expectRight(nginx.root.path)
    // Nothing was lost: the next run only compares.
    #expect(try #require(try json()["fetched"] as? Int) <= size + 2 << 20)
  }

  @Test func bitsThatFlipOnTheDiskAreFoundAndFetchedAgain() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let size = 30_000_000
    try scene(nginx.root.path, base: nginx.http, size: size, marker: 0)
    let running = try Programs.start(
      "parcel", ["-m", "wanted.tsv", "-d", "out", "--limit-rate", "10M"], in: folder)
    let part = "\(folder.path)/out/big.part"
    let hasBegun = eventually {
      var info = stat()
      return stat(part, &info) == 0 && info.st_blocks > 30_000
    }
    #expect(hasBegun)
    running.signal(SIGINT)
    _ = running.wait()
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: part))
    for block in [2, 5] {
      try file.seek(toOffset: UInt64(block << 20 + 77))
      let byte = try #require(try file.read(upToCount: 1)?.first)
      try file.seek(toOffset: UInt64(block << 20 + 77))
      try file.write(contentsOf: Data([byte ^ 1]))
    }
    try file.close()
    let look = try fetch("--verify-only")
    #expect(look.code == 3, "\(look.out) \(look.err)")
    #expect(look.out.contains("are not what was written (blocks 2, 5)"), "\(look.out)")
    #expect((try json()["partial_files"] as? [[String: Any]])?.first?["bad_blocks"] as? Int == 2)
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out").sorted()
    #expect(names == ["big.parcel", "big.part"])
    let second = try fetch()
    #expect(second.code == 0, "\(second.out) \(second.err)")
    try expectRight(nginx.root.path)
    #expect(try repair()["blocks"] as? Int == 2)
  }

  @Test func aSecondRunReadsNothingUnlessAskedTo() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try scene(nginx.root.path, base: nginx.http, size: 3_000_000, marker: 0)
    #expect(try fetch().code == 0)
    let path = "\(folder.path)/out/big"
    // A file that was written within the clock's last tick is not vouched for: it is older here, and the second run notes it.
    var past = [timespec(tv_sec: 1_700_000_000, tv_nsec: 5), timespec(tv_sec: 1_700_000_000, tv_nsec: 5)]
    utimensat(AT_FDCWD, path, &past, 0)
    #expect(try fetch().code == 0)
    let ledger = "\(Programs.state)/parcel/verified"
    #expect(try String(contentsOfFile: ledger, encoding: .utf8).contains(path))
    #expect(try fetch().code == 0)
    var times = stat()
    stat(path, &times)
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    try file.seek(toOffset: 1_000_000)
    try file.write(contentsOf: Data([1, 2, 3, 4]))
    try file.close()
    var old = [times.st_atim, times.st_mtim]
    utimensat(AT_FDCWD, path, &old, 0)
    // Size and time of change are as before; the time of the inode gives it away.
    let changed = try fetch()
    #expect(changed.code != 0)
    #expect(changed.out.contains("is there already"), "\(changed.out)")
  }
}

extension [String] {
  fileprivate subscript(safe index: Int) -> String { indices.contains(index) ? self[index] : "-v" }
}
