import Foundation
import ParcelCore
import ParcelServer
import ParcelSystem
import ParcelUDT
import Testing

import func ParcelTesting.eventually

@testable import parcel_server

@Suite("Over UDT")
struct UDTServerTests {
  private let folder = TemporaryFolder()
  private let all = generated(seed: 4, 0..<50_000_000)

  init() throws { try folder.write("data.bin", all) }

  @Test("Objects, ranges and heads come on one connection, on TCP's port number, without Alt-Svc")
  func keepAlive() throws {
    let outside = TemporaryFolder()
    try outside.write("secret", [1])
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/out", withDestinationPath: outside.path + "/secret")
    let server = try ServerProgram(["--root", folder.path])
    let client = try SharedUDT.client(port: server.port)
    client.get("/data.bin", method: "HEAD")
    let head = try #require(client.reply(toHead: true))
    #expect(head.head.status == 200 && head.head.contentLength == all.count && head.head["alt-svc"] == nil)
    client.get("/data.bin", "Range: bytes=100-299", "Want-Content-Digest: sha-256=1")
    let part = try #require(client.reply())
    #expect(part.head.status == 206 && part.body == Array(all[100..<300]))
    #expect(part.head["content-digest"] != nil)
    client.get("/out")
    #expect(client.reply()?.head.status == 404)
    client.get("/data.bin")
    let whole = try #require(client.reply())
    #expect(whole.head.status == 200 && whole.body == all)

    let tcp = try RawClient(port: server.port)
    tcp.get("/data.bin", "Range: bytes=0-0")
    #expect(tcp.reply()?.head["alt-svc"] == "parcel-udt=\":\(server.port)\"")
  }

  @Test("curl gets 50 MB over TLS over UDT, its CA checked end to end")
  func tls() throws {
    let certificates = try Certificates()
    let server = try ServerProgram([
      "--root", folder.path, "--cert", certificates.certificate, "--key", certificates.key,
    ])
    let bridge = try Bridge(toUDT: server.port)
    defer { bridge.stop() }
    let out = folder.path + "/out"
    let url = "https://localhost:\(bridge.port)/data.bin"
    #expect(try run("curl", ["-sf4", "--cacert", certificates.authority, "-o", out, url]).code == 0)
    #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: out))) == all)
    let other = try Certificates()
    #expect(try run("curl", ["-sf4", "--cacert", other.authority, "-o", out, url]).code == 60)
  }

  @Test("On SIGTERM a running answer comes to its end over UDT too, and the log says over what it went")
  func drain() throws {
    let log = folder.path + "/.log"
    let server = try ServerProgram(["--root", folder.path, "--drain", "60", "--log", log])
    let client = try SharedUDT.client(port: server.port)
    client.get("/data.bin")
    #expect(client.receiveBodyByte())
    server.program.signal(SIGTERM)
    #expect(client.reply()?.body == all)
    #expect(client.isAtEnd())
    #expect(server.program.wait().code == 0)
    let text = try String(contentsOfFile: log, encoding: .utf8)
    let line = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(line["over"] as? String == "udt" && line["complete"] as? Bool == true)
  }

  @Test("Connections on TCP and UDT are served at once", arguments: [200])
  func many(count: Int) throws {
    let server = try ServerProgram(["--root", folder.path])
    let clients = try (0..<count).map { index in
      try index % 2 == 0 ? SharedUDT.client(port: server.port) : RawClient(port: server.port)
    }
    for (i, client) in clients.enumerated() {
      client.get("/data.bin", "Range: bytes=\(i * 1000)-\(i * 1000 + 99_999)")
    }
    for (i, client) in clients.enumerated().reversed() {
      #expect(client.reply()?.body == Array(all[(i * 1000)..<(i * 1000 + 100_000)]))
    }
  }
}

