import ParcelCore
import Testing

@Suite struct URLReferenceTests {
  @Test func aURLIsTakenApart() throws {
    let url = try #require(URLReference("HTTPS://user:pa%40ss@Example.ORG:8443/a/b.bam?x=1&y=/#part"))
    #expect(url.scheme == "https")
    #expect(url.userinfo == "user:pa%40ss")
    #expect(url.host == "example.org")
    #expect(url.port == 8443)
    #expect(url.path == "/a/b.bam")
    #expect(url.query == "x=1&y=/")
    #expect(url.fragment == "part")
    #expect(url.description == "https://user:pa%40ss@example.org:8443/a/b.bam?x=1&y=/#part")
  }

  @Test(arguments: [
    "http://h", "http://h/", "http://[::1]:80/x", "//h/x", "/x?y", "x/y", "?q", "#f", "", "mailto:a@b",
    "http://h?q",
    "a:b:c", "./a:b", "1a:b", "http://h/a//b/", "http://@h/",
  ])
  func partsPutTogetherAreTheText(text: String) {
    #expect(URLReference(text)?.description == text)
  }

  @Test(arguments: [
    "http://h:x/", "http://h:65536/", "http://[::1/", "http://[::1]x/", "http://a b/", "http://a\n/",
    "h\u{7f}",
  ])
  func whatCannotBeAURLIsNone(text: String) {
    #expect(URLReference(text) == nil)
  }

  // RFC 3986, sections 5.4.1 and 5.4.2; the base is http://a/b/c/d;p?q
  @Test(arguments: [
    ("g:h", "g:h"), ("g", "http://a/b/c/g"), ("./g", "http://a/b/c/g"), ("g/", "http://a/b/c/g/"),
    ("/g", "http://a/g"), ("//g", "http://g"), ("?y", "http://a/b/c/d;p?y"), ("g?y", "http://a/b/c/g?y"),
    ("#s", "http://a/b/c/d;p?q#s"), ("g#s", "http://a/b/c/g#s"), ("g?y#s", "http://a/b/c/g?y#s"),
    (";x", "http://a/b/c/;x"), ("g;x", "http://a/b/c/g;x"), ("g;x?y#s", "http://a/b/c/g;x?y#s"),
    ("", "http://a/b/c/d;p?q"), (".", "http://a/b/c/"), ("./", "http://a/b/c/"), ("..", "http://a/b/"),
    ("../", "http://a/b/"), ("../g", "http://a/b/g"), ("../..", "http://a/"), ("../../", "http://a/"),
    ("../../g", "http://a/g"), ("../../../g", "http://a/g"), ("../../../../g", "http://a/g"),
    ("/./g", "http://a/g"), ("/../g", "http://a/g"), ("g.", "http://a/b/c/g."), (".g", "http://a/b/c/.g"),
    ("g..", "http://a/b/c/g.."), ("..g", "http://a/b/c/..g"), ("./../g", "http://a/b/g"),
    ("./g/.", "http://a/b/c/g/"), ("g/./h", "http://a/b/c/g/h"), ("g/../h", "http://a/b/c/h"),
    ("g;x=1/./y", "http://a/b/c/g;x=1/y"), ("g;x=1/../y", "http://a/b/c/y"),
    ("g?y/./x", "http://a/b/c/g?y/./x"), ("g#s/../x", "http://a/b/c/g#s/../x"), ("http:g", "http:g"),
  ])
  func locationsAreResolvedAsTheRFCSays(reference: String, expected: String) throws {
    let base = try #require(URLReference("http://a/b/c/d;p?q"))
    let location = try #require(URLReference(reference))
    #expect(base.resolving(location).description == expected)
  }

  @Test func credentialsInTheURLStayWithItsHost() throws {
    let base = try #require(URLReference("https://user:secret@a/x#frag"))
    #expect(base.resolving(try #require(URLReference("/y"))).description == "https://user:secret@a/y#frag")
    #expect(base.resolving(try #require(URLReference("//b/y"))).userinfo == nil)
    #expect(base.resolving(try #require(URLReference("https://b/y"))).userinfo == nil)
  }

  @Test(arguments: [
    ("https://a/x", "https://A:443/y", true), ("http://a/x", "http://a:80/", true),
    ("https://a/x", "http://a/x", false), ("http://a/x", "https://a/x", false),
    ("https://a/x", "https://b.a/x", false), ("https://a/x", "https://a:8443/x", false),
    ("http://a:8080/", "http://a:8081/", false), ("http://u:p@a/", "http://a/", true), ("/x", "/x", false),
  ])
  func credentialsGoOnlyToTheSameOrigin(one: String, other: String, isSame: Bool) throws {
    let one = try #require(URLReference(one))
    let other = try #require(URLReference(other))
    #expect(one.isSameOrigin(as: other) == isSame)
    #expect(other.isSameOrigin(as: one) == isSame)
  }

