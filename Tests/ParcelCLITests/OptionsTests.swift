import ArgumentParser
import ParcelCore
import Testing

@testable import ParcelCLI

/// What a client's command looks like to the options.
private struct Client: ParsableCommand {
  static let configuration = ClientHelp.configuration(
    "parcel", abstract: "Downloads many large files, and checks them.")
  @OptionGroup var options: ClientOptions
}

private func options(_ arguments: String...) throws -> ClientOptions {
  try Client.parse(arguments).options
}

/// The sentence that a wrong command line gets.
private func complaint(_ arguments: String...) -> String {
  switch parseCommandLine(Client.self, arguments, columns: 80) {
  case .run: "accepted"
  case .leave(let text, let code): code == .usage ? text : "left with \(code)"
  }
}

struct OptionsTests {
  @Test func `without arguments the defaults are GDC, this folder and adapting numbers`() throws {
    let options = try options()
    #expect(options.asksForNothing)
    #expect(options.wanted.server.text == "https://api.gdc.cancer.gov/data/")
    #expect(options.target.folder == ".")
    #expect(options.pace.connections == nil && options.pace.files == nil && options.pace.perHost == nil)
    #expect(options.pace.retries == 10)
    #expect(options.output.verbosity == .normal)
    #expect(options.notices.isEmpty)
  }

