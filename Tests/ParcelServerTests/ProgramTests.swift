import Foundation
import ParcelCore
import Testing

@testable import ParcelServer

private func program() throws -> String { try ServerProgram.path() }

@Suite("parcel-server")
struct ServerProgramTests {
  @Test(
    "It says where it listens, has written the manifest by then, and on SIGTERM lets a running answer end")
  func session() throws {
    let folder = TemporaryFolder()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try program())
    // 500 kB at 800 kB/s: the answer is certainly still running when the signal comes after its first byte.
    process.arguments = [
      "--demo", "--demo-scale", "0.002", "--manifest", folder.path + "/m", "--rate", "800k", "--log",
      folder.path + "/l",
    ]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    var line: [UInt8] = []
    while let byte = try pipe.fileHandleForReading.read(upToCount: 1)?.first, byte != 10 { line.append(byte) }
    let text = String(decoding: line, as: UTF8.self)
    #expect(text.hasPrefix("listening on http://127.0.0.1:"))
    let port = try #require(text.split(separator: ":").last.flatMap { Int($0) })

    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/m")))
    let manifest = try Manifest.read(bytes, source: "m")
    #expect(manifest.downloads.count == 42 && manifest.withDigest == 42)
    let download = try #require(manifest.downloads.first { $0.name?.hasPrefix("C3L-07047") == true })
    let client = try RawClient(port: port)
    client.get("/" + (download.name ?? ""))
    #expect(client.receiveBodyByte())
    process.terminate()
    #expect(client.reply()?.body.count == download.size)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let rest = try pipe.fileHandleForReading.readToEnd() ?? Data()
    #expect(rest.isEmpty, "one line and nothing else")
  }

  @Test(
    "Wrong usage ends with 2",
    arguments: [[], ["--demo", "--root", "."], ["--demo", "--rate", "x"], ["--root", "/nonexistent"]])
  func usage(arguments: [String]) throws {
    #expect(try run(try program(), arguments).status == 2)
  }
}
