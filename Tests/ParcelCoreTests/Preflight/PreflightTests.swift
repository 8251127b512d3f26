import Testing

@testable import ParcelCore

@Suite struct PreflightTests {
  private func spec(
    _ name: String, size: Int? = 1000, state: String? = nil, successor: String? = nil,
    host: String = "a.example"
  ) -> DownloadSpec {
    DownloadSpec(
      source: .url("https://\(host)/\(name)"), name: name, size: size, release: state, successor: successor)
  }

  private func facts(_ specs: [DownloadSpec], _ change: (inout PreflightFacts) -> Void = { _ in })
    -> PreflightFacts
  {
    var target = TargetFacts(folder: "/data", existing: "/data")
    target.free = 1_000_000_000
    target.freeInodes = 1000
    target.kind = "ext4"
    var facts = PreflightFacts(
      specs: specs, server: "https://ids.example/", target: target, now: 1_700_000_000)
    change(&facts)
    return facts
  }

  private func texts(_ facts: PreflightFacts, waits: Bool = false) -> [String] {
    var policy = PreflightRules.Policy()
    policy.waitsForServers = waits
    return PreflightRules.report(facts, policy: policy).findings.map {
      "\($0.level.rawValue) \($0.scope == .batch ? "batch" : "rows") \($0.topic): \($0.text)"
        + ($0.whichRows.isEmpty ? "" : " [\($0.whichRows)]")
    }
  }

  @Test func `a batch without anything wrong has no finding and may start`() {
    let report = PreflightRules.report(facts([spec("a"), spec("b", state: "released")]))
    #expect(report.findings.isEmpty && !report.stops && report.exit == .success && report.skips.isEmpty)
  }

  // MARK: Room

