import ParcelCore
import Testing

@testable import ParcelServer

private func parse(_ text: String) -> RequestParser.Result { parse(Array(text.utf8)) }
private func parse(_ bytes: [UInt8]) -> RequestParser.Result {
  bytes.withUnsafeBufferPointer(RequestParser.parse)
}

private func refusal(_ text: String) -> Int? {
  if case .refuse(let status) = parse(text) { return status }
  return nil
}

@Suite("Reading requests")
struct RequestParserTests {
  @Test("A head is taken only when it is complete, and exactly its bytes")
  func complete() throws {
    let text = "\r\nGET /a%20b?q HTTP/1.1\r\nHost: h\r\nRange:  bytes=0-1 \r\nrange: x\r\n\r\nGET /next"
    let head = Array(text.utf8.dropLast("GET /next".utf8.count))
    for count in head.indices {
      guard case .more = parse(Array(head[..<count])) else {
        Issue.record("\(count) bytes should not be enough")
        continue
      }
    }
    guard case .head(let request, let length) = parse(text) else {
      Issue.record("no head")
      return
    }
    #expect(length == head.count)
    #expect(request.method == "GET" && request.target == "/a%20b?q" && request.minorVersion == 1)
    #expect(request["range"] == "bytes=0-1")
    #expect(request.all("range") == ["bytes=0-1", "x"])
  }

  @Test(
    "The connection is kept as version and header say",
    arguments: [
      ("1.1", "", true), ("1.1", "close", false), ("1.1", "TE, Close", false), ("1.0", "", false),
      ("1.0", "keep-alive", true), ("1.1", "keep-alive", true),
    ])
  func keepAlive(version: String, value: String, expected: Bool) throws {
    let header = value.isEmpty ? "" : "Connection: \(value)\r\n"
    guard case .head(let request, _) = parse("GET / HTTP/\(version)\r\nHost: h\r\n\(header)\r\n") else {
      Issue.record("no head")
      return
    }
    #expect(request.keepsAlive == expected)
  }