  @Test(arguments: [
    ("api.gdc.cancer.gov/data/", "abc", "https://api.gdc.cancer.gov/data/abc"),
    ("api.gdc.cancer.gov/data", "abc", "https://api.gdc.cancer.gov/data/abc"),
    ("localhost:8080", "abc", "https://localhost:8080/abc"),
    ("http://localhost:8080", "a b/c?d#e%", "http://localhost:8080/a%20b%2Fc%3Fd%23e%25"),
    (" https://H/ ", "ä", "https://h/%C3%A4"),
    ("https://u:p@h/x/#f", "id", "https://u:p@h/x/id"),
  ])
  func aServerAndAnIdMakeAURL(server: String, id: String, expected: String) {
    #expect(URLReference.server(server)?.appending(id: id).description == expected)
  }

  @Test(arguments: ["", "ftp://h/", "https://", "https:///x", "h/?q=1", "a b", "file:///etc"])
  func whatIsNoServerIsNone(text: String) {
    #expect(URLReference.server(text) == nil)
  }

  @Test(arguments: [
    ("http://h/a/b.bam", "b.bam"), ("http://h/a/b%20c.bam?x=/y", "b c.bam"), ("http://h/a%2Fb", "a/b"),
    ("http://h/100%", "100%"), ("http://h/%zz%4", "%zz%4"),
  ])
  func theFileNameIsTheLastPartOfThePath(url: String, name: String) {
    #expect(URLReference(url)?.fileName == name)
  }

  @Test(arguments: ["http://h", "http://h/", "http://h/a/", "http://h/?x"])
  func aPathThatEndsInASlashHasNoFileName(url: String) {
    #expect(URLReference(url)?.fileName == nil)
  }
}

@Suite struct RedactionTests {
  @Test(arguments: [
    ("https://h/p?a=1", "https://h/p?a=1"),
    ("https://user:secret@h:1/p", "https://***@h:1/p"),
    ("https://tok@en@h/p", "https://***@h/p"),
    ("//user@h/p", "//***@h/p"),
    ("https://h/p@q", "https://h/p@q"),
    ("https://h/p?X-Amz-Signature=abc&X-Amz-Date=1", "https://h/p?X-Amz-Signature=***&X-Amz-Date=1"),
    ("https://h/p?x-amz-security-token=abc;b=2", "https://h/p?x-amz-security-token=***;b=2"),
    ("https://h/p?X%2DAmz%2D%53ignature=abc", "https://h/p?X%2DAmz%2D%53ignature=***"),
    ("https://h/p?sig=a=b&se=2020", "https://h/p?sig=***&se=2020"),
    (
      "https://h/p?AWSAccessKeyId=a&Signature=b&Expires=3",
      "https://h/p?AWSAccessKeyId=***&Signature=***&Expires=3"
    ),
    ("https://h/p?access_token=abc#secret", "https://h/p?access_token=***"),
    ("https://h/p?password=x&PASSWD=y", "https://h/p?password=***&PASSWD=***"),
    ("/p?token=abc", "/p?token=***"),
    ("https://h/p?flag&token", "https://h/p?flag&token"),
  ])
  func aURLLosesItsSecrets(url: String, shown: String) {
    #expect(Redaction.url(url) == shown)
  }

  @Test(arguments: [
    ("X-Auth-Token: abc", "X-Auth-Token: ***"), ("authorization: Bearer abc", "authorization: ***"),
    ("Proxy-Authorization:Basic abc", "Proxy-Authorization: ***"), ("Cookie: a=b", "Cookie: ***"),
    ("Set-Cookie: a=b; Path=/", "Set-Cookie: ***"), ("Range: bytes=0-1", "Range: bytes=0-1"),
    ("Location: https://u:p@h/x?sig=1&b=2", "Location: https://***@h/x?sig=***&b=2"),
    ("Location: /x?sig=1&b=2", "Location: /x?sig=***&b=2"),
    ("GET /x?token=abc HTTP/1.1", "GET /x?token=*** HTTP/1.1"),
    ("GET http://u:p@h/x?token=abc HTTP/1.1", "GET http://***@h/x?token=*** HTTP/1.1"),
    ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"), (":path: /x?token=abc", ":path: /x?token=***"),
  ])
  func aHeadLineLosesItsSecrets(line: String, shown: String) {
    #expect(Redaction.headLine(line) == shown)
  }
}