  @Test func `the sum of sizes less what partial files hold must fit`() {
    let specs = [spec("a", size: 900_000_000), spec("b", size: 600_000_000), spec("c", size: nil)]
    let found = texts(facts(specs))
    #expect(
      found == [
        "trouble batch Room: 1.50 GB are needed, and 1.00 GB are free in /data, 1 files of unknown size not counted"
      ])
    // What a part has taken, and a file that is there, is not needed again; more than its size cannot be saved.
    let rest = facts(specs) {
      $0.target.rows = [RowOnDisk(row: 0, final: .absent, allocated: 2_000_000_000)]
    }
    #expect(texts(rest).isEmpty)
    let done = facts(specs) {
      $0.target.rows = [RowOnDisk(row: 1, final: .file(size: 600_000_000), allocated: 0)]
    }
    #expect(texts(done).isEmpty)
    let part = facts(specs) { $0.target.rows = [RowOnDisk(row: 0, final: .absent, allocated: 400_000_000)] }
    #expect(
      texts(part).first?.contains("1.10 GB are needed besides the 400.00 MB that partial files hold") == true)
    #expect(PreflightRules.report(part).exit == .disk)
  }

  @Test func `an exact fit is enough, one byte more is not`() {
    #expect(texts(facts([spec("a", size: 1_000_000_000)])).isEmpty)
    #expect(texts(facts([spec("a", size: 1_000_000_001)])).count == 1)
  }

  @Test func `a quota is named as such, and sums beyond all numbers do not wrap`() {
    let specs = [spec("a", size: .max), spec("b", size: .max)]
    let found = texts(facts(specs) { $0.target.isQuota = true })
    #expect(found.first?.contains("your quota leaves 1.00 GB in /data") == true, "\(found)")
  }

  @Test func `more files than the file system has inodes for are said`() {
    let found = texts(facts((0..<5).map { spec("f\($0)") }) { $0.target.freeInodes = 4 })
    #expect(
      found.count == 1 && found[0].hasPrefix("trouble batch Inodes: 5 files are to be made"), "\(found)")
  }

  // MARK: Folder

  @Test func `a folder that cannot be used, is locked or cannot be written stops the batch`() {
    let unusable = facts([spec("a")]) { $0.target.failure = "/data is not a folder" }
    #expect(texts(unusable) == ["trouble batch Folder: /data cannot be used: /data is not a folder"])
    let both = facts([spec("a")]) {
      $0.target.writeFailure = "permission denied"
      $0.target.lock = Failure(.locked, retry: .needsUser, "Could not work on '/data': parcel holds it.")
    }
    #expect(
      texts(both) == [
        "trouble batch In use: Could not work on '/data': parcel holds it",
        "trouble batch Writing: no file can be made in /data: permission denied",
      ])
    let sub = facts([spec("x/a"), spec("y/b"), spec("x/c")]) {
      $0.target.badFolders = [("x", "permission denied")]
    }
    #expect(
      texts(sub) == [
        "trouble rows Writing: 2 files cannot be written into 'x': permission denied [x/a and x/c]"
      ])
    #expect(PreflightRules.report(sub).skips.map(\.id.index) == [0, 2])
  }

  // MARK: Rows

  @Test func `superseded rows and states of files that cannot be had are problems of their rows`() {
    let found = texts(
      facts([
        spec("a", successor: "new-1"), spec("b", state: "submitted"), spec("c", state: "Redacted"),
        spec("d", state: "live"), spec("e", state: "suppressed"), spec("f", state: "redacted"),
      ]))
    #expect(
      found == [
        "trouble rows Not public: 2 files are not given out: the manifest says 'redacted' [c and f]",
        "trouble rows Superseded: 1 file is superseded by a newer version (new-1) [a]",
        "trouble rows Not public: 1 file is not given out: the manifest says 'suppressed' [e]",
      ])
  }

  @Test func `the real manifest of superseded files names all of them and the first three`() throws {
    let specs = (0..<597).map { spec("f\($0)", successor: "n") }
    let report = PreflightRules.report(facts(specs))
    #expect(report.findings.first?.whichRows == "f0, f1, f2 and 594 more")
    #expect(report.skips.count == 597 && report.exit == .changedOrGone)
  }

  @Test func `two rows with one target, and a row that is another's folder, are found; the first one stays`()
  {
    let found = PreflightRules.report(facts([spec("a"), spec("b"), spec("a"), spec("b/c")]))
    #expect(found.skips.map(\.id.index) == [2, 3])
    #expect(found.findings.map(\.topic) == ["Twice"])
  }

  @Test func `names that differ in case only are a remark, and a problem where they are one name`() {
    let specs = [spec("Data.txt"), spec("data.TXT")]
    #expect(PreflightRules.report(facts(specs)).findings.map(\.level) == [.remark])
    let fat = PreflightRules.report(facts(specs) { $0.target.kind = "vfat" })
    #expect(fat.findings.map(\.level) == [.trouble] && fat.skips.map(\.id.index) == [1])
    let large = PreflightRules.report(
      facts([spec("a", size: 4_294_967_296), spec("b", size: 4_294_967_295)]) {
        $0.target.kind = "vfat"
        $0.target.free = nil
      })
    #expect(large.skips.map(\.id.index) == [0])
  }

  @Test func `another file in the place is a problem unless it may be overwritten or may be the right one`() {
    var specs = [spec("a"), spec("b"), spec("c", size: nil), spec("d")]
    specs.append(
      DownloadSpec(
        source: .id("e"), name: "e",
        digests: [Digest(.md5, hex: String(repeating: "0", count: 32), source: .manifest)!]))
    let rows = [
      RowOnDisk(row: 0, final: .file(size: 999), allocated: 0),
      RowOnDisk(row: 1, final: .file(size: 1000), allocated: 0),
      RowOnDisk(row: 2, final: .file(size: 5), allocated: 0), RowOnDisk(row: 3, final: .other, allocated: 0),
      RowOnDisk(row: 4, final: .file(size: 5), allocated: 0),
    ]
    let found = PreflightRules.report(facts(specs) { $0.target.rows = rows })
    #expect(found.skips.map(\.id.index) == [0, 2, 3])
    let over = PreflightRules.report(
      facts(specs) {
        $0.target.rows = rows
        $0.overwrite = true
      })
    #expect(over.skips.map(\.id.index) == [3])
  }

  // MARK: Token, certificates

  @Test func `an expired token stops, one that ends soon and an open file are remarks`() {
    func found(_ expires: Int?, open: Bool = false) -> [String] {
      texts(
        facts([spec("a")]) {
          var token = TokenFacts(path: "/t")
          token.expires = expires
          token.isOpenToOthers = open
          $0.token = token
        })
    }
    #expect(found(nil).isEmpty)
    #expect(found(1_700_000_000 + 90_000).isEmpty)
    #expect(found(1_700_000_000) == ["trouble batch Token: the token says that it expired 0 s ago"])
    #expect(found(1_699_999_000) == ["trouble batch Token: the token says that it expired 16 minutes ago"])
    #expect(found(1_700_003_600) == ["remark batch Token: the token says that it expires in 60 minutes"])
    #expect(
      found(nil, open: true) == ["remark batch Token: others on this machine can read the token file '/t'"])
  }

  @Test func `the end of a web token is read from its own claims, and only from there`() {
    // {"alg":"HS256"} . {"aud":["a","exp"],"in":{"exp":1},"exp":1700000000,"x":"\"exp\":2"}
    let claims = #"{"aud":["a","exp"],"in":{"exp":1},"exp": 1700000000,"x":"\"exp\":2"}"#
    func base64url(_ text: String) -> String {
      let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
      var out: [UInt8] = []
      var bits = 0
      var count = 0
      for byte in text.utf8 {
        bits = bits << 8 | Int(byte)
        count += 8
        while count >= 6 {
          count -= 6
          out.append(digits[bits >> count & 63])
          bits &= 1 << count - 1
        }
      }
      if count > 0 { out.append(digits[bits << (6 - count) & 63]) }
      return String(decoding: out, as: UTF8.self)
    }
    let head = base64url(#"{"alg":"HS256"}"#)
    #expect(TokenExpiry.seconds(of: "\(head).\(base64url(claims)).sig") == 1_700_000_000)
    #expect(TokenExpiry.seconds(of: "\(head).\(base64url(#"{"sub":"exp"}"#)).sig") == nil)
    #expect(TokenExpiry.seconds(of: "\(head).\(base64url(#"{"in":{"exp":1}}"#)).sig") == nil)
    #expect(TokenExpiry.seconds(of: "ALPHANUMERICTOKEN-01234567890+AlPhAnUmErIcToKeN=0123456789") == nil)
    #expect(TokenExpiry.seconds(of: "a.%%%.c") == nil)
  }

  // MARK: Servers

  @Test func `servers are asked where it pays: many files or many bytes`() {
    #expect(!PreflightRules.asksServers(files: 1, bytes: 700))
    #expect(!PreflightRules.asksServers(files: 9, bytes: 999_999_999))
    #expect(PreflightRules.asksServers(files: 10, bytes: 0))
    #expect(PreflightRules.asksServers(files: 1, bytes: 1_000_000_000))
    #expect(!PreflightRules.asksServers(files: 0, bytes: 0))
  }

  @Test func `each server is asked for its first row that is wanted, and not for what is here or gone`() {
    var specs = (0..<12).map { spec("f\($0)", host: $0 % 2 == 0 ? "a.example" : "b.example:8443") }
    specs[0].successor = "x"
    specs[2].release = "error"
    specs.append(DownloadSpec(source: .id("i"), name: "i"))
    let wanted = facts(specs) { $0.target.rows = [RowOnDisk(row: 4, final: .file(size: 1000), allocated: 0)] }
    let origins = PreflightRules.origins(wanted).all
    #expect(
      origins.map(\.origin) == ["https://b.example:8443", "https://a.example:443", "https://ids.example:443"])
    #expect(origins.map { $0.rows.first } == [1, 6, 12])
    // Everything is here already: nobody is asked.
    let done = facts(specs) { facts in
      facts.target.rows = specs.indices.map { RowOnDisk(row: $0, final: .file(size: 1000), allocated: 0) }
      facts.specs = specs.map {
        var spec = $0
        spec.size = 1000
        return spec
      }
    }
    #expect(PreflightRules.origins(done).all.isEmpty)
  }

  private func server(_ outcome: ServerFacts.Outcome, hasRelay: Bool = false, count: Int = 12)
    -> PreflightFacts
  {
    facts((0..<count).map { spec("f\($0)") }) {
      var one = ServerFacts(
        origin: "https://a.example:443", rows: Array(0..<count), asked: 3, url: "https://a.example/f3",
        outcome: outcome)
      one.hasRelay = hasRelay
      $0.servers = [one]
    }
  }

  @Test func `an unreachable server stops, unless the run waits for servers or has another way`() {
    let failure = Failure(
      .network, retry: .later(after: nil),
      "Could not fetch https://a.example/f3, bytes 0 to 0: a.example cannot be reached (connection refused).")
    let down = server(.failed(failure))
    #expect(texts(down) == ["trouble batch Server: a.example cannot be reached (connection refused)"])
    #expect(PreflightRules.report(down).exit == .network)
    #expect(
      texts(down, waits: true).first?.hasPrefix("remark batch Server: a.example cannot be reached") == true)
    #expect(texts(server(.failed(failure), hasRelay: true)).first?.hasPrefix("remark") == true)
    #expect(
      texts(server(.silent(seconds: 5, connected: false))).first?.hasPrefix(
        "trouble batch Server: no connection") == true)
    #expect(
      texts(server(.silent(seconds: 5, connected: true))).first?.hasPrefix("remark batch Server") == true)
    let relay = Endpoint(host: "r.example", port: 9000)
    #expect(
      texts(server(.relay(relay, .silent))).first?.hasPrefix("trouble batch Server: the relay r.example:9000")
        == true)
    #expect(texts(server(.relay(relay, .answered(seconds: 0.1, tries: 1)))).isEmpty)
  }

  @Test func `a refused certificate stops also a run that waits for servers`() {
    let failure = Failure(
      .tls, retry: .needsUser,
      "Could not fetch https://a.example/f3: a.example's certificate was refused: it has expired.")
    #expect(
      texts(server(.failed(failure)), waits: true)
        == ["trouble batch TLS: a.example's certificate was refused: it has expired"])
  }

  @Test func `what the first row is answered concerns the batch or the row`() {
    func found(_ status: Int, _ body: String = "", _ headers: [HTTPHeader] = []) -> String {
      let head = ResponseHead(
        status: status, headers: headers + [HTTPHeader("Content-Type", "application/json")])
      let url = "https://a.example/f3"
      let verdict = ResponseRule.check(
        head, asked: ResponseExpectation(url: url, range: ByteRange(0, 1), size: 1000), now: 0)
      return texts(server(.answered(head, verdict, body: Array(body.utf8)))).joined(separator: "|")
    }
    #expect(found(206, "", [HTTPHeader("Content-Range", "bytes 0-0/1000")]) == "")
    #expect(
      found(206, "", [HTTPHeader("Content-Range", "bytes 0-0/999")]).hasPrefix("trouble rows Different: "))
    #expect(found(401).hasPrefix("trouble batch Access: a.example: "))
    #expect(
      found(
        403, #"{"message": "Your token is invalid or expired. Please get a new token from GDC Data Portal."}"#
      )
      .hasPrefix(
        "trouble batch Access: a.example: the server answered 403 (forbidden). The token has expired."))
    let closed = found(403, #"{"error": "You don't have access to the data"}"#)
    #expect(closed.hasPrefix("trouble rows Access: ") && closed.hasSuffix("[f3]"), "\(closed)")
    #expect(found(404).hasPrefix("trouble rows Not there: "))
    #expect(found(503).hasPrefix("remark batch Server: "))
    #expect(found(429, "", [HTTPHeader("Retry-After", "7")]).hasPrefix("remark batch Server: "))
    #expect(
      found(302, "", [HTTPHeader("Location", "http://a.example/x")]).hasPrefix("trouble rows Redirect: "))
  }

  @Test func `missing ranges are worth a word for large files only`() {
    let head = ResponseHead(status: 200, headers: [HTTPHeader("Content-Length", "1000")])
    let verdict = ResponseVerdict.wholeInsteadOfPart(ObjectIdentity(size: 1000))
    #expect(texts(server(.answered(head, verdict, body: []))).isEmpty)
    var large = server(.answered(head, verdict, body: []))
    large.specs[5].size = 5_000_000
    #expect(texts(large).first?.hasPrefix("remark batch Ranges: a.example gives no parts of files") == true)
  }

  // MARK: Reports

  @Test func `the most serious comes first, rows are left out once, and texts cannot move the cursor`() {
    let mixed = facts([
      spec("a\u{1B}[31m", successor: "x"), spec("b", state: "error"), spec("B", state: "error"),
    ]) {
      $0.target.free = 10
      $0.target.rows = [RowOnDisk(row: 0, final: .other, allocated: 0)]
    }
    let report = PreflightRules.report(mixed)
    #expect(report.findings.map(\.topic) == ["Room", "Not public", "Superseded", "In the way", "Same name"])
    #expect(report.skips.map(\.topic) == ["Superseded", "Not public", "Not public"])
    #expect(report.exit == .someFailed)
    #expect(report.counts == "4 problems, 1 remark")
    #expect(report.findings.allSatisfy { !$0.whichRows.contains("\u{1B}") && !$0.text.contains("\u{1B}") })
    let failure = report.skips[1].failure(title: "b")
    #expect(failure.code == .skipped && ExitCode(failure.code) == .someFailed)
    #expect(failure.sentence.hasPrefix("Left out 'b': "))
  }

  @Test func `a hundred thousand rows are judged in order and give the same report twice`() {
    let specs = (0..<100_000).map {
      spec("d\($0 % 100)/f\($0)", size: 1, successor: $0 % 1000 == 0 ? "n" : nil)
    }
    let many = facts(specs) { $0.target.freeInodes = nil }
    let report = PreflightRules.report(many)
    #expect(report == PreflightRules.report(many))
    #expect(report.skips.count == 100 && report.findings.count == 1)
  }
}
