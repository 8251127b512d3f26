import ParcelCore
import Testing

@Suite struct AltSvcTests {
  func word(_ values: String..., from url: String = "https://data.example/x") -> AltSvc.Word? {
    AltSvc.word(
      in: ResponseHead(status: 200, headers: values.map { HTTPHeader("Alt-Svc", $0) }), url: url)
  }

  @Test(arguments: [
    ("parcel-udt=\"relay.example:9000\"", "relay.example:9000"),
    ("parcel-udt=\":9100\"", "data.example:9100"),
    ("h2=\":443\"; ma=60, parcel-udt=\"r.example:1\"; ma=86400; persist=1", "r.example:1"),
    (" , PARCEL-UDT=\"[2001:db8::1]:9000\" ", "[2001:db8::1]:9000"),
    ("h3=\"a\\\"b,parcel-udt=\\\"x:1\\\"\", parcel-udt=\"10.0.0.1:9000\"", "10.0.0.1:9000"),
    ("parcel-udt=\"a.example:1\", parcel-udt=\"b.example:2\"", "a.example:1"),
    ("parcel-udt=\"a.example:0\", parcel-udt=\"b.example:2\"", "b.example:2"),
    ("parcel-udt=\"a.example:1\";ma=0, parcel-udt=\"b.example:2\"", "b.example:2"),
  ])
  func aRelayIsRead(value: String, expected: String) throws {
    #expect(word(value) == .relay(try #require(Endpoint(expected))))
  }

  @Test(arguments: [
    "", "h2=\":443\"", "parcel-udt", "parcel-udt=relay.example:9000", "parcel-udt=\"relay.example\"",
    "parcel-udt=\"relay.example:99999\"", "parcel-udt=\"relay.example:-1\"", "parcel-udt=\"relay.example:\"",
    "parcel-udt=\"relay.example:9000", "parcel-udt=\"user@relay.example:9000\"",
    "parcel-udt=\"relay.example/x:9000\"", "parcel-udt=\"a b:9000\"", "parcel-udt=\"\u{1B}[2Jx:9000\"",
    "parcel-udt=\"re%6Cay:9000\"", "parcel-udt=\":\"", "parcel-udt=\"\"", "parcel-udt=\"[::1]\"",
    "garbage parcel-udt=\"r.example:1\"", "h2=\":443\" parcel-udt=\"r.example:1\"", "CLEAR",
    "x-parcel-udt=\"r.example:1\"", "parcel-udt=\"$(id):9000\"", "parcel-udt=\"-\";ma=0",
    "\(String(repeating: "h2=\":1\",", count: 2000))parcel-udt=\"r.example:1\"",
  ])
  func whatIsBrokenOrHostileIsIgnored(value: String) {
    #expect(word(value) == nil)
  }

  @Test func clearForgets() {
    #expect(word("clear") == .clear)
    #expect(word(" clear\t") == .clear)
  }

  @Test func severalFieldsAreOne() {
    #expect(
      word("h2=\":443\"", "parcel-udt=\"r.example:7\"") == .relay(Endpoint(host: "r.example", port: 7)))
  }

  @Test func withoutTLSOnlyTheAnswersOwnHostMayBeNamed() {
    let plain = "http://data.example:8080/x"
    #expect(word("parcel-udt=\"evil.example:9000\"", from: plain) == nil)
    let own = AltSvc.Word.relay(Endpoint(host: "data.example", port: 9000))
    #expect(word("parcel-udt=\"data.example:9000\"", from: plain) == own)
    #expect(word("parcel-udt=\":9000\"", from: plain) == own)
    #expect(word("parcel-udt=\"evil.example:1\", parcel-udt=\":9000\"", from: plain) == own)
    #expect(
      word("parcel-udt=\":9000\"", from: "http://[2001:db8::1]/x")
        == .relay(Endpoint(host: "2001:db8::1", port: 9000)))
    #expect(word("parcel-udt=\"r.example:9000\"", from: "not a url") == nil)
  }
}
