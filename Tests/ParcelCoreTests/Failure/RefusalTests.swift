import Testing

@testable import ParcelCore

/// Bodies as servers send them: from GDC's, Gen3's, S3's, Google's and Azure's documentation and from answers seen.
@Suite struct RefusalTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var status: Int
    var type = "application/json"
    var headers: [HTTPHeader] = []
    var body: String
    var url: String?
    var expected: Refusal?
    var testDescription: String { name }
  }

  static let xml = "application/xml"

  static let cases: [Case] = [
    Case(
      name: "GDC, token over", status: 403,
      body: #"{"message": "Your token is invalid or expired. Please get a new token from GDC Data Portal."}"#,
      expected: .tokenExpired),
    Case(
      name: "GDC, controlled", status: 403,
      body: #"{"message": "You don't have access to the data: Please specify a X-Auth-Token"}"#,
      expected: .noAccess),
    Case(
      name: "GDC, dbGaP", status: 403,
      body: #"{"error": "Access to phs000178 requires dbGaP authorization"}"#, expected: .noAccess),
    Case(
      name: "GDC, no token", status: 403,
      body: #"{"message": "Authentication required: this file is controlled"}"#, expected: .tokenMissing),
    Case(
      name: "GDC, superseded", status: 404,
      body: #"{"message": "File 22a29915 has been superseded by 5b2974ad"}"#, expected: .superseded),
    Case(
      name: "GDC, withdrawn", status: 410,
      body: #"{"message": "This file was redacted at the request of the project"}"#,
      expected: .withdrawn),
    Case(
      name: "GDC, plain 404", status: 404,
      body: #"{"message": "The requested URL was not found on the server."}"#, expected: nil),
    Case(
      name: "Gen3, over", status: 401, body: #"{"error":"Authentication Error: Signature has expired"}"#,
      expected: .tokenExpired),
    Case(
      name: "Gen3, unreadable", status: 401, body: #"{"error":"Could not decode token: malformed JWT"}"#,
      expected: .tokenRefused),
    Case(
      name: "Gen3, project", status: 403,
      body: #"{"detail":"You are not authorized to read this resource: /programs/x"}"#, expected: .noAccess),
    Case(
      name: "OAuth, over", status: 401,
      headers: [
        HTTPHeader(
          "WWW-Authenticate", #"Bearer error="invalid_token", error_description="The access token expired""#)
      ], body: "", expected: .tokenExpired),
    Case(
      name: "OAuth, scope", status: 403,
      headers: [HTTPHeader("WWW-Authenticate", #"Bearer error="insufficient_scope", scope="read""#)],
      body: "",
      expected: .noAccess),
    Case(name: "401 without a word", status: 401, type: "", body: "", expected: .tokenMissing),
    Case(name: "403 without a word", status: 403, type: "text/plain", body: "Forbidden", expected: nil),
    Case(
      name: "S3, link over", status: 403, type: xml,
      body:
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message><X-Amz-Expires>3600</X-Amz-Expires><Expires>2026-05-05T12:00:00Z</Expires><ServerTime>2026-05-06T08:12:44Z</ServerTime><RequestId>4442587FB7D0A2F9</RequestId></Error>",
      expected: .linkExpired),
    Case(
      name: "S3, denied", status: 403, type: xml,
      body:
        "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>1</RequestId></Error>",
      expected: .noAccess),
    Case(
      name: "S3, temporary credentials over (status 400)", status: 400, type: xml,
      body: "<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>",
      expected: .linkExpired),
    Case(
      name: "S3, signature", status: 403, type: xml,
      body:
        "<Error><Code>SignatureDoesNotMatch</Code><Message>The request signature we calculated does not match the signature you provided.</Message></Error>",
      expected: .linkBroken),
    Case(
      name: "S3, clock", status: 403, type: xml,
      body: "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>",
      expected: .clock),
    Case(
      name: "S3, no key", status: 404, type: xml,
      body: "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
      expected: .gone),
    Case(
      name: "S3, glacier", status: 403, type: xml,
      body:
        "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's storage class</Message></Error>",
      expected: .archived),
    Case(
      name: "Google, over", status: 400, type: xml,
      body:
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message><Details>The provided token has expired. Request signature expired at: 2026-05-05T12:00:00+00:00</Details></Error>",
      expected: .linkExpired),
    Case(
      name: "Google, denied", status: 403, type: xml,
      body:
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code><Message>Access denied.</Message><Details>x@y.iam.gserviceaccount.com does not have storage.objects.get access to the object.</Details></Error>",
      expected: .noAccess),
    Case(
      name: "Google, requester pays", status: 400, type: xml,
      body:
        "<Error><Code>UserProjectMissing</Code><Message>User project specified in the request is invalid.</Message></Error>",
      expected: .requesterPays),
    Case(
      name: "Azure, over", status: 403, type: xml,
      body:
        "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request.\nRequestId:1</Message><AuthenticationErrorDetail>Signature not valid in the specified time frame: Start [..] - Expiry [..] - Current [..]</AuthenticationErrorDetail></Error>",
      expected: .linkExpired),
    Case(
      name: "a link that says itself when it ended", status: 403, type: "text/html",
      headers: [HTTPHeader("Date", "Wed, 06 May 2026 08:12:44 GMT")], body: "<html>403</html>",
      url: "https://b.example/o?X-Amz-Date=20260505T120000Z&X-Amz-Expires=3600&X-Amz-Signature=ab",
      expected: .linkExpired),
    Case(
      name: "a link that is still good", status: 403, type: "text/html",
      headers: [HTTPHeader("Date", "Tue, 05 May 2026 12:30:00 GMT")], body: "<html>403</html>",
      url: "https://b.example/o?X-Amz-Date=20260505T120000Z&X-Amz-Expires=3600&X-Amz-Signature=ab",
      expected: nil),
    Case(
      name: "a page for browsers", status: 403, type: "text/html",
      body: "<html><body>Your token has expired</body></html>", expected: nil),
    Case(
      name: "a broken answer is not about access", status: 500, body: #"{"message": "token expired"}"#,
      expected: nil),
    Case(
      name: "a bad request", status: 400, body: #"{"message": "invalid token in range header"}"#,
      expected: nil),
    Case(name: "cut in the middle", status: 403, body: #"{"message": "Your token is expi"#, expected: nil),
  ]

  @Test(arguments: cases) func `a refusal is read from what the server says`(one: Case) {
    let head = ResponseHead(status: one.status, headers: one.headers + [HTTPHeader("Content-Type", one.type)])
    #expect(Refusal.of(head, body: Array(one.body.utf8), url: one.url) == one.expected)
  }

  @Test func `words about a token are added, with what the server says and what helps`() {
    let url = "https://api.example/data/1"
    let head = ResponseHead(status: 403, headers: [HTTPHeader("Content-Type", "application/json")])
    let body = #"{"code": 403, "message": "Your token is \"invalid\" or expired."}"#
    let failure = FailureText.explain(
      StatusRule.failure(head, url: url, now: 0), head: head, body: Array(body.utf8), title: "1")
    #expect(
      failure.sentence
        == "Could not fetch \(url): the server answered 403 (forbidden). The token has expired. The server says: \"Your token is \"invalid\" or expired.\""
    )
    #expect(failure.code == .credentials && failure.retry == .needsUser)
    #expect(failure.remedy.hasPrefix("Get a new one"))
  }

  @Test func `S3's refusal with status 400 is one of credentials, a missing key is gone for good`() {
    func explained(_ status: Int, _ code: String) -> Failure {
      let head = ResponseHead(status: status, headers: [HTTPHeader("Content-Type", Self.xml)])
      let body = "<Error><Code>\(code)</Code><Message>m</Message></Error>"
      return FailureText.explain(
        StatusRule.failure(head, url: "https://b.example/o", now: 0), head: head, body: Array(body.utf8),
        title: "o")
    }
    #expect(explained(400, "ExpiredToken").code == .credentials)
    #expect(explained(404, "NoSuchKey").code == .notFound)
    #expect(explained(404, "NoSuchKey").retry == .never)
    #expect(explained(503, "AccessDenied").code == .busy)
  }

  @Test func `a link that is over is asked for anew when another URL led to it`() {
    let head = ResponseHead(status: 403, headers: [HTTPHeader("Content-Type", Self.xml)])
    let body = Array("<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>".utf8)
    let plain = StatusRule.failure(head, url: "https://b.example/o", now: 0)
    #expect(FailureText.explain(plain, head: head, body: body, title: "o").retry == .needsUser)
    #expect(
      FailureText.explain(plain, head: head, body: body, title: "o", redirected: true).retry
        == .later(after: nil))
  }

  @Test func `a 401 means a missing token, or a refused one when one was sent`() {
    let head = ResponseHead(status: 401)
    #expect(Refusal.of(head, body: []) == .tokenMissing)
    #expect(Refusal.of(head, body: [], hasToken: true) == .tokenRefused)
  }

  @Test func `a proxy's login page is not taken for the server's`() {
    let head = ResponseHead(status: 407, headers: [HTTPHeader("Content-Type", "text/plain")])
    let failure = FailureText.explain(
      StatusRule.failure(head, url: "https://b.example/o", now: 0), head: head,
      body: Array("token expired".utf8),
      title: "o")
    #expect(failure.remedy.contains("proxy"))
  }

  @Test func `what a server says is shown without its tricks and not at length`() {
    let words = FailureText.message(
      in: Array(("\u{1B}[2J" + String(repeating: "x", count: 900)).utf8), type: "text/plain")
    #expect(words?.contains("\u{1B}") == false)
    #expect((words?.count ?? 0) <= 200)
  }

  @Test(arguments: [
    ("https://b/o?Expires=1777982400&Signature=x&Key-Pair-Id=y", 1_777_982_400),
    ("https://b/o?X-Goog-Date=20260505T120000Z&X-Goog-Expires=60&X-Goog-Signature=x", 1_777_982_460),
    ("https://b/o?sv=2020&se=2026-05-05T12%3A00%3A00Z&sig=x", 1_777_982_400),
    ("https://b/o?se=2026-05-05&sig=x", 1_777_939_200),
    ("https://b/o?X-Amz-Date=2026&X-Amz-Expires=60", nil),
    ("https://b/o", nil), ("https://b/o?Expires=5", nil),
  ]) func `the end of a signed link is read in all notations`(url: String, end: Int?) {
    #expect(SignedLink.end(of: url) == end)
  }
}
