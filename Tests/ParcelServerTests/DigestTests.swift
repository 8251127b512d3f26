import Foundation
import ParcelCore
import Testing

@testable import ParcelServer

private let object = GeneratedContent.Item(path: "a.bam", size: 20_000_000, seed: 2)

@Suite("Digests in answers")
struct DigestHeaderTests {
  /// What `openssl dgst` says of some bytes, as the headers have it.
  private func expected(_ name: String, _ bytes: [UInt8]) throws -> String {
    let folder = TemporaryFolder()
    try folder.write("x", bytes)
    let command = "openssl dgst -\(name == "md5" ? "md5" : "sha256") -binary \(folder.path)/x | base64 -w0"
    return "\(name)=:\(try run("sh", ["-c", command]).out):"
  }

  @Test("Content-Digest of a range is that of its bytes, in the kind that was asked for")
  func ranges() throws {
    let server = try FileServer(GeneratedContent([object]))
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    for (wish, name) in [
      ("sha-256=1", "sha-256"), ("md5=1", "md5"), ("md5=2, sha-256=9", "sha-256"),
      ("md5=3,sha-256=3", "sha-256"),
      ("sha-512=10, md5=1", "md5"), ("sha-256=0, md5=1", "md5"),
    ] {
      for range in [0..<1, 7..<1_048_583, 19_999_000..<20_000_000] {
        let header = "Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)"
        client.get("/a.bam", header, "Want-Content-Digest: \(wish)")
        let reply = try #require(client.reply())
        #expect(reply.head.status == 206)
        let digest = try expected(name, generated(seed: 2, range))
        #expect(reply.head["content-digest"] == digest, "\(wish)")
      }
    }
  }

  @Test("No Content-Digest unless asked for something that we have, of what is not too much, with GET")
  func none() throws {
    let server = try FileServer(GeneratedContent([object]))
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    for headers in [
      ["Range: bytes=0-9"], ["Range: bytes=0-9", "Want-Content-Digest: sha-512=1"],
      ["Range: bytes=0-9", "Want-Content-Digest: sha-256=0"],
      ["Range: bytes=0-9", "Want-Content-Digest: sha-256"],
      ["Range: bytes=0-9", "Want-Content-Digest: sha-256=11"], ["Want-Content-Digest: sha-256=1"],
      ["Range: bytes=0-16777216", "Want-Content-Digest: sha-256=1"],
      ["Range: bytes=30000000-", "Want-Content-Digest: sha-256=1"],
    ] {
      client.send("GET /a.bam HTTP/1.1\r\nHost: x\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
      let reply = try #require(client.reply())
      #expect(reply.head["content-digest"] == nil, "\(headers)")
    }
    client.get("/a.bam", method: "HEAD", "Want-Content-Digest: sha-256=1")
    #expect(try #require(client.reply(toHead: true)).head["content-digest"] == nil)
    client.get("/a.bam", "Range: bytes=0-16777215", "Want-Content-Digest: sha-256=1")
    #expect(try #require(client.reply()).head["content-digest"] != nil, "16 MiB are not too much")
  }

  @Test("HEAD with a range gives the part's digest without its bytes, and only to who asks for it")
  func withoutBytes() throws {
    let server = try FileServer(GeneratedContent([object]))
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    let range = "Range: bytes=1048576-2097151"
    for _ in 0..<2 {
      client.get("/a.bam", method: "HEAD", range, "Want-Content-Digest: sha-256=10, sha-512=5")
      let reply = try #require(client.reply(toHead: true))
      #expect(reply.head.status == 206)
      #expect(reply.head["content-range"] == "bytes 1048576-2097151/20000000")
      #expect(reply.head["content-length"] == "1048576")
      #expect(
        try reply.head["content-digest"] == expected("sha-256", generated(seed: 2, 1_048_576..<2_097_152)))
    }
    client.get("/a.bam", method: "HEAD", range)
    let plain = try #require(client.reply(toHead: true))
    #expect(plain.head.status == 200 && plain.head["content-digest"] == nil)
    client.get("/a.bam", method: "HEAD", "Range: bytes=30000000-", "Want-Content-Digest: sha-256=1")
    #expect(try #require(client.reply(toHead: true)).head.status == 416)
  }