@Suite("A thousand connections")
struct ThousandTests {
  @Test("A thousand clients are connected at once and each is answered")
  func thousand() throws {
    try #require((DescriptorLimit.raise() ?? 0) >= 1500, "this machine allows too few open files")
    let server = try ServerProgram([
      "--demo", "--demo-scale", "0.001", "--max-connections", "1001", "--drain", "30",
    ])
    let clients = try (0..<1000).map { _ in try RawClient(port: server.port) }
    for turn in 0..<2 {
      for client in clients { client.get("/none/\(turn)") }
      for client in clients { #expect(client.reply()?.head.status == 404) }
    }
    // One more is served, and the one after that is told to come back.
    let last = try RawClient(port: server.port)
    last.get("/none")
    #expect(last.reply()?.head.status == 404)
    let refused = try RawClient(port: server.port)
    let reply = try #require(refused.reply())
    #expect(reply.head.status == 503 && reply.head["retry-after"] == "1")
    // A release build would close them after their last use, and make room.
    withExtendedLifetime((clients, last)) {}
    #expect(server.stop() == 0)
  }
}

@Suite("parcel-server's rules")
struct ServerRuleTests {
  /// A UDP socket with a port of the system's choice, which nobody uses for TCP: not even a connection of another program.
  private func udpPortThatTCPHasFree() -> (socket: Int32, port: UInt16)? {
    func bound(_ kind: __socket_type, _ port: UInt16) -> (Int32, UInt16)? {
      let socket = Glibc.socket(AF_INET, Int32(kind.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
        }
      }
      if isBound { return (socket, address.sin_port) }
      close(socket)
      return nil
    }
    guard let (udp, port) = bound(SOCK_DGRAM, 0) else { return nil }
    guard let (tcp, _) = bound(SOCK_STREAM, port) else {
      close(udp)
      return nil
    }
    close(tcp)
    return (udp, UInt16(bigEndian: port))
  }

  @Test("A port whose UDP twin is taken is refused, unless UDT is not wanted")
  func twin() throws {
    let (socket, number) = try #require((0..<50).lazy.compactMap { _ in udpPortThatTCPHasFree() }.first)
    defer { close(socket) }
    let port = String(number)
    #expect(try run("parcel-server", ["--demo", "--demo-scale", "0.001", "-p", port]).code == 7)
    let server = try ServerProgram(["--demo", "--demo-scale", "0.001", "-p", port, "--no-udt"])
    let client = try RawClient(port: server.port)
    client.get("/none")
    let reply = try #require(client.reply())
    #expect(reply.head.status == 404 && reply.head["alt-svc"] == nil)
    #expect(server.stop() == 0)
  }

  @Test("Another place for UDT is advertised as it was given")
  func advertise() throws {
    let server = try ServerProgram([
      "--demo", "--demo-scale", "0.001", "--advertise", "relay.example:9000",
    ])
    let client = try RawClient(port: server.port)
    client.get("/none")
    #expect(client.reply()?.head["alt-svc"] == "parcel-udt=\"relay.example:9000\"")
  }

  @Test("A token is refused where it would cross a network in clear")
  func tokens() throws {
    func start(_ change: (inout ServerOptions) -> Void) throws {
      var options = ServerOptions()
      options.token = "secret"
      change(&options)
      try FileServer(GeneratedContent([]), options).stop(deadline: 1)
    }
    for host in ["0.0.0.0", "::"] {
      #expect {
        try start { $0.host = host }
      } throws: { error in
        (error as? Failure)?.remedy.contains("--allow-cleartext") == true
      }
    }
    try start { _ in }
    try start { $0.host = "127.0.0.2" }
    try start { options in
      options.host = "0.0.0.0"
      options.allowsCleartext = true
    }
    let certificates = try Certificates()
    let certificate = try certificates.loaded()
    try start { options in
      options.host = "0.0.0.0"
      options.certificate = certificate
    }
  }

  @Test("Only addresses that are allowed are served, over TCP and over UDT")
  func allowed() throws {
    let demo = ["--demo", "--demo-scale", "0.001"]
    let closed = try ServerProgram(demo + ["--allow", "192.0.2.0/24", "--allow", "2001:db8::/32"])
    for client in [try RawClient(port: closed.port), try SharedUDT.client(port: closed.port)] {
      client.get("/none")
      #expect(client.reply() == nil)
    }
    // Of a listener for both families IPv4's addresses have another form.
    let open = try ServerProgram(demo + ["--allow", "192.0.2.7", "--allow", "127.0.0.0/8", "-i", "::"])
    for client in [try RawClient(port: open.port), try SharedUDT.client(port: open.port)] {
      client.get("/none")
      #expect(client.reply()?.head.status == 404)
    }
    #expect(try run("parcel-server", demo + ["--allow", "10.0.0.1/8"]).code == 2)
  }

