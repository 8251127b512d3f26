import ParcelCore
import Testing

/// One answer and what must come of it.
struct RuleCase: Sendable, CustomTestStringConvertible {
  var title: String
  var status: Int
  var headers: [String: String]
  var asked: ResponseExpectation
  var verdict: ResponseVerdict?
  var refused: Failure.Code?
  var retry: Failure.Retry?
  /// Must be in the sentence.
  var words: String

  var testDescription: String { title }

  /// An answer that is taken.
  init(
    _ title: String, _ status: Int, _ headers: [String: String], asked range: ByteRange? = nil,
    known: ObjectIdentity? = nil, manifest: Int? = nil, _ verdict: ResponseVerdict
  ) {
    self.title = title
    self.status = status
    self.headers = headers
    asked = ResponseExpectation(url: ruleURL, range: range, identity: known, size: manifest)
    self.verdict = verdict
    words = ""
  }

  /// An answer that is refused.
  init(
    _ title: String, _ status: Int, _ headers: [String: String], asked range: ByteRange? = nil,
    known: ObjectIdentity? = nil, manifest: Int? = nil, refused: Failure.Code, _ retry: Failure.Retry,
    _ words: String
  ) {
    self.title = title
    self.status = status
    self.headers = headers
    asked = ResponseExpectation(url: ruleURL, range: range, identity: known, size: manifest)
    self.refused = refused
    self.retry = retry
    self.words = words
  }

  var head: ResponseHead {
    // A dictionary's order does not matter: no name occurs twice.
    ResponseHead(status: status, headers: headers.map { HTTPHeader($0.key, $0.value) })
  }
}

private let ruleURL = "https://h/f?token=hush"
private let etag = "\"v1\""
private let date = "Sun, 06 Nov 1994 08:49:37 GMT"
private let known = ObjectIdentity(size: 2000, etag: etag, lastModified: date)
private let first = ByteRange(0, 1000)
private let rest = ByteRange(1000, 2000)
private let open = ByteRange(1000, .max)

private func part(_ range: String, _ more: [String: String] = [:]) -> [String: String] {
  ["Content-Range": "bytes " + range].merging(more) { $1 }
}

@Suite struct ResponseRuleTests {
  private func verdict(_ row: RuleCase) -> ResponseVerdict {
    ResponseRule.check(row.head, asked: row.asked, now: 784_111_777)
  }

  private func expect(_ row: RuleCase) {
    let verdict = verdict(row)
    if let expected = row.verdict {
      #expect(verdict == expected)
      return
    }
    guard case .refused(let failure) = verdict else {
      Issue.record("was taken: \(verdict)")
      return
    }
    #expect(failure.code == row.refused)
    #expect(failure.retry == row.retry)
    #expect(failure.sentence.contains(row.words), "\(failure.sentence)")
    #expect(failure.sentence.hasPrefix("Could not fetch https://h/f?token=***: "))
    #expect(failure.sentence.hasSuffix("."))
  }

