import Foundation
import ParcelCore
import Testing

@testable import ParcelServer

@Suite("parcel-server")
struct ServerProgramTests {
  @Test(
    "It says where it listens, has written the manifest by then, and on SIGTERM lets a running answer end")
  func session() throws {
    let folder = TemporaryFolder()
    // 500 kB at 800 kB/s: the answer is certainly still running when the signal comes after its first byte.
    let server = try ServerProgram([
      "--demo", "--demo-scale", "0.002", "--manifest", folder.path + "/m", "--rate", "800k", "--log",
      folder.path + "/l",
    ])
    #expect(server.line.hasPrefix("listening on http://127.0.0.1:"))

    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + "/m")))
    let manifest = try Manifest.read(bytes, source: "m")
    #expect(manifest.downloads.count == 42 && manifest.withDigest == 42)
    let download = try #require(manifest.downloads.first { $0.name?.hasPrefix("C3L-07047") == true })
    let client = try RawClient(port: server.port)
    client.get("/" + (download.name ?? ""))
    #expect(client.receiveBodyByte())
    server.program.signal(SIGTERM)
    #expect(client.reply()?.body.count == download.size)
    let result = server.program.wait()
    #expect(result.code == 0 && result.out == server.line + "\n", "one line and nothing else")
  }

  @Test(
    "Wrong usage ends with 2",
    arguments: [[], ["--demo", "--root", "."], ["--demo", "--rate", "x"], ["--root", "/nonexistent"]])
  func usage(arguments: [String]) throws {
    #expect(try run("parcel-server", arguments).code == 2)
  }
}