  @Test("Counters for Prometheus are at a Unix socket, and a line of JSON for each answer on standard output")
  func figures() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/metrics"
    let server = try ServerProgram([
      "--demo", "--demo-scale", "0.001", "--metrics", "unix:" + path, "--log-json",
    ])
    for client in [try RawClient(port: server.port), try SharedUDT.client(port: server.port)] {
      client.get("/none")
      #expect(client.reply()?.head.status == 404)
    }
    var text = ""
    func figures() throws -> String {
      try run("curl", ["-sS", "--unix-socket", path, "http://server/metrics"]).out
    }
    // Connections end a moment after their clients have gone.
    let isOver = try eventually {
      text = try figures()
      return text.contains("\nparcel_server_connections_open 0\n")
    }
    #expect(isOver, "\(text)")
    for line in [
      "connections_total 2", "connections_refused_total 0", "answers_total{status=\"404\"} 2",
      "answers_broken_total 0",
    ] { #expect(text.contains("\nparcel_server_\(line)\n"), "\(text)") }
    #expect(!text.contains("\nparcel_server_udt_packets_sent_total 0\n"))
    #expect(text.contains("# TYPE parcel_server_answers_total counter\n"))
    #expect(server.stop() == 0)
    #expect(access(path, F_OK) != 0, "the socket is gone with the program")
    let lines = server.program.out.split(separator: "\n").dropFirst()
    #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("{") && $0.contains("\"status\": 404") })
    #expect(try run("parcel-server", ["--demo", "--metrics", "0.0.0.0:0"]).code == 2)
  }

  @Test("A folder is served at the original's port, a demo at any")
  func ports() throws {
    #expect(try ServerCommand.parse(["--root", "d"]).listeningPort == 9000)
    #expect(try ServerCommand.parse(["--root", "d", "-p", "0"]).listeningPort == 0)
    #expect(try ServerCommand.parse(["--demo"]).listeningPort == 0)
    #expect(try RelayCommand.parse(["http://h:1"]).options.port == 9000)
  }

  @Test("When answers had to be broken off, it ends with 1")
  func forced() throws {
    let server = try ServerProgram(["--demo", "--rate", "100k", "--drain", "0.1"])
    let client = try RawClient(port: server.port)
    client.get("/manifest.tsv")
    let manifest = try Manifest.read(try #require(client.reply()).body, source: "m")
    let name = try #require(manifest.downloads.max { ($0.size ?? 0) < ($1.size ?? 0) }?.name)
    client.get("/" + name)
    #expect(client.receiveBodyByte())
    #expect(server.stop() == 1)
  }

  @Test(
    "A URL goes with none of the options of serving files",
    arguments: [
      ["--cert", "x"], ["--token-file", "x"], ["--no-udt"], ["--digest-cache", "x"], ["--mss", "100"],
    ])
  func exclusive(arguments: [String]) throws {
    #expect(try run("parcel-server", ["http://127.0.0.1:1"] + arguments).code == 2)
  }

  @Test("A URL alone means the original's form; a folder or the demo does not")
  func forms() {
    #expect(RelayCommand.isMeant(by: ["http://h:1"]) && RelayCommand.isMeant(by: ["-p", "9001", "h:1"]))
    #expect(RelayCommand.isMeant(by: ["http://h:1", "--help"]))
    #expect(!RelayCommand.isMeant(by: ["--root", "d"]) && !RelayCommand.isMeant(by: ["--root=d", "x"]))
    #expect(!RelayCommand.isMeant(by: ["--demo", "-p", "1"]) && !RelayCommand.isMeant(by: ["--help"]))
    #expect(!RelayCommand.isMeant(by: []))
  }

  @Test("Options of UDT have the original's spellings too")
  func spellings() throws {
    for (mss, udt, udp) in [
      ("--mss", "--udt_buffer_size", "--udp_buffer_size"),
      ("--mss", "--udt-buffer-size", "--udp-buffer-size"),
    ] {
      let command = try RelayCommand.parse([
        "http://h:1", mss, "1400", udt, "5000000", udp, "600000", "-p", "9001", "-i", "0.0.0.0", "-v",
      ])
      let options = UDTOptions(command.options.udt)
      #expect(options.maximumSegment == 1400 && options.sendBuffer == 5_000_000)
      #expect(
        options.udpReceiveBuffer == 600_000 && command.options.port == 9001
          && command.options.host == "0.0.0.0")
    }
  }
}