  @Test(arguments: [
    RuleCase(
      "whole, everything said", 200, ["Content-Length": "2000", "ETag": etag, "Last-Modified": date],
      .whole(known)),
    RuleCase("whole, nothing said", 200, [:], .whole(ObjectIdentity(size: nil))),
    RuleCase(
      "whole, as the manifest says", 200, ["Content-Length": "5"], manifest: 5,
      .whole(ObjectIdentity(size: 5))),
    RuleCase(
      "whole again, the same object", 200, ["Content-Length": "2000", "ETag": etag], known: known,
      .whole(known)),
    RuleCase(
      "whole, chunked: the length does not count", 200,
      ["Transfer-Encoding": "chunked", "Content-Length": "7"], manifest: 2000,
      .whole(ObjectIdentity(size: nil))),
    RuleCase(
      "whole, identity coding named", 200, ["Content-Encoding": "identity", "Content-Length": "1"],
      .whole(ObjectIdentity(size: 1))),
    RuleCase(
      "a web page of unknown right size", 200, ["Content-Type": "text/html", "Content-Length": "5"],
      .whole(ObjectIdentity(size: 5))),
    RuleCase(
      "a web page that is the file", 200, ["Content-Type": "text/html", "Content-Length": "5"], manifest: 5,
      .whole(ObjectIdentity(size: 5))),
    RuleCase("an empty whole", 200, ["Content-Length": "0"], .empty(ObjectIdentity(size: 0))),
    RuleCase(
      "an empty whole to a range", 200, ["Content-Length": "0"], asked: first, .empty(ObjectIdentity(size: 0))
    ),
  ])
  func aWholeObjectIsTaken(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "200 to a first range", 200, ["Content-Length": "2000", "ETag": etag], asked: first,
      .wholeInsteadOfPart(ObjectIdentity(size: 2000, etag: etag))),
    RuleCase(
      "200 to a later range, same object", 200, ["Content-Length": "2000", "ETag": etag], asked: rest,
      known: known,
      .wholeInsteadOfPart(known)),
  ])
  func aWholeInsteadOfAPartIsSaid(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "the first part", 206,
      part("0-999/2000", ["Content-Length": "1000", "ETag": etag, "Last-Modified": date]),
      asked: first, .part(first, known)),
    RuleCase(
      "a later part", 206, part("1000-1999/2000", ["ETag": etag]), asked: rest, known: known,
      .part(rest, known)),
    RuleCase(
      "a part that says nothing more", 206, part("1000-1999/2000"), asked: rest, known: known,
      .part(rest, known)),
    RuleCase("size not said", 206, part("1000-1999/*"), asked: rest, known: known, .part(rest, known)),
    RuleCase(
      "size not known at all", 206, part("0-999/*"), asked: first, .part(first, ObjectIdentity(size: nil))),
    RuleCase(
      "to the end, wherever that is", 206, part("1000-1999/2000"), asked: open,
      .part(rest, ObjectIdentity(size: 2000))),
    RuleCase(
      "the object ends before the range does", 206, part("1000-1999/2000"), asked: ByteRange(1000, 5000),
      .part(rest, ObjectIdentity(size: 2000))),
    RuleCase(
      "fewer bytes than asked for", 206, part("1000-1499/2000", ["Content-Length": "500"]), asked: rest,
      known: known,
      .part(ByteRange(1000, 1500), known)),
    RuleCase(
      "a tag that is called weak now", 206, part("1000-1999/2000", ["ETag": "W/\"v1\""]), asked: rest,
      known: known,
      .part(rest, known)),
    RuleCase(
      "a size learned later", 206, part("1000-1999/2000"), asked: rest,
      known: ObjectIdentity(size: nil, etag: etag),
      .part(rest, ObjectIdentity(size: 2000, etag: etag))),
    RuleCase(
      "another date under the same tag", 206,
      part("1000-1999/2000", ["ETag": etag, "Last-Modified": "later"]),
      asked: rest, known: known, .part(rest, known)),
  ])
  func aPartOfTheSameObjectIsTaken(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "416, empty object", 416, ["Content-Range": "bytes */0"], asked: first, .empty(ObjectIdentity(size: 0))),
    RuleCase(
      "416, empty as the manifest says", 416, ["Content-Range": "bytes */0"], asked: first, manifest: 0,
      .empty(ObjectIdentity(size: 0))),
    RuleCase(
      "416 without a size, known to be empty", 416, [:], asked: first, manifest: 0,
      .empty(ObjectIdentity(size: 0))),
    RuleCase("302", 302, ["Location": "/x"], .redirect(to: "/x", status: 302)),
    RuleCase("301", 301, ["Location": "//h/x"], .redirect(to: "//h/x", status: 301)),
    RuleCase("303", 303, ["Location": "x"], asked: first, .redirect(to: "x", status: 303)),
    RuleCase("307", 307, ["Location": "https://o/x"], .redirect(to: "https://o/x", status: 307)),
    RuleCase("308", 308, ["Location": "https://o/x"], .redirect(to: "https://o/x", status: 308)),
  ])
  func emptyObjectsAndRedirectsAreSaid(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "another tag", 206, part("1000-1999/2000", ["ETag": "\"v2\""]), asked: rest, known: known,
      refused: .changed, .needsUser, "its ETag is \"v2\" now, and was \"v1\" before"),
    RuleCase(
      "another date without tags", 206, part("1000-1999/2000", ["Last-Modified": "later"]), asked: rest,
      known: ObjectIdentity(size: 2000, lastModified: date), refused: .changed, .needsUser,
      "its Last-Modified is later"),
    RuleCase(
      "another date, the tag gone", 206, part("1000-1999/2000", ["Last-Modified": "later"]), asked: rest,
      known: known,
      refused: .changed, .needsUser, "its Last-Modified is later"),
    RuleCase(
      "another size", 206, part("1000-1999/3000", ["ETag": etag]), asked: rest, known: known,
      refused: .changed, .needsUser, "it has 3,000 bytes now, and had 2,000 before"),
    RuleCase(
      "200 to If-Range with another tag", 200, ["Content-Length": "2000", "ETag": "\"v2\""], asked: rest,
      known: known,
      refused: .changed, .needsUser, "its ETag is \"v2\" now"),
    RuleCase(
      "200 with another size", 200, ["Content-Length": "1"], known: known, refused: .changed, .needsUser,
      "it has 1 bytes now"),
    RuleCase(
      "empty now", 200, ["Content-Length": "0"], asked: rest, known: known, refused: .changed, .needsUser,
      "it has 0 bytes now"),
    RuleCase(
      "416, shorter now", 416, ["Content-Range": "bytes */500"], asked: rest, known: known,
      refused: .changed, .needsUser, "it has 500 bytes now, and had 2,000 before"),
    RuleCase(
      "416, shorter than asked", 416, ["Content-Range": "bytes */500"], asked: rest, refused: .changed,
      .needsUser,
      "it has 500 bytes, and bytes 1,000 to 1,999 were asked for"),
    RuleCase(
      "416 without a size", 416, [:], asked: rest, refused: .changed, .needsUser, "no bytes 1,000 to 1,999"),
  ])
  func anotherObjectIsRefused(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "200, not the manifest's size", 200, ["Content-Length": "2000"], manifest: 3000, refused: .size,
      .needsUser,
      "the server has 2,000 bytes, and the manifest says 3,000"),
    RuleCase(
      "206, not the manifest's size", 206, part("0-999/2000"), asked: first, manifest: 3000, refused: .size,
      .needsUser,
      "the server has 2,000 bytes, and the manifest says 3,000"),
    RuleCase(
      "416, not the manifest's size", 416, ["Content-Range": "bytes */0"], asked: first, manifest: 3000,
      refused: .size, .needsUser, "the server has 0 bytes"),
    RuleCase(
      "a login page", 200, ["Content-Length": "999", "Content-Type": "Text/HTML; charset=utf-8"],
      asked: first,
      manifest: 3000, refused: .size, .needsUser, "a web page of 999 bytes instead of the file of 3,000"),
  ])
  func anotherSizeThanTheManifestsIsRefused(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase(
      "a part nobody asked for", 206, part("0-999/2000"), refused: .server, .needsUser, "it sent a part (206)"
    ),
    RuleCase(
      "200 to a later range, nothing said", 200, ["Content-Type": "text/html"], asked: rest, known: known,
      refused: .server, .later(after: nil), "something (text/html) without length, ETag and date"),
    RuleCase(
      "a part without a place", 206, [:], asked: first, refused: .server, .needsUser, "without saying which"),
    RuleCase(
      "a part in another unit", 206, ["Content-Range": "rows 0-999/2000"], asked: first, refused: .server,
      .needsUser,
      "cannot be read: 'rows 0-999/2000'"),
    RuleCase(
      "a part that is none", 206, ["Content-Range": "bytes */2000"], asked: first, refused: .server,
      .needsUser,
      "cannot be read"),
    RuleCase(
      "another start", 206, part("0-999/2000"), asked: rest, known: known, refused: .server, .needsUser,
      "bytes 1,000 to 1,999 were asked for, and it sent 0 to 999"),
    RuleCase(
      "a later start", 206, part("1001-1999/2000"), asked: rest, known: known, refused: .server, .needsUser,
      "it sent 1,001 to 1,999"),
    RuleCase(
      "more than asked for", 206, part("0-1999/2000"), asked: first, refused: .server, .needsUser,
      "it sent 0 to 1,999"),
    RuleCase(
      "past the known end", 206, part("1000-2500/*"), asked: open, known: known, refused: .server, .needsUser,
      "bytes from 1,000 on were asked for"),
    RuleCase(
      "a length that does not fit", 206, part("0-999/2000", ["Content-Length": "2000"]), asked: first,
      refused: .server, .needsUser, "it announced 2,000 bytes for a part of 1,000"),
    RuleCase(
      "several parts", 206, ["Content-Type": "multipart/byteranges; boundary=x"], asked: first,
      refused: .server, .needsUser, "several parts (multipart/byteranges; boundary=x)"),
    RuleCase("a redirect to nowhere", 302, [:], refused: .server, .needsUser, "302 without saying where"),
    RuleCase("416 to no range", 416, [:], refused: .server, .needsUser, "none was asked for"),
    RuleCase(
      "a negative length", 200, ["Content-Length": "-5"], refused: .server, .needsUser,
      "Content-Length cannot be: '-5'"),
    RuleCase(
      "a coded whole", 200, ["Content-Encoding": "gzip", "Content-Length": "5"], refused: .server, .never,
      "coded (gzip)"),
    RuleCase(
      "a coded part", 206, part("0-999/2000", ["Content-Encoding": "br"]), asked: first, refused: .server,
      .never,
      "coded (br)"),
    RuleCase(
      "an escape sequence in a value", 206, ["Content-Range": "bytes \u{1b}[2J"], asked: first,
      refused: .server, .needsUser, "'bytes ␛[2J'"),
  ])
  func anAnswerThatBreaksTheRulesIsRefused(row: RuleCase) { expect(row) }

  @Test(arguments: [
    RuleCase("401", 401, [:], refused: .credentials, .needsUser, "401 (not authorized)"),
    RuleCase("403", 403, [:], refused: .credentials, .needsUser, "403 (forbidden)"),
    RuleCase("407", 407, [:], refused: .credentials, .needsUser, "407"),
    RuleCase("404", 404, [:], refused: .notFound, .never, "404 (not found)"),
    RuleCase("410", 410, [:], refused: .notFound, .never, "410 (gone)"),
    RuleCase("408", 408, [:], refused: .server, .later(after: nil), "408"),
    RuleCase("425", 425, [:], refused: .server, .later(after: nil), "425"),
    RuleCase("500", 500, [:], refused: .server, .later(after: nil), "500"),
    RuleCase("502", 502, [:], refused: .server, .later(after: nil), "502"),
    RuleCase("504", 504, ["Retry-After": "9"], refused: .server, .later(after: 9), "504"),
    RuleCase("429", 429, [:], refused: .busy, .later(after: nil), "429 (too many requests)."),
    RuleCase("429, wait", 429, ["Retry-After": "7"], refused: .busy, .later(after: 7), "asks to wait 7 s"),
    RuleCase(
      "503, until a date", 503, ["Retry-After": "Sun, 06 Nov 1994 08:50:37 GMT"], refused: .busy,
      .later(after: 60),
      "asks to wait 60 s"),
    RuleCase(
      "202, not ready", 202, ["Retry-After": "30"], refused: .busy, .later(after: 30), "202 (not ready yet)"),
    RuleCase("400", 400, [:], refused: .server, .never, "400 (bad request)"),
    RuleCase("418", 418, [:], refused: .server, .never, "418 (refused)"),
    RuleCase("451", 451, [:], refused: .server, .never, "451"),
    RuleCase("501", 501, [:], refused: .server, .never, "501"),
    RuleCase("204", 204, [:], refused: .server, .later(after: nil), "204 (no content)"),
    RuleCase("304", 304, [:], refused: .server, .later(after: nil), "304"),
    RuleCase("0", 0, [:], refused: .server, .later(after: nil), "not an HTTP status"),
  ])
  func aStatusWithoutAnObjectIsAFailureOfItsKind(row: RuleCase) { expect(row) }

  @Test func twoLengthsThatDifferAreRefusedAndTwoEqualOnesAreNot() {
    let asked = ResponseExpectation(url: ruleURL, range: nil)
    let length = { HTTPHeader("Content-Length", $0) }
    let same = ResponseHead(status: 200, headers: [length("5"), length("5")])
    #expect(ResponseRule.check(same, asked: asked, now: 0) == .whole(ObjectIdentity(size: 5)))
    let different = ResponseHead(status: 200, headers: [length("5"), length("6")])
    guard case .refused(let failure) = ResponseRule.check(different, asked: asked, now: 0) else {
      Issue.record("two lengths were taken")
      return
    }
    #expect(failure.code == .server)
  }
}
