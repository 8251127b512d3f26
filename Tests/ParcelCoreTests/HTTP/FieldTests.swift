import ParcelCore
import Testing

@Suite struct ContentRangeTests {
  @Test(arguments: [
    ("bytes 0-99/200", ContentRange.part(ByteRange(0, 100), size: 200)),
    ("bytes 0-99/*", .part(ByteRange(0, 100), size: nil)),
    ("Bytes  5-5/6", .part(ByteRange(5, 6), size: 6)),
    ("bytes */200", .unsatisfied(size: 200)),
    ("bytes */0", .unsatisfied(size: 0)),
  ])
  func whatIsAllowedIsRead(text: String, expected: ContentRange) {
    #expect(ContentRange(text) == expected)
  }

  @Test(arguments: [
    "", "bytes", "bytes 0-99", "items 0-99/200", "bytes 0-200/200", "bytes 10-9/200", "bytes -5-9/200",
    "bytes 0-99/-1", "bytes */*", "bytes 0-/200", "bytes +0-99/200", "bytes 0-99/200/300", "bytes=0-99/200",
    "bytes 0-9223372036854775807/*", "bytes 0-99999999999999999999/*", "bytes 0 - 99/200",
  ])
  func anythingElseIsNot(text: String) {
    #expect(ContentRange(text) == nil)
  }
}

@Suite struct HTTPDateTests {
  static let now = 1_700_000_000  // 2023-11-14

  @Test(arguments: [
    ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
    ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
    ("Sun Nov  6 08:49:37 1994", 784_111_777),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
    ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
    ("Fri, 31 Dec 1999 23:59:60 GMT", 946_684_800),
    ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
    // Two digits: up to 50 years ahead of now is the future, beyond it the past.
    ("Friday, 01-Jan-72 00:00:00 GMT", 3_218_832_000),
    ("Thursday, 01-Jan-74 00:00:00 GMT", 126_230_400),
  ])
  func allThreeFormsAreRead(text: String, seconds: Int) {
    #expect(HTTPDate.parse(text, now: Self.now) == seconds)
  }

  @Test(arguments: [
    "", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 31 Nov 1994 08:49:37 GMT",
    "Wed, 29 Feb 2023 00:00:00 GMT", "Sun, 06 nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 94 08:49:37 GMT", "06 Nov 1994 08:49:37 GMT", "120",
  ])
  func anythingElseIsNot(text: String) {
    #expect(HTTPDate.parse(text, now: Self.now) == nil)
  }

  @Test(arguments: [
    ("120", 120.0), (" 0 ", 0), ("Tue, 14 Nov 2023 22:13:50 GMT", 30), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
    ("99999999999999999999", 86_400), ("Fri, 14 Nov 2053 22:13:50 GMT", 86_400),
  ])
  func retryAfterIsSecondsOrADate(text: String, seconds: Double) {
    #expect(RetryAfter.parse(text, now: Self.now) == seconds)
  }

  @Test(arguments: ["", "-1", "1.5", "soon", "1e3"])
  func aRetryAfterThatIsNeitherIsNone(text: String) {
    #expect(RetryAfter.parse(text, now: Self.now) == nil)
  }
}

