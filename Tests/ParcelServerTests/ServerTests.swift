import Foundation
import ParcelCore
import ParcelSystem
import Synchronization
import Testing

@testable import ParcelServer

private let small = GeneratedContent.Item(path: "d/small.txt", size: 1000, seed: 1)
private let large = GeneratedContent.Item(path: "large.bam", size: 20_000_000, seed: 2)

private func server(_ change: (inout ServerOptions) -> Void = { _ in }) throws -> FileServer {
  var options = ServerOptions()
  change(&options)
  return try FileServer(GeneratedContent([small, large]), options)
}

private func logLines(_ path: String) throws -> [[String: Any]] {
  try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
  }
}

@Suite("Answers over a connection")
struct AnswerTests {
  @Test("Whole objects, ranges and heads come with the right status, length and bytes")
  func basics() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    let all = generated(seed: 1, 0..<1000)

    client.get("/d/small.txt")
    let whole = try #require(client.reply())
    #expect(whole.head.status == 200 && whole.body == all)
    #expect(whole.head["accept-ranges"] == "bytes")
    let tag = try #require(whole.head["etag"])
    #expect(tag.hasPrefix("\""))

    client.get("/d/small.txt", "Range: bytes=-10")
    let tail = try #require(client.reply())
    #expect(tail.head.status == 206 && tail.body == Array(all.suffix(10)))
    #expect(tail.head["content-range"] == "bytes 990-999/1000")

    client.get("/d/small.txt", "Range: bytes=0-1,4-5")
    #expect(try #require(client.reply()).head.status == 200)

    client.get("/d/small.txt", "Range: bytes=1000-")
    let beyond = try #require(client.reply())
    #expect(beyond.head.status == 416 && beyond.head["content-range"] == "bytes */1000")

    client.get("/d/small.txt", "Range: bytes=5-6", "If-Range: \(tag)")
    #expect(try #require(client.reply()).head.status == 206)
    client.get("/d/small.txt", "Range: bytes=5-6", "If-Range: \"other\"")
    #expect(try #require(client.reply()).body == all)
    client.get("/d/small.txt", "If-None-Match: \(tag)")
    let unmodified = try #require(client.reply())
    #expect(unmodified.head.status == 304 && unmodified.head["etag"] == tag)

