import Foundation
import ParcelTesting
import Testing

/// What the real programs send to whom, and what they refuse. Servers that keep every head they get are the witnesses.
@Suite(.serialized) struct WireTests {
  let folder: TemporaryFolder
  private static let token = "TOKEN-5ecret-77"
  private static let password = "passw0rd-77"
  private static let cookie = "session=c00kie-77"
  private static let file = Array("the file\n".utf8)

  init() throws {
    folder = try TemporaryFolder("parcel-wire")
    try folder.write(Self.token + "\n", to: "token")
    chmod("\(folder.path)/token", 0o600)
  }

  /// Runs with everything on that could tell: debug output, events and summary.
  private func fetch(_ arguments: [String]) throws -> RunningProgram.Result {
    try Programs.run(
      "parcel",
      arguments + [
        "-d", "out", "--debug", "--events", "events.jsonl", "--summary", "summary.json", "--retries", "0",
      ],
      in: folder)
  }

  /// No secret in what was printed, nor in any file that the run left, the token's own file aside.
  private func expectNoTrace(_ result: RunningProgram.Result, place: SourceLocation = #_sourceLocation) throws
  {
    var texts = [("stdout", result.out), ("stderr", result.err)]
    for case let path as String in FileManager.default.enumerator(atPath: folder.path) ?? .init()
    where path != "token" {
      if let data = FileManager.default.contents(atPath: "\(folder.path)/\(path)") {
        texts.append((path, String(decoding: data, as: UTF8.self)))
      }
    }
    #expect(
      texts.contains { $0.0 == "events.jsonl" } && texts.contains { $0.0 == "summary.json" },
      sourceLocation: place)
    for (name, text) in texts {
      for secret in [Self.token, Self.password, Self.cookie, basic] where text.contains(secret) {
        Issue.record("\(secret) stands in \(name)", sourceLocation: place)
      }
    }
  }

  private var basic: String { Data("user:\(Self.password)".utf8).base64EncodedString() }

  private func expectClean(_ server: RecordingServer, place: SourceLocation = #_sourceLocation) {
    #expect(!server.requests.isEmpty, sourceLocation: place)
    for secret in [Self.token, Self.password, Self.cookie, basic] {
      #expect(!server.everything.contains(secret), "\(server.everything)", sourceLocation: place)
    }
  }

  private static func served() -> RecordingServer.Answer { .init(200, [("ETag", "\"1\"")], body: file) }

  // MARK: Redirects

  @Test(
    "a redirect to another port takes no token, no header, no cookie and no password along; back home they are sent again"
  )
  func redirects() throws {
    defer { folder.remove() }
    // A sends to B, B sends back to A, and A has it.
    let b = try RecordingServer {
      .init(302, [("Location", "http://127.0.0.1:\($0.target.dropFirst())/file")])
    }
    let other = b.port
    let a = try RecordingServer { request in
      if request.target == "/file" { return Self.served() }
      let own = request.field("host")?.split(separator: ":").last ?? ""
      return .init(302, [("Location", "http://127.0.0.1:\(other)/\(own)")])
    }
    defer {
      a.stop()
      b.stop()
    }
    let url = a.url.replacing("http://", with: "http://user:\(Self.password)@") + "/start"
    let result = try fetch([
      "-t", "token", "--header", "Cookie: \(Self.cookie)", "--header", "Authorization: Bearer \(Self.token)",
      "--netrc", url,
    ])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    expectClean(b)
    #expect(a.requests.first?.field("x-auth-token") == Self.token)
    #expect(a.requests.first?.field("cookie") == Self.cookie)
    #expect(a.requests.count >= 2)
    try expectNoTrace(result)
  }

  @Test("a password in a URL is sent to its own server only, and shown nowhere") func userinfo() throws {
    defer { folder.remove() }
    let b = try RecordingServer { _ in Self.served() }
    let target = b.url
    let a = try RecordingServer { _ in .init(307, [("Location", target + "/file")]) }
    defer {
      a.stop()
      b.stop()
    }
    let url = a.url.replacing("http://", with: "http://user:\(Self.password)@") + "/start?token=\(Self.token)"
    let result = try fetch([url])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(a.everything.contains(basic))
    expectClean(b)
    try expectNoTrace(result)
  }

  @Test(
    "netrc's passwords go to the servers that were named, not to those that redirects lead to, not even by 'default'"
  )
  func netrc() throws {
    defer { folder.remove() }
    let b = try RecordingServer { _ in Self.served() }
    let target = b.url.replacing("127.0.0.1", with: "localhost")
    let a = try RecordingServer { _ in .init(302, [("Location", target + "/file")]) }
    defer {
      a.stop()
      b.stop()
    }
    try folder.write("default login user password \(Self.password)\n", to: ".netrc")
    let old = getenv("HOME").map { String(cString: $0) }
    setenv("HOME", folder.path, 1)
    defer { if let old { setenv("HOME", old, 1) } }
    let result = try fetch(["--netrc", "\(a.url)/x"])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(a.everything.contains(basic))
    expectClean(b)
    #expect(unlink("\(folder.path)/.netrc") == 0)
    try expectNoTrace(result)
  }