@Suite struct ContentDispositionTests {
  @Test(arguments: [
    (#"attachment; filename="a b.bam""#, "a b.bam"),
    ("attachment; filename=a.bam", "a.bam"),
    ("ATTACHMENT;FILENAME=a.bam", "a.bam"),
    ("attachment; filename = a.bam ; x=y", "a.bam"),
    ("attachment; filename=two words.txt", "two words.txt"),
    (#"attachment; filename="say \"hi\" \\.txt""#, #"say "hi" \.txt"#),
    (#"attachment; filename="semi;colon=1.txt"; size=3"#, "semi;colon=1.txt"),
    (#"attachment; filename="open"#, "open"),
    ("attachment; filename*=UTF-8''na%C3%AFve%20file.txt", "naïve file.txt"),
    ("attachment; filename*=utf-8'en'%e2%82%ac.txt", "€.txt"),
    ("attachment; filename*=ISO-8859-1''%A3%20rates", "£ rates"),
    (#"attachment; filename="plain.txt"; filename*=UTF-8''better.txt"#, "better.txt"),
    (#"attachment; filename*=UTF-8''better.txt; filename="plain.txt""#, "better.txt"),
    (#"attachment; filename="plain.txt"; filename*=KOI8-R''%C1"#, "plain.txt"),
    (#"attachment; filename="plain.txt"; filename*=UTF-8''%FF%FE"#, "plain.txt"),
    (#"attachment; filename="plain.txt"; filename*=broken"#, "plain.txt"),
    (#"filename="no type.txt""#, "no type.txt"),
    ("inline; filename=../../etc/passwd", "../../etc/passwd"),
    (#"attachment; filename="uuid/sub/name.bam""#, "uuid/sub/name.bam"),
    (#"attachment; x="filename=trap"; filename=real"#, "real"),
    ("attachment; filename=first; filename=second", "first"),
  ])
  func theNameIsFound(text: String, name: String) {
    #expect(ContentDisposition.fileName(text) == name)
  }

  @Test(arguments: [
    "", "attachment", "attachment; filename", "attachment; filename=", #"attachment; filename="""#,
    "attachment;;;",
    "attachment; name=x", "attachment; filename*=UTF-8''",
  ])
  func withoutANameThereIsNone(text: String) {
    #expect(ContentDisposition.fileName(text) == nil)
  }
}

@Suite struct ServerDigestTests {
  static let emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
  static let emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  static let emptySHA256Base64 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

  private func digests(_ status: Int, _ headers: [HTTPHeader]) -> [String] {
    ServerDigest.all(in: ResponseHead(status: status, headers: headers)).map {
      "\($0.algorithm.rawValue):\($0.hex):\($0.source.rawValue)"
    }
  }

  @Test(arguments: [
    "1B2M2Y8AsgTpgAmY7PhCfg==", "1B2M2Y8AsgTpgAmY7PhCfg", "d41d8cd98f00b204e9800998ecf8427e",
    " D41D8CD98F00B204E9800998ECF8427E ",
  ])
  func contentMD5IsBase64OrHexadecimal(text: String) {
    #expect(digests(200, [HTTPHeader("Content-MD5", text)]) == ["md5:\(Self.emptyMD5):server Content-MD5"])
  }

  @Test(arguments: [
    "", "1B2M2Y8AsgTpgAmY7PhC", "d41d8cd98f00b204", "1B2M2Y8AsgTpgAmY7PhCf!==", "=1B2M2Y8AsgTpgAmY7PhCfg=",
  ])
  func aDamagedContentMD5IsNone(text: String) {
    #expect(digests(200, [HTTPHeader("Content-MD5", text)]).isEmpty)
  }

  @Test func contentMD5OfAPartSaysNothingAboutTheFile() {
    let md5 = HTTPHeader("Content-MD5", Self.emptyMD5)
    #expect(digests(206, [md5, HTTPHeader("Content-Range", "bytes 0-99/200")]).isEmpty)
    #expect(digests(206, [md5, HTTPHeader("Content-Range", "bytes 0-99/*")]).isEmpty)
    #expect(digests(206, [md5]).isEmpty)
    #expect(digests(206, [md5, HTTPHeader("Content-Range", "bytes 0-199/200")]).count == 1)
  }

  @Test func reprDigestIsOfTheWholeWhateverPartWasSent() {
    let header = HTTPHeader("Repr-Digest", "unknown=:AA==:, sha-256=:\(Self.emptySHA256Base64):")
    #expect(digests(206, [header]) == ["sha256:\(Self.emptySHA256):server Repr-Digest"])
  }

  @Test func theStrongestComesFirstAndDamagedOnesAreLeftOut() {
    let headers = [
      HTTPHeader("Content-MD5", Self.emptyMD5),
      HTTPHeader(
        "Repr-Digest",
        "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:, sha-512=:AAAA:, sha-256=:\(Self.emptySHA256Base64):;x=1"),
    ]
    #expect(
      digests(200, headers) == [
        "sha256:\(Self.emptySHA256):server Repr-Digest", "md5:\(Self.emptyMD5):server Repr-Digest",
        "md5:\(Self.emptyMD5):server Content-MD5",
      ])
  }

  @Test func ofACodedBodyNothingIsUsed() {
    #expect(
      digests(200, [HTTPHeader("Content-MD5", Self.emptyMD5), HTTPHeader("Content-Encoding", "gzip")]).isEmpty
    )
  }

  @Test func base64IsTheRFCsTable() {
    let rows = [
      ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmFy", "foobar"),
    ]
    for (text, plain) in rows { #expect(Base64.decode(text) == Array(plain.utf8)) }
    for text in ["Z", "Zh==", "Zm=v", "Zg===", "Z g=", "====", "Zm9_"] { #expect(Base64.decode(text) == nil) }
  }
}
