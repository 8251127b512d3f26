import ParcelCore
import Testing

@Suite struct SecretTests {
  @Test(arguments: [
    "X-Auth-Token", "authorization", "Cookie", "X-Api-Key", "Private-Token", "X-Amz-Security-Token",
    "X-Goog-Signature",
    "X-Session-Id", "X-Vault-Token", "Api-Secret",
  ]) func aHeaderOfSuchANameIsSecret(name: String) { #expect(Redaction.isSecret(header: name)) }

  @Test(arguments: [
    "WWW-Authenticate", "Proxy-Authenticate", "Keep-Alive", "ETag", "Range", "Host", "X-Study", "Age",
  ])
  func aHeaderOfSuchANameIsNot(name: String) { #expect(!Redaction.isSecret(header: name)) }

  @Test(arguments: [
    ("Authorization: Bearer abc HTTP/1.1", "Authorization: ***"), ("Set-Cookie : a=b", "Set-Cookie: ***"),
    ("GET /a?token=x HTTP/1.1", "GET /a?token=*** HTTP/1.1"), ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
    ("GET /a:b HTTP/2", "GET /a:b HTTP/2"),
  ]) func aHeadLineHasStarsForItsSecretsHoweverItEnds(line: String, shown: String) {
    #expect(Redaction.headLine(line) == shown)
  }

  @Test func whatARequestCarriedIsFoundInWhatComesBack() {
    let headers = [
      HTTPHeader("Authorization", "Bearer abcdefghij"), HTTPHeader("Cookie", "id=klmnopqrst; x=1"),
      HTTPHeader("X-Study", "harmless-one"),
    ]
    let secrets = Redaction.secrets(in: headers, url: "https://u:password-1@h/")
    #expect(
      Redaction.values("abcdefghij klmnopqrst password-1 harmless-one x=1 abcdefghijabcdefghij", secrets)
        == "*** *** *** harmless-one x=1 ******")
    #expect(Redaction.values("nothing here", secrets) == "nothing here")
    #expect(Redaction.values("a", [""]) == "a")
  }
}

/// What the fuzzers found.
@Suite struct FoundByFuzzingTests {
  @Test(arguments: ["receive_rate", "send_rate", "round_trip", "loss"])
  func whatNoPathCanHaveIsNotTakenFromARelaysReport(name: String) {
    for number in ["1e91", "-1"] {
      let report = RelayReport(line: #"{"type":"path","connections":1,"\#(name)":\#(number)}"#)
      #expect(report != nil && report == RelayReport(line: #"{"type":"path","connections":1}"#), "\(number)")
      #expect(report.flatMap { RelayReport(line: $0.line) } == report)
    }
  }

  /// The sum of two of them ended the program.
  @Test(arguments: ["9e18", "-1", "1.5"])
  func whatNobodyCountedIsNotTakenFromARelaysReport(number: String) {
    let names = [
      "connections", "received", "sent", "receive_lost", "send_lost", "retransmitted", "receive_repaired",
      "window", "drops",
    ]
    let line = #"{"type":"path""# + names.map { #","\#($0)":\#(number)"# }.joined() + "}"
    guard case .path(let path) = RelayReport(line: line) else {
      Issue.record("\(line) is not taken")
      return
    }
    #expect(path == PathStatistics() && path.meanLoss == 0)
  }

  @Test func aFileOfNearlyTheLargestNumberHasBlocksWithoutOverflow() {
    let layout = BlockLayout(size: .max)
    #expect(layout.range(layout.blockCount - 1).end == .max)
    #expect(layout.wholeBlocks(in: ByteRange(.max - 1, .max)).isEmpty)
    #expect(layout.wholeBlocks(in: ByteRange(0, .max)) == 0..<layout.blockCount)
    let lines: [JournalRecord] = [
      .object(JournalObject(identity: ObjectIdentity(size: .max), digests: [], blockSize: layout.blockSize)),
      .blocks(first: layout.blockCount - 1, digests: [1]), .extra(ByteRangeSet([ByteRange(.max - 1, .max)])),
      .lost(ByteRange(1, .max)),
    ]
    let text = Journal.header + lines.map(Journal.line).joined()
    guard case .state(let state, _) = Journal.replay(Array(text.utf8)) else {
      Issue.record("a journal of a large file cannot be read")
      return
    }
    #expect(state.all.blocks.isEmpty)
  }

  @Test(arguments: [
    "http://u:1]f", "http://[1]a/", "http://a[::1]/", "http://[]/", "http://[::1]:80:9/", "http://[::1",
    "http://]/",
  ])
  func aHostWithBracketsInTheWrongPlaceIsRefused(url: String) {
    #expect(throws: Failure.self) { try RowInput.spec(url) }
  }

  /// `a:b:` was the host `a:b` without a port, and written down again the host `a` with a port.
  @Test(arguments: [
    "https://u:p@host:https:http:/x", "https://a:80:/", "https://a:80:81/", "https://::1/", "https://a:+80/",
  ])
  func aHostHasNoColonOutsideOfBrackets(url: String) {
    #expect(URLReference(url) == nil)
    #expect(throws: Failure.self) { try RowInput.spec(url) }
    #expect(Address.resolve(url, against: "https://h/") == nil)
  }

  /// To Swift, a slash with an accent is no slash: what is behind it seemed to belong to the host.
  @Test(arguments: ["/", "?", "#"]) func anAccentDoesNotHideWhereAHostEnds(mark: String) throws {
    let text = "https://evil.example\(mark)\u{301}@data.example/x"
    #expect(try #require(URLReference(text)).host == "evil.example")
    #expect(!Address.sameOrigin(text, "https://data.example/y"))
    let next = try #require(Address.resolve(text, against: "https://data.example/y"))
    #expect(next.utf8.allSatisfy { $0 < 128 } && !Address.sameOrigin(next, "https://data.example/y"))
    #expect(Address.resolve("/a\u{301}/..\u{301}/b", against: "https://h/") == "https://h/a%CC%81/..%CC%81/b")
  }

  /// Its bytes were counted before those outside ASCII became three each: what was accepted could be refused the next time.
  @Test func aURLsLengthIsThatOfWhatIsSent() throws {
    let start = "https://h/"
    func url(_ count: Int, _ letter: String) -> Result<String, RowInput.Reason> {
      RowInput.url(start + String(repeating: letter, count: count))
    }
    let plain = try url(8192 - start.utf8.count, "a").get()
    #expect(plain.utf8.count == 8192 && RowInput.url(plain) == .success(plain))
    #expect(throws: RowInput.Reason.self) { try url(8193 - start.utf8.count, "a").get() }
    let accented = try url((8192 - start.utf8.count) / 6, "\u{E9}").get()
    #expect(accented.hasSuffix("%C3%A9") && RowInput.url(accented) == .success(accented))
    #expect(throws: RowInput.Reason.self) { try url((8192 - start.utf8.count) / 6 + 1, "\u{E9}").get() }
    // A fragment is not sent.
    #expect(RowInput.url(plain + "#" + plain) == .success(plain))
  }

  @Test func aLongNameWithOneOfOurEndingsInTheMiddleIsLeftAloneOnceItIsSafe() {
    let long = "t.parcel-lock" + String(repeating: "\u{FFFD}", count: 100)
    let safe = SafeName.component(long)
    #expect(SafeName.component(safe) == safe && safe.utf8.count <= SafeName.componentLimit)
  }
}