  @Test("a manifest that names another server gets no token sent there, and the run says why") func manifest()
    throws
  {
    defer { folder.remove() }
    let a = try RecordingServer { _ in Self.served() }
    let b = try RecordingServer { _ in Self.served() }
    defer {
      a.stop()
      b.stop()
    }
    try folder.write("url\tpath\n\(a.url)/a\ta\n\(b.url)/b\tb\n", to: "wanted.tsv")
    let result = try fetch([
      "-m", "wanted.tsv", "-s", a.url, "-t", "token", "--header", "Cookie: \(Self.cookie)",
    ])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(
      a.requests.allSatisfy { $0.field("x-auth-token") == Self.token && $0.field("cookie") == Self.cookie })
    expectClean(b)
    #expect(!a.requests.isEmpty && result.out.contains("No token is sent to \(b.url)"), "\(result.out)")
    try expectNoTrace(result)
  }

  @Test("a relay that another server announces is not obeyed, and gets nothing") func altSvc() throws {
    defer { folder.remove() }
    let b = try RecordingServer { _ in Self.served() }
    let foreign = "localhost:\(b.port)"
    let a = try RecordingServer { _ in
      .init(200, [("ETag", "\"1\""), ("Alt-Svc", "parcel-udt=\"\(foreign)\"")], body: Self.file)
    }
    defer {
      a.stop()
      b.stop()
    }
    let result = try fetch(["-t", "token", "--transport", "auto", "\(a.url)/x"])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(b.requests.isEmpty && !(result.out + result.err).contains(foreign + " "))
    #expect(a.requests.first?.field("x-auth-token") == Self.token)
    try expectNoTrace(result)
  }

