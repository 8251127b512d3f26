import Foundation
import ParcelTesting
import Testing

/// The real programs on full disks and with tokens that expire.
@Suite struct UnattendedTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-unattended") }

  private func summary(_ name: String = "summary.json") throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
  }

  private func events() -> [[String: Any]] {
    let text = (try? String(contentsOfFile: "\(folder.path)/events.jsonl", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap {
      try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  private func waits(_ what: String) -> Bool {
    events().contains { $0["type"] as? String == "wait" && $0["what"] as? String == what }
  }

  /// The folder `out` on a disk of its own that has `room` bytes left; false, with a reason, where none can be mounted.
  private func mount(megabytes: Int, room: Int) throws -> Bool {
    try folder.makeFolder("out")
    do {
      try Spawn.run(["mount", "-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", "\(folder.path)/out"])
    } catch {
      print("skipped: no tmpfs can be mounted here (\(error))")
      return false
    }
    try makeFile("\(folder.path)/out/ballast", bytes: (megabytes << 20) - room)
    return true
  }

  private func unmount() { try? Spawn.run(["umount", "\(folder.path)/out"]) }

  @Test func aFullDiskEndsAHeadlessRunWithSixAndTheNextOneContinues() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/big", bytes: 20_000_000)
    guard try mount(megabytes: 40, room: 9_000_000) else { return }
    defer { unmount() }
    let run = {
      try Programs.run(
        "parcel",
        ["\(nginx.http)/big", "-d", "out", "--summary", "summary.json", "--events", "events.jsonl"],
        in: folder)
    }
    let first = try run()
    #expect(first.code == 6, "\(first.out) \(first.err)")
    #expect((first.out + first.err).contains("progress is kept"))
    #expect(waits("began") && waits("given_up"))
    let received = try #require(try summary()["received"] as? Int)
    let blocks = try #require(try summary()["partial_files"] as? [[String: Any]]).count
    #expect(received > 1_000_000 && received <= 9_000_000 && blocks == 1)

    try FileManager.default.removeItem(atPath: "\(folder.path)/out/ballast")
    let second = try run()
    #expect(second.code == 0, "\(second.out) \(second.err)")
    #expect(
      try digest("sha256sum", "\(folder.path)/out/big") == digest("sha256sum", "\(nginx.root.path)/big"))
    // What was shown as received was there.
    #expect(try #require(try summary()["fetched"] as? Int) <= 20_000_000 - received)
  }

  @Test func withUntilDoneItWaitsForSpaceAndGoesOnByItself() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/big", bytes: 20_000_000)
    guard try mount(megabytes: 40, room: 9_000_000) else { return }
    defer { unmount() }
    let running = try Programs.start(
      "parcel",
      [
        "\(nginx.http)/big", "-d", "out", "--until-done", "--summary", "summary.json", "--events",
        "events.jsonl",
      ], in: folder)
    defer { running.signal(SIGKILL) }
    #expect(eventually { waits("began") })
    #expect(running.isRunning)
    try FileManager.default.removeItem(atPath: "\(folder.path)/out/ballast")
    let result = running.wait()
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(waits("ended"))
    #expect(result.out.contains("waiting    for space on \(folder.path)/out"), "\(result.out)")
    #expect(
      try digest("sha256sum", "\(folder.path)/out/big") == digest("sha256sum", "\(nginx.root.path)/big"))
    #expect(try #require(try summary()["fetched"] as? Int) < 20_000_000 + (20 << 20))
  }

  /// The server's token changes in the middle; the client's file follows later, half-written at first.
  @Test(arguments: [true, false]) func aTokenThatExpiresIsWaitedForAndItGoesOnAtTheSameByte(untilDone: Bool)
    throws
  {
    defer { folder.remove() }
    try folder.makeFolder("served")
    let size = 24_000_000
    try makeFile("\(folder.path)/served/data", bytes: size)
    for (name, text) in [("old", "first-token\n"), ("new", "second-token\n"), ("mine", "first-token\n")] {
      try folder.write(text, to: name)
      try Spawn.run(["chmod", "600", "\(folder.path)/\(name)"])
    }
    let common = ["--root", "\(folder.path)/served", "--no-udt", "-i", "127.0.0.1", "--allow-cleartext"]
    let old = try Service("parcel-server", common + ["-p", "0", "--token-file", "old"], in: folder)
    let port = old.port
    let running = try Programs.start(
      "parcel",
      [
        "http://127.0.0.1:\(port)/data", "-d", "out", "-n", "2", "--limit-rate", "5M", "-t", "mine",
        "--summary", "summary.json", "--events", "events.jsonl",
      ] + (untilDone ? ["--until-done"] : []), in: folder)
    defer { running.signal(SIGKILL) }
    let hasBegun = eventually {
      var info = stat()
      return stat("\(folder.path)/out/data.part", &info) == 0 && info.st_blocks > 8000
    }
    #expect(hasBegun)
    old.stop()
    let new = try Service("parcel-server", common + ["-p", "\(port)", "--token-file", "new"], in: folder)
    defer { new.stop() }
    guard untilDone else {
      let result = running.wait()
      #expect(result.code == 4, "\(result.out) \(result.err)")
      #expect(waits("began") && waits("given_up"))
      #expect((result.out + result.err).contains("progress is kept"))
      return
    }
    #expect(eventually { waits("began") })
    try folder.write("", to: "mine")
    #expect(eventually { running.out.contains("holds no token") })
    try folder.write("second-token\n", to: "mine")
    let result = running.wait()
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(waits("ended"))
    #expect(
      try digest("sha256sum", "\(folder.path)/out/data")
        == digest("sha256sum", "\(folder.path)/served/data"))
    let fetched = try #require(try summary()["fetched"] as? Int)
    #expect(fetched < size + (8 << 20), "fetched \(fetched) of \(size)")
    #expect(!(result.out + result.err).contains("second-token"))
  }
}