  @Test("Repr-Digest is of the whole object: md5 once it is known, others of small objects when asked for")
  func representation() throws {
    let small = GeneratedContent.Item(path: "small", size: 1000, seed: 3)
    let server = try FileServer(GeneratedContent([small, object]))
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    func digest(_ path: String, _ headers: String...) throws -> String? {
      let lines = (["Range: bytes=5-6"] + headers).map { $0 + "\r\n" }.joined()
      client.send("GET /\(path) HTTP/1.1\r\nHost: x\r\n\(lines)\r\n")
      return try #require(client.reply()).head["repr-digest"]
    }
    let bytes = generated(seed: 3, 0..<1000)
    let md5 = try expected("md5", bytes)
    let sha = try expected("sha-256", bytes)
    #expect(try digest("small") == nil)
    #expect(try digest("small", "Want-Repr-Digest: md5=1") == md5)
    #expect(try digest("small", "Want-Repr-Digest: sha-256=1") == sha)
    client.get("/manifest.tsv")
    #expect(client.reply()?.head.status == 200)
    #expect(try digest("small") == md5)
    #expect(try digest("small", "Want-Repr-Digest: sha-256=1, md5=0") == sha)
    #expect(try digest("small", "Want-Repr-Digest: sha-256=1") == sha + ", " + md5)
    #expect(try digest("a.bam", "Want-Repr-Digest: sha-256=1")?.hasPrefix("md5=:") == true)
    client.get("/a.bam", "Want-Content-Digest: md5=1")
    let whole = try #require(client.reply())
    #expect(whole.head["content-digest"] != nil && whole.head["content-digest"] == whole.head["repr-digest"])
  }
}

@Suite("The digest cache")
struct DigestCacheTests {
  @Test("Digests survive the program, and count only while the file is the same")
  func survives() throws {
    let folder = TemporaryFolder()
    let other = TemporaryFolder()
    let path = other.path + "/cache"
    try folder.write("a b", Array("hello".utf8))
    try folder.write("c", [])
    _ = try FolderContent(root: folder.path, digests: DigestCache(path: path)).manifest()
    let again = try FolderContent(root: folder.path, digests: DigestCache(path: path))
    #expect(again.open(path: "a b")?.0.md5.map { Hex.encode($0) } == "5d41402abc4b2a76b9719d911017c592")
    #expect(again.open(path: "c")?.0.md5.map { Hex.encode($0) } == "d41d8cd98f00b204e9800998ecf8427e")
    try folder.write("a b", Array("HELLO!".utf8))
    #expect(again.open(path: "a b")?.0.md5 == nil)
  }

  @Test("A line that was cut off is passed over, and the next one is whole")
  func cut() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/cache"
    let md5 = [UInt8](repeating: 7, count: 16)
    do {
      let cache = try DigestCache(path: path)
      cache["one", "\"1\""] = md5
      cache["two", "\"2\""] = md5
    }
    let size = try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    truncate(path, size - 6)
    do {
      let cache = try DigestCache(path: path)
      #expect(cache["one", "\"1\""] == md5 && cache["one", "\"2\""] == nil && cache["two", "\"2\""] == nil)
      cache["three", "\"3\""] = md5
    }
    let cache = try DigestCache(path: path)
    #expect(cache["one", "\"1\""] == md5 && cache["three", "\"3\""] == md5)
  }

  @Test("Another kind of file is neither used nor changed")
  func foreign() throws {
    let folder = TemporaryFolder()
    try folder.write("x", Array("my thesis".utf8))
    #expect(throws: Failure.self) { try DigestCache(path: folder.path + "/x") }
    #expect(try String(contentsOfFile: folder.path + "/x", encoding: .utf8) == "my thesis")
  }
}