  @Test(
    "through a proxy, https goes by CONNECT: the proxy gets its own password and neither the token nor a header"
  )
  func proxy() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let proxy = try RecordingServer { _ in .init(502) }
    defer { proxy.stop() }
    try folder.makeFolder("none")
    let address = proxy.url.replacing("http://", with: "http://user:\(Self.password)@")
    let result = try fetch([
      "-t", "token", "--cacert", nginx.authority, "--proxy", address, "\(nginx.https)/echo",
    ])
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(proxy.requests.allSatisfy { $0.method == "CONNECT" } && !proxy.requests.isEmpty)
    #expect(proxy.everything.contains(basic) && !proxy.everything.contains(Self.token))
    // The echo is what the server saw.
    let echo = try String(contentsOfFile: "\(folder.path)/out/echo", encoding: .utf8)
    #expect(echo.contains("token=\(Self.token)") && !echo.contains(basic))
    #expect(unlink("\(folder.path)/out/echo") == 0)
    try expectNoTrace(result)
  }

  @Test("a refused token and a failed transfer say so without the token") func failures() throws {
    defer { folder.remove() }
    let a = try RecordingServer { request in
      // A server that throws everything back at us.
      let token = request.field("x-auth-token") ?? ""
      return .init(
        403, [("X-Echo", token), ("Content-Type", "text/plain")], body: Array("not for \(token)".utf8))
    }
    defer { a.stop() }
    let result = try fetch([
      "-t", "token", "--header", "X-Api-Key: \(Self.password)", "\(a.url)/x?sig=\(Self.token)",
    ])
    #expect(result.code == 4, "\(result.out) \(result.err)")
    #expect(a.everything.contains(Self.password))
    #expect((result.out + result.err).contains("not for ***"), "\(result.out) \(result.err)")
    try expectNoTrace(result)
  }

  // MARK: TLS

  /// Refused over http and over udt, with the reason and what to do.
  @Test(
    "certificates that are wrong are refused, over http and end to end over udt",
    arguments: ["wrong name", "expired", "not yet valid", "self-signed", "unknown authority"])
  func certificates(kind: String) throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let cases: [String: (String, [String])] = [
      "wrong name": ("it is for another host name", ["Check the host in the URL"]),
      "expired": ("it has expired", ["renew", "date and time of this machine"]),
      "not yet valid": ("it is not valid yet", ["date and time of this machine"]),
      "self-signed": ("it is self-signed", ["--cacert"]),
      "unknown authority": ("its issuer is not among the known authorities", ["--cacert"]),
    ]
    let (reason, remedies) = try #require(cases[kind])
    var url = nginx.https
    var options = ["--cacert", nginx.authority]
    var server: Service?
    defer { server?.stop() }
    switch kind {
    case "wrong name": url = nginx.httpsWrongName
    case "expired": url = nginx.httpsExpired
    case "unknown authority": options = []
    default:
      let own = try certificate(isSelfSigned: kind == "self-signed")
      try folder.makeFolder("root")
      try folder.write(Self.file, to: "root/x")
      let running = try Service(
        "parcel-server", ["--root", "\(folder.path)/root", "--cert", own.certificate, "--key", own.key],
        in: folder)
      server = running
      url = running.address.replacing("127.0.0.1", with: "localhost")
      if kind != "self-signed" { options = ["--cacert", own.authority] }
    }
    let port = url.split(separator: ":").last ?? ""
    let relay = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { relay.stop() }
    for way in [["--transport", "http"], ["--relay", "127.0.0.1:\(relay.port)", "--transport", "udt"]] {
      let result = try fetch(options + way + ["-t", "token", "\(url)/x"])
      let words = result.out + result.err
      #expect(result.code == 7 && words.contains("certificate was refused: \(reason)"), "\(way): \(words)")
      for remedy in remedies { #expect(words.contains(remedy), "\(words)") }
      #expect((try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/out"))?.isEmpty ?? true)
    }
  }

  /// For localhost: by itself, or by an authority of its own for days to come.
  private func certificate(isSelfSigned: Bool) throws -> (certificate: String, key: String, authority: String)
  {
    let path = folder.path
    let names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    let key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    if isSelfSigned {
      try Spawn.run(
        ["openssl"] + key + names + ["-days", "2", "-keyout", "\(path)/key.pem", "-out", "\(path)/cert.pem"])
      return ("\(path)/cert.pem", "\(path)/key.pem", "\(path)/cert.pem")
    }
    // `openssl ca` is the one that lets the beginning be named.
    try Spawn.run(
      ["openssl"] + key + [
        "-subj", "/CN=later", "-days", "9000", "-keyout", "\(path)/ca.key", "-out", "\(path)/ca.pem",
      ])
    try Spawn.run([
      "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
      "/CN=localhost",
      "-keyout", "\(path)/key.pem", "-out", "\(path)/cert.csr",
    ])
    try folder.write("", to: "index")
    try folder.write("01\n", to: "serial")
    try folder.write(
      """
      [ca]
      default_ca = own
      [own]
      database = \(path)/index
      serial = \(path)/serial
      new_certs_dir = \(path)
      certificate = \(path)/ca.pem
      private_key = \(path)/ca.key
      default_md = sha256
      policy = any
      x509_extensions = names
      [any]
      commonName = supplied
      [names]
      subjectAltName = DNS:localhost

      """, to: "ca.cnf")
    try Spawn.run([
      "openssl", "ca", "-batch", "-notext", "-config", "\(path)/ca.cnf", "-in", "\(path)/cert.csr", "-out",
      "\(path)/cert.pem",
      "-startdate", "20450101000000Z", "-enddate", "20460101000000Z",
    ])
    return ("\(path)/cert.pem", "\(path)/key.pem", "\(path)/ca.pem")
  }

  @Test("a redirect from https to http is refused, and followed without the token when it is asked for")
  func downgrade() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try nginx.root.write(Self.file, to: "file")
    let arguments = ["-t", "token", "--cacert", nginx.authority, "\(nginx.https)/elsewhere/echo"]
    let refused = try fetch(arguments)
    let words = refused.out + refused.err
    #expect(refused.code == 7 && words.contains("redirects from https to plain http"), "\(words)")
    #expect(words.contains("--allow-http-redirects"), "\(words)")
    try expectNoTrace(refused)
    let followed = try fetch(["--allow-http-redirects"] + arguments)
    #expect(followed.code == 0, "\(followed.out) \(followed.err)")
    #expect(followed.err.contains("--allow-http-redirects: where a server redirects to plain http"))
    #expect(try String(contentsOfFile: "\(folder.path)/out/echo", encoding: .utf8).contains("token=\n"))
    try expectNoTrace(followed)
  }

  // MARK: The machine

  @Test("a token on the command line does not stay in the process list, and no core dump is written")
  func processList() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/big", bytes: 3_000_000)
    let url =
      nginx.http.replacing("http://", with: "http://user:\(Self.password)@") + "/slow/big?sig=\(Self.token)"
    let run = try Programs.start(
      "parcel",
      [
        "-T", Self.token, "--header", "Cookie: \(Self.cookie)", "--debug", "-d", "out", "--events",
        "events.jsonl", url,
      ], in: folder,
      // The runtime's backtrace, on under `swift test`, takes the signal and goes on.
      environment: ["SWIFT_BACKTRACE=enable=no"])
    let pid = run.pid
    #expect(eventually { FileManager.default.fileExists(atPath: "\(folder.path)/out/big.parcel") })
    let line = String(
      decoding: FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data(), as: UTF8.self)
    #expect(line.contains("--events") && line.contains("/slow/big"), "\(line)")
    for secret in [Self.token, Self.password, Self.cookie] { #expect(!line.contains(secret), "\(line)") }
    let limits = try String(contentsOfFile: "/proc/\(pid)/limits", encoding: .utf8)
    let core = limits.split(separator: "\n").first { $0.hasPrefix("Max core file size") }
    #expect(core?.dropFirst(18).split(separator: " ").first == "0", "\(limits)")
    // A crash: its words and what it leaves.
    run.signal(SIGSEGV)
    #expect(run.wait().code == -SIGSEGV)
    for case let path as String in FileManager.default.enumerator(atPath: folder.path) ?? .init()
    where path != "token" {
      let text = String(
        decoding: FileManager.default.contents(atPath: "\(folder.path)/\(path)") ?? Data(), as: UTF8.self)
      for secret in [Self.token, Self.password, Self.cookie, basic] {
        #expect(!text.contains(secret), "\(path)")
      }
    }
  }
}