  @Test func `every option is read`() throws {
    let options = try options(
      "-m", "a.tsv", "--manifest", "-", "-s", "data.example", "-d", "out", "-t", "token.txt", "-n", "8", "-j",
      "16",
      "--per-host", "24", "--limit-rate", "20M", "--retries", "3", "--header", "X-A: 1", "--header", "X-B:2",
      "--cacert",
      "ca.pem", "--proxy", "proxy.example:3128", "--netrc", "--no-verify", "--overwrite", "--events", "3",
      "--summary", "s.json", "-v", "--ascii", "--no-color", "22a2", "https://example.org/f")
    #expect(options.wanted.manifests == ["a.tsv", "-"])
    #expect(options.wanted.items == [.id("22a2"), .url("https://example.org/f")])
    #expect(options.wanted.server.text == "https://data.example/")
    #expect(options.target.folder == "out" && options.target.noVerify && options.target.overwrite)
    #expect(
      options.access.tokenFile == "token.txt" && options.access.cacert == "ca.pem" && options.access.netrc)
    #expect(options.access.requestHeaders == [HTTPHeader("X-A", "1"), HTTPHeader("X-B", "2")])
    #expect(options.access.proxy?.url == "http://proxy.example:3128")
    #expect(options.pace.connections == 8 && options.pace.files == 16 && options.pace.perHost == 24)
    #expect(options.pace.rate?.bytesPerSecond == 20_000_000 && options.pace.retries == 3)
    #expect(options.output.events == .descriptor(3) && options.output.summary == "s.json")
    #expect(options.output.verbosity == .verbose && options.output.look.ascii && options.output.look.noColor)
    #expect(!options.asksForNothing)
  }

  @Test func `the original's spelling of connections is understood`() throws {
    #expect(try options("--n-processes", "4").pace.connections == 4)
  }

  @Test func `options without a meaning give one line each`() throws {
    let options = try options("--http-chunk-size", "1048576", "--save-interval", "x", "--no-segment-md5sums")
    #expect(options.notices.count == 3)
    #expect(options.notices.allSatisfy { $0.contains("has no effect any more") && !$0.contains("\n") })
  }

  @Test func `insecure is announced`() throws {
    #expect(
      try options("--insecure").notices.first?.hasPrefix("--insecure: certificates are not checked") == true)
  }

  @Test(arguments: [
    ("data.example", "https://data.example/"), ("data.example:8443/x", "https://data.example:8443/x/"),
    ("http://localhost:8080", "http://localhost:8080/"), ("HTTPS://a.b/c/", "HTTPS://a.b/c/"),
  ])
  func `a server's address gets a scheme and a final slash`(typed: String, meant: String) throws {
    #expect(try options("-s", typed).wanted.server.text == meant)
  }

  @Test(arguments: [
    ("500k", 500_000), ("20M", 20_000_000), ("1.5G", 1_500_000_000), ("1024", 1024), ("1KiB", 1024),
    ("100Mbit", 12_500_000),
    ("100 Mbit/s", 12_500_000), ("8bit", 1), ("2mb/s", 2_000_000),
  ])
  func `rates are read`(typed: String, bytes: Int) {
    #expect(RateArgument(argument: typed)?.bytesPerSecond == bytes)
  }

  @Test(arguments: ["0", "off", "0M"])
  func `no rate at all is no limit`(typed: String) throws {
    let rate = try #require(RateArgument(argument: typed))
    #expect(rate.bytesPerSecond == nil)
  }

  @Test(arguments: ["", "-1", "M", "1.2.3", "10 apples", "1e9", "inf", "9999999T", "0x10"])
  func `other rates are refused`(typed: String) {
    #expect(RateArgument(argument: typed) == nil)
  }

  @Test func `wrong values are refused with a sentence and exit code 2`() {
    #expect(complaint("--limit-rate", "fast").contains("Expected a rate such as 500k"))
    #expect(complaint("example.org/file").contains("Expected a URL"))
    #expect(complaint("ftp://example.org/file").contains("Expected a URL"))
    #expect(complaint("https://").contains("Expected a URL"))
    #expect(complaint("a\u{1B}b").contains("Expected a URL"))
    #expect(complaint("..").contains("Expected a URL"))
    #expect(complaint("-s", "gopher://x").contains("Expected a host"))
    #expect(complaint("--proxy", "ftp://x").contains("Expected a host or a URL with"))
    #expect(complaint("--header", "no colon").contains("Expected a header"))
    #expect(complaint("--header", "A: b\r\nC: d").contains("Expected a header"))
    #expect(complaint("--header", "A B: c").contains("Expected a header"))
    #expect(complaint("--events", "0").contains("Expected a file name or the number"))
    #expect(complaint("-n", "0").contains("--connections must be a whole number from 1, not 0."))
    #expect(complaint("--files=-1").contains("--files must be a whole number from 1, not -1."))
    #expect(complaint("--retries=-1").contains("--retries must be a whole number from 0, not -1."))
    #expect(complaint("-T", "two words").contains("--token has a blank"))
  }

  @Test func `options that contradict each other are refused`() {
    #expect(complaint("-t", "f", "-T", "x").contains("Give the token once"))
    #expect(complaint("-q", "-v").contains("--quiet and --verbose contradict"))
    #expect(complaint("-q", "--debug").contains("--quiet and --debug contradict"))
    #expect(complaint("--verify-only", "--dry-run").contains("cannot be used together"))
    #expect(complaint("--verify-only", "--no-verify").contains("contradict"))
    #expect(complaint("--insecure", "--cacert", "x").contains("would have no effect"))
    #expect(complaint("-m", "-", "-m", "-").contains("only once"))
  }

  @Test func `an unknown option leaves with 2 and names the nearest`() {
    let text = complaint("--manifst", "x")
    #expect(text.contains("Did you mean '--manifest'?"))
  }

  @Test func `progress leaves standard output to the events when they use it`() throws {
    #expect(try options("--events", "1").output.progressDescriptor == 2)
    #expect(try options("--events", "1.json").output.progressDescriptor == 1)
    #expect(try options("--events", "3").output.progressDescriptor == 1)
  }

  @Test func `version and help leave with 0`() {
    guard case .leave(let version, .success) = parseCommandLine(Client.self, ["--version"], epilogue: "END")
    else {
      Issue.record("--version did not leave with 0")
      return
    }
    #expect(version == ParcelVersion.text)
    guard
      case .leave(let help, .success) = parseCommandLine(
        Client.self, ["--help"], epilogue: ClientHelp.epilogue("parcel"), columns: 80)
    else {
      Issue.record("--help did not leave with 0")
      return
    }
    expectGolden(help, "help.txt")
  }

  @Test func `without options of the route a relay that gets known is measured`() throws {
    let route = try options("x").route
    #expect(route.choice == .auto && route.relayRule == .unknown && route.external == nil)
  }

  @Test func `-u asks the server's own host, over http when the server has no scheme`() throws {
    let original = try options("-u", "-s", "data.example:9001/data")
    #expect(original.route.choice == .udt && original.route.relayRule == .urlHost(port: 9000))
    #expect(original.server == "http://data.example:9001/data/")
    #expect(try options("-u", "-s", "https://data.example").server == "https://data.example/")
    #expect(try options("-s", "data.example").server == "https://data.example/")
    #expect(try options("-u", "--relay", "r", "-s", "data.example").server == "https://data.example/")
  }

  @Test func `--relay makes auto the choice, -u and --transport say otherwise`() throws {
    let relay = RelayRule.fixed(Endpoint(host: "relay.example"))
    #expect(try options("--relay", "relay.example").route.choice == .auto)
    #expect(try options("--relay", "relay.example").route.relayRule == relay)
    #expect(try options("--relay", "relay.example", "-u").route.choice == .udt)
    #expect(try options("--relay", "relay.example", "--transport", "HTTP").route.choice == .http)
    #expect(
      try options("--relay", "[::1]:99").route.relayRule == .fixed(Endpoint(host: "::1", port: 99)))
  }

  @Test func `-e goes through a tunnel that runs already`() throws {
    let plain = try options("-e").route
    #expect(plain.external == Endpoint(host: "localhost", port: 9000) && plain.choice == .udt)
    let told = try options("-e", "-H", "gateway", "-P", "9100").route
    #expect(told.external == Endpoint(host: "gateway", port: 9100))
  }

  @Test func `a proxy beside a relay is remarked on`() throws {
    #expect(try options("-u", "--proxy", "p:1").notices.contains { $0.contains("--proxy is for http") })
    #expect(try options("--proxy", "p:1").notices.isEmpty)
  }

  @Test func `routes that cannot be meant are refused with a sentence`() {
    #expect(complaint("-e", "--relay", "r").contains("Leave one of them out"))
    #expect(complaint("-H", "gateway").contains("give -e too"))
    #expect(complaint("-e", "-P", "70000").contains("from 1 to 65535"))
    #expect(complaint("-e", "-H", "gateway:1").contains("the port goes to -P"))
    #expect(complaint("--transport", "udt").contains("needs to know a relay"))
    #expect(complaint("--transport", "http", "-u").contains("contradicts --udt"))
    #expect(complaint("--transport", "tcp").contains("http, udt or auto"))
    #expect(complaint("--relay", "a:b:c:0x").contains("a host with a port"))
  }
}