    client.get("/d/small.txt", method: "HEAD", "Range: bytes=0-1")
    let head = try #require(client.reply(toHead: true))
    #expect(head.head.status == 200 && head.head.contentLength == 1000)
    client.get("/d/none")
    let missing = try #require(client.reply())
    #expect(missing.head.status == 404 && missing.text.contains("'d/none' is not here"))
    client.get("/%2e%2e/x")
    #expect(try #require(client.reply()).head.status == 400)
    client.get("/d/small.txt", "Connection: close")
    #expect(try #require(client.reply()).body == all)
    #expect(client.isAtEnd())
  }

  @Test("The manifest lists every object, and its ids lead to them with name and md5")
  func manifest() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    client.get("/manifest.tsv")
    let manifest = try Manifest.read(try #require(client.reply()).body, source: "m")
    #expect(manifest.downloads.map(\.name) == ["small.txt", "large.bam"])
    guard case .id(let id) = manifest.downloads[0].source else {
      Issue.record("no id")
      return
    }
    client.get("/data/\(id)", "Range: bytes=7-8")
    let part = try #require(client.reply())
    #expect(part.body == generated(seed: 1, 7..<9))
    #expect(part.head["content-disposition"] == "attachment; filename=\"small.txt\"")
    #expect(part.head["content-md5"] == manifest.downloads[0].digests.first?.hex)
    let base64 = HeaderValue.base64(manifest.downloads[0].digests[0].bytes)
    #expect(part.head["repr-digest"] == "md5=:\(base64):")
    client.get("/d/small.txt")
    #expect(try #require(client.reply()).head["content-md5"] == base64)
    client.get("/data/nothing")
    #expect(try #require(client.reply()).head.status == 404)
  }

  @Test("Requests sent all at once are answered in order")
  func pipelining() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    let one = "GET /d/small.txt HTTP/1.1\r\nHost: x\r\nRange: bytes="
    client.send(
      (0..<50).map { "\(one)\($0)-\($0)\r\n\r\n" }.joined()
        + "GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody")
    for i in 0..<50 { #expect(client.reply()?.body == generated(seed: 1, i..<(i + 1))) }
    #expect(client.reply()?.head.status == 404)
    client.get("/none")
    #expect(client.reply()?.head.status == 404, "the body of the request before was read over")
  }

  @Test(
    "Requests that are refused end the connection after the answer",
    arguments: [
      ("GARBAGE\r\n\r\n", 400), ("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405),
      ("BREW /x HTTP/1.1\r\nHost: x\r\n\r\n", 501),
      ("GET /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
      ("GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
      ("GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
      ("GET /x HTTP/1.1\r\nHost: x\r\nY: " + String(repeating: "y", count: 40_000) + "\r\n\r\n", 431),
      ("GET /" + String(repeating: "y", count: 10_000) + " HTTP/1.1\r\n\r\n", 414),
    ])
  func refusals(request: String, status: Int) throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    client.send(request)
    let reply = try #require(client.reply())
    #expect(reply.head.status == status && reply.head["connection"] == "close")
    if status == 405 { #expect(reply.head["allow"] == "GET, HEAD") }
    #expect(client.isAtEnd())
  }

  @Test("A head that does not come to its end is answered 408, a silent connection is closed")
  func timeouts() throws {
    let server = try server { options in
      options.limits.headTimeout = 0.05
      options.limits.idleTimeout = 0.05
    }
    defer { server.stop(deadline: 5) }
    let silent = try RawClient(port: server.port)
    #expect(silent.isAtEnd())
    // The client must have sent its part of a head before the idle time is over; when it was late, it tries again.
    var status: Int?
    for _ in 0..<100 where status == nil {
      let client = try RawClient(port: server.port)
      client.send("GET / HT")
      status = client.reply()?.head.status
    }
    #expect(status == 408)
  }

  @Test("HTTP/1.0 gets one answer a connection unless it asks for more")
  func http10() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    client.send("GET /d/small.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(client.reply()?.head["connection"] == "keep-alive")
    client.send("GET /d/small.txt HTTP/1.0\r\n\r\n")
    #expect(client.reply()?.body.count == 1000)
    #expect(client.isAtEnd())
  }

  @Test("With a token, requests without it get 401 and with another one 403, as JSON")
  func tokens() throws {
    let server = try server { $0.token = "s3cret" }
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port)
    for (header, status) in [
      ("X-A: b", 401), ("X-Auth-Token: s3creT", 403), ("X-Auth-Token: s3cret5", 403),
      ("x-auth-token: s3cret", 200),
    ] {
      client.get("/d/small.txt", header)
      let reply = try #require(client.reply())
      #expect(reply.head.status == status)
      if status != 200 {
        #expect(reply.head["content-type"] == "application/json")
        #expect(try JSONSerialization.jsonObject(with: Data(reply.body)) is [String: String])
      }
    }
  }

  @Test("A connection needs no socket: any byte stream is served")
  func anyStream() throws {
    let text =
      "GET /d/small.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=1-3\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n"
    for piece in [1, 7, 10_000] {
      let stream = ScriptedStream(text, piece: piece)
      let shared = Connection.Shared(
        handler: Handler(content: GeneratedContent([small]), token: nil), limits: ServerLimits(), total: nil,
        perConnection: nil, log: nil)
      Connection(stream, over: .tcp, shared).run()
      let output = stream.output.withLock { String(decoding: $0, as: Unicode.ASCII.self) }
      #expect(output.contains("HTTP/1.1 206 ") && output.contains("bytes 1-3/1000"))
      #expect(output.contains("HTTP/1.1 404 ") && stream.ended.withLock { $0 } == ["close"])
    }
  }
}

@Suite("Many clients, slow clients, broken clients")
struct LoadTests {
  @Test("A hundred connections at once each get their own range, the last to ask being the first to be read")
  func hundred() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let clients = try (0..<100).map { _ in try RawClient(port: server.port) }
    for (i, client) in clients.enumerated() {
      client.get("/large.bam", "Range: bytes=\(i * 1000)-\(i * 1000 + 4999)")
    }
    for (i, client) in clients.enumerated().reversed() {
      #expect(client.reply()?.body == generated(seed: 2, (i * 1000)..<(i * 1000 + 5000)))
    }
  }

  @Test("A client that does not read keeps nobody else waiting")
  func slowClient() throws {
    let server = try server()
    let slow = try (0..<8).map { _ in try RawClient(port: server.port, receiveBuffer: 4096) }
    for client in slow { client.get("/large.bam") }
    for client in slow { client.receive() }
    let client = try RawClient(port: server.port)
    for _ in 0..<10 {
      client.get("/d/small.txt")
      #expect(client.reply()?.body.count == 1000)
    }
    #expect(!server.stop(deadline: 0.1), "answers to the slow ones had to be broken off")
    #expect(slow[0].reply() == nil, "a broken answer does not look complete")
  }

  @Test("A client that goes away in the middle is logged as incomplete, and the next one is served")
  func cut() throws {
    let folder = TemporaryFolder()
    let log = folder.path + "/log"
    let server = try server { $0.log = log }
    var client: RawClient? = try RawClient(port: server.port, receiveBuffer: 4096)
    client?.get("/large.bam", "Range: bytes=100-")
    client?.receive()
    client = nil
    let next = try RawClient(port: server.port)
    next.get("/d/small.txt")
    #expect(next.reply()?.body.count == 1000)
    #expect(server.stop(deadline: 30))
    let lines = try logLines(log)
    #expect(lines.count == 2)
    let broken = try #require(lines.first { $0["path"] as? String == "/large.bam" })
    #expect(broken["complete"] as? Bool == false && broken["range"] as? String == "bytes=100-")
    #expect(try #require(broken["bytes"] as? Int) < large.size - 100)
    let good = try #require(lines.first { $0["path"] as? String == "/d/small.txt" })
    #expect(
      good["complete"] as? Bool == true && good["bytes"] as? Int == 1000 && good["status"] as? Int == 200)
  }

  @Test("A rate limit holds bytes back", arguments: [true, false])
  func throttle(total: Bool) throws {
    let folder = TemporaryFolder()
    let log = folder.path + "/log"
    let server = try server { options in
      options.log = log
      if total { options.rate = 20_000 } else { options.connectionRate = 20_000 }
    }
    // 2 MB at 20 kB/s take 100 s; without a limit the socket's buffers alone would have taken all of it at once.
    let client = try RawClient(port: server.port)
    client.get("/large.bam", "Range: bytes=0-1999999")
    #expect(client.receiveBodyByte())
    server.stop(deadline: 0)
    let bytes = try #require(try logLines(log).first?["bytes"] as? Int)
    #expect(bytes > 0 && bytes < 1_000_000)
  }

  @Test("Stopping lets a running answer come to its end")
  func stop() throws {
    let server = try server()
    let client = try RawClient(port: server.port)
    client.get("/large.bam")
    client.receive()
    let orderly = Mutex<Bool?>(nil)
    let done = Countdown()
    done.enter()
    _ = ServiceThread.start {
      let result = server.stop(deadline: 60)
      orderly.withLock { $0 = result }
      done.leave()
    }
    #expect(client.reply()?.body.count == large.size)
    #expect(client.isAtEnd())
    #expect(done.wait(seconds: 60))
    #expect(orderly.withLock { $0 } == true)
  }

  @Test("A file that shrinks while it is sent breaks the answer instead of ending it")
  func shrunk() throws {
    let folder = TemporaryFolder()
    try folder.write("f", [UInt8](repeating: 7, count: 8_000_000))
    let server = try FileServer(try FolderContent(root: folder.path))
    defer { server.stop(deadline: 5) }
    let client = try RawClient(port: server.port, receiveBuffer: 4096)
    client.get("/f")
    client.receive()
    truncate(folder.path + "/f", 0)
    #expect(client.reply() == nil)
  }
}