  @Test(
    "What cannot be understood in one way only is refused",
    arguments: [
      ("GET /\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n", 400), ("G(T / HTTP/1.1\r\n", 400),
      ("GET / http/1.1\r\n", 400),
      ("GET / HTTP/2.0\r\n", 505), ("GET / HTTP/1.1\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
      ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400), ("GET /\u{7F} HTTP/1.1\r\n", 400),
      ("\u{16}\u{3}\u{1}\r\n", 400),
      ("GET /" + String(repeating: "x", count: 9000) + " HTTP/1.1\r\n", 414),
      (String(repeating: "y", count: 9000), 414),
      ("GET / HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "z", count: 33000), 431),
      ("GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: 101) + "\r\n", 431),
    ])
  func refused(text: String, status: Int) { #expect(refusal(text) == status) }

  @Test("10,000 random requests give a head, a refusal or a wish for more, and the same when cut in two")
  func random() {
    var random = Seeded(7)
    let pieces = [
      "GET", " ", "/", "HTTP/1.1", "\r\n", "\n", "\r", "Host: x", ":", "HEAD / HTTP/1.0", "Range: bytes=",
      "-", "\t", "%00",
      "é", "\u{0}", "Content-Length: 5", "GET / HTTP/1.1\r\nHost: x\r\n",
    ]
    var kinds = [0, 0, 0]
    for _ in 0..<10_000 {
      var bytes = random.next(3) == 0 ? Array("GET / HTTP/1.1\r\nHost: x\r\nA: ".utf8) : []
      for _ in 0..<random.next(12) {
        bytes += pieces[random.next(pieces.count)].utf8
        if random.next(6) == 0 { bytes.append(UInt8(random.next(256))) }
      }
      let whole = parse(bytes)
      switch whole {
      case .more: kinds[0] += 1
      case .head(let head, let length):
        kinds[1] += 1
        #expect(length <= bytes.count && !head.method.isEmpty)
      case .refuse(let status):
        kinds[2] += 1
        #expect([400, 414, 431, 505].contains(status))
      }
      // A part is never taken for a different head than the whole.
      if case .head(let head, let length) = parse(Array(bytes.prefix(random.next(bytes.count + 1)))) {
        guard case .head(let same, let sameLength) = whole else {
          Issue.record("the part is a head, the whole is none: \(bytes)")
          continue
        }
        #expect(head.target == same.target && length == sameLength)
      }
    }
    #expect(kinds.allSatisfy { $0 > 100 }, "all three must occur: \(kinds)")
  }
}

@Suite("Rules for requests")
struct RequestRuleTests {
  @Test(
    "A range is served, refused or not counted as RFC 9110 says",
    arguments: [
      (nil, .whole), ("bytes=0-0", .part(ByteRange(0, 1))), ("bytes=0-", .part(ByteRange(0, 1000))),
      ("Bytes=10-19", .part(ByteRange(10, 20))), ("bytes=990-2000", .part(ByteRange(990, 1000))),
      ("bytes=-10", .part(ByteRange(990, 1000))), ("bytes=-5000", .part(ByteRange(0, 1000))),
      ("bytes=999-", .part(ByteRange(999, 1000))), ("bytes=1000-", .unsatisfiable),
      ("bytes=-0", .unsatisfiable),
      ("bytes=99999999999999999999-", .unsatisfiable),
      ("bytes=5-99999999999999999999", .part(ByteRange(5, 1000))),
      ("bytes=0-1,5-6", .whole), ("bytes=5-4", .whole), ("bytes=-", .whole), ("bytes=a-b", .whole),
      ("bytes=+1-2", .whole),
      ("items=0-1", .whole), ("bytes=1-2-3", .whole), ("bytes 0-1", .whole), ("bytes=", .whole),
    ] as [(String?, RangeRule)])
  func ranges(header: String?, expected: RangeRule) { #expect(RangeRule(header, size: 1000) == expected) }

  @Test("No range of an empty object can be served", arguments: ["bytes=0-", "bytes=0-0", "bytes=-1"])
  func emptyObject(header: String) { #expect(RangeRule(header, size: 0) == .unsatisfiable) }

  @Test("Conditions compare strongly where bytes are joined and weakly elsewhere")
  func conditions() {
    let conditions = Conditions(etag: "\"a\"", lastModified: 784_111_777)
    let date = "Sun, 06 Nov 1994 08:49:37 GMT"
    #expect(conditions.rangeCounts(ifRange: nil) && conditions.rangeCounts(ifRange: "\"a\""))
    #expect(!conditions.rangeCounts(ifRange: "\"b\"") && !conditions.rangeCounts(ifRange: "W/\"a\""))
    #expect(conditions.rangeCounts(ifRange: date))
    #expect(
      !conditions.rangeCounts(ifRange: "Sun, 06 Nov 1994 08:49:38 GMT")
        && !conditions.rangeCounts(ifRange: "x"))
    #expect(conditions.isUnmodified(ifNoneMatch: ["\"x\", W/\"a\""], ifModifiedSince: nil))
    #expect(conditions.isUnmodified(ifNoneMatch: ["*"], ifModifiedSince: nil))
    #expect(
      !conditions.isUnmodified(ifNoneMatch: ["\"x\""], ifModifiedSince: date),
      "the tag counts before the date")
    #expect(conditions.isUnmodified(ifNoneMatch: [], ifModifiedSince: date))
    #expect(!conditions.isUnmodified(ifNoneMatch: [], ifModifiedSince: "Sun, 06 Nov 1994 08:49:36 GMT"))
  }

  @Test("Dates are written and read as RFC 9110 shows them")
  func dates() {
    #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPDate.text(951_782_400) == "Tue, 29 Feb 2000 00:00:00 GMT")
    var random = Seeded(3)
    for _ in 0..<1000 {
      let seconds = random.next(1 << 30) * 4 + random.next(4)
      #expect(HTTPDate.seconds(HTTPDate.text(seconds)) == seconds)
    }
    #expect(HTTPDate.seconds("Sunday, 06-Nov-94 08:49:37 GMT") == nil)
  }

  @Test(
    "A target is a path below the root or nothing",
    arguments: [
      ("/", ""), ("/a/b", "a/b"), ("/a%20b%2Fc?x=%zz", "a b/c"), ("http://h/x", "x"), ("/%C3%A9", "é"),
      ("x", nil),
      ("*", nil), ("/%zz", nil), ("/%4", nil), ("/a%00", nil), ("/../x", nil), ("/a/%2e%2E/x", nil),
      ("/a%2f..", nil),
      ("/./a", nil), ("/../%CC%81x", nil), ("/%ff", nil), ("http://h", nil), ("/...", "..."),
    ] as [(String, String?)])
  func targets(target: String, expected: String?) { #expect(TargetPath.decode(target) == expected) }

  @Test("Header values are encoded as their RFCs say")
  func headerValues() {
    #expect(
      ["", "f", "fo", "foo", "foob"].map { HeaderValue.base64(Array($0.utf8)) } == [
        "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==",
      ])
    #expect(HeaderValue.disposition("a b.bam") == "attachment; filename=\"a b.bam\"")
    #expect(
      HeaderValue.disposition("é\".bam") == "attachment; filename=\"__.bam\"; filename*=UTF-8''%c3%a9%22.bam")
    #expect(JSONObject.quoted("a\"\\\n\u{1B}é\u{202E}") == "\"a\\\"\\\\\\n\\u001bé\\u202e\"")
  }
}