@Suite("With curl")
struct CurlTests {
  @Test("curl gets whole files and ranges of a folder and of generated content with the md5s of the manifest")
  func bytes() throws {
    let folder = TemporaryFolder()
    try folder.write("sub/a b.bin", generated(seed: 3, 0..<3_000_001))
    let contents: [any Content] = [
      try FolderContent(root: folder.path), GeneratedContent(Demo.items(scale: 0.002)),
    ]
    for content in contents {
      let server = try FileServer(content)
      defer { server.stop(deadline: 5) }
      let list = try run("curl", ["-sf", server.url + "/manifest.tsv"])
      let manifest = try Manifest.read(Array(list.out.utf8), source: "m")
      let download = try #require(manifest.downloads.max { ($0.size ?? 0) < ($1.size ?? 0) })
      guard case .id(let id) = download.source, let size = download.size else { continue }
      let out = TemporaryFolder()
      let url = server.url + "/data/" + id
      // Three ranges put together, then the whole under the server's name.
      let ranges = ["0-\(size / 3)", "\(size / 3 + 1)-\(size - 101)", "-100"]
      let parts = try ranges.map { range -> [UInt8] in
        let path = out.path + "/part"
        #expect(try run("curl", ["-sf", "-r", range, "-o", path, "-w", "%{http_code}", url]).out == "206")
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      }
      try out.write("joined", parts.flatMap { $0 })
      #expect(try run("curl", ["-sfOJ", "--output-dir", out.path, url]).code == 0)
      let name = try #require(download.name)
      for file in ["joined", name] {
        #expect(try run("md5sum", [out.path + "/" + file]).out.prefix(32) == download.digests[0].hex)
      }
      // Continue after 1,000 bytes.
      let half = [UInt8](try Data(contentsOf: URL(fileURLWithPath: out.path + "/" + name)).prefix(1000))
      try out.write("resumed", half)
      #expect(try run("curl", ["-sf", "-C", "-", "-o", out.path + "/resumed", url]).code == 0)
      #expect(try run("md5sum", [out.path + "/resumed"]).out.prefix(32) == download.digests[0].hex)
    }
  }
}
