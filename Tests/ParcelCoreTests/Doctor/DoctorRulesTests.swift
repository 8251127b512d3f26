import ParcelCore
import Testing

/// "DNS good: text -> remedy (code)"
private func lines(_ findings: [Finding]) -> [String] {
  findings.map { finding in
    "\(finding.topic) \(finding.level.rawValue): \(finding.text)"
      + (finding.remedy.isEmpty ? "" : " -> \(finding.remedy)")
      + (finding.code.map { " (\($0.rawValue))" } ?? "")
  }
}

struct DoctorConnectionTests {
  private func names(
    _ addresses: [String], _ seconds: Double, _ failure: String? = nil, isProxy: Bool = false
  )
    -> [String]
  {
    lines(
      DoctorRules.names(
        NameMeasurement(
          host: "data.example", isProxy: isProxy, addresses: addresses, seconds: seconds, failure: failure),
        in: .server))
  }

  @Test func `names`() {
    #expect(
      names(["192.0.2.7", "2001:db8::7"], 0.0123) == [
        "DNS good: data.example is 192.0.2.7 and 2001:db8::7, 12.3 ms"
      ])
    #expect(
      names((1...9).map { "192.0.2.\($0)" }, 2.5) == [
        "DNS remark: data.example is 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6 and 3 more, 2.5 s"
          + " -> Such a slow answer delays every new connection: check /etc/resolv.conf."
      ])
    let remedy = " -> Check the name, and this machine's name servers (/etc/resolv.conf)."
    #expect(
      names([], 0.1, "Name or service not known") == [
        "DNS trouble: data.example was not found: name or service not known\(remedy) (network)"
      ])
    #expect(
      names([], 10, nil, isProxy: true) == [
        "DNS trouble: no answer about data.example (the proxy) within 10.0 s\(remedy) (proxy)"
      ])
    let number = NameMeasurement(host: "192.0.2.7", isProxy: false, addresses: ["192.0.2.7"], seconds: 0)
    #expect(
      lines(DoctorRules.names(number, in: .relay)) == ["DNS neutral: 192.0.2.7 is an address, not a name"])
  }

  @Test func `one address that connects makes remarks of the others`() {
    let four = "192.0.2.7:443"
    let six = "[2001:db8::7]:443"
    func found(_ outcomes: ConnectMeasurement.Outcome..., proxy: Bool = false) -> [String] {
      lines(
        DoctorRules.connections(
          zip([four, six], outcomes).map { ConnectMeasurement(address: $0, outcome: $1) }, throughProxy: proxy
        ))
    }
    let others = " -> Downloads use the other addresses, some after a wait for this one: tell the operator."
    #expect(
      found(.connected(seconds: 0.1421), .silent(seconds: 10)) == [
        "TCP good: 192.0.2.7:443 connected in 142 ms",
        "TCP remark: [2001:db8::7]:443 does not answer within 10.0 s\(others)",
      ])
    #expect(
      found(.connected(seconds: 0.0002), .noRoute) == [
        "TCP good: 192.0.2.7:443 connected in 0.20 ms",
        "TCP neutral: [2001:db8::7]:443: this machine has no IPv6 way there",
      ])
    #expect(
      found(.refused, .noRoute) == [
        "TCP trouble: 192.0.2.7:443 refuses connections -> Check the port in the URL, and whether the server runs. (network)",
        "TCP trouble: [2001:db8::7]:443: this machine has no way there"
          + " -> Check the network connection of this machine (ip address, ip route). (network)",
      ])
    #expect(
      found(.silent(seconds: 10), .failed("Permission denied"), proxy: true) == [
        "TCP trouble: 192.0.2.7:443 does not answer within 10.0 s -> Check the proxy's name and port. (proxy)",
        "TCP trouble: [2001:db8::7]:443: permission denied -> Check the proxy's port. (proxy)",
      ])
  }

  @Test func `the proxy is chosen as libcurl chooses it`() throws {
    func choice(_ url: String, option: String? = nil, _ variables: [String: String]) throws -> ProxyChoice {
      ProxyChoice.of(try #require(URLReference(url)), option: option) { variables[$0] }
    }
    let proxied = ["https_proxy": "http://one:1", "HTTPS_PROXY": "http://two:2", "ALL_PROXY": "socks5://all"]
    #expect(try choice("https://a.example/x", proxied) == .proxy(url: "http://one:1", source: "https_proxy"))
    #expect(try choice("http://a.example/x", proxied) == .proxy(url: "socks5://all", source: "ALL_PROXY"))
    #expect(try choice("http://a.example/x", ["HTTP_PROXY": "http://cgi"]) == .none)
    #expect(try choice("https://a.example/x", ["https_proxy": ""]) == .none)
    #expect(
      try choice("http://a.example/x", option: "http://three", proxied)
        == .proxy(url: "http://three", source: "--proxy"))
    for (list, host, isOut) in [
      ("example", "a.example", true), (".a.example", "a.example", true), ("b, a.example", "a.example", true),
      ("xample", "a.example", false), ("*", "a.example", true), ("10.0.0.0/8", "10.1.2.3", true),
      ("10.0.0.0/8", "11.1.2.3", false), ("[::1]", "[::1]", true), ("", "a.example", false),
    ] {
      let found = try choice("https://\(host)/x", option: "http://p", ["NO_PROXY": list])
      #expect((found == .excluded(by: "NO_PROXY")) == isOut, "\(list) \(host)")
    }
  }

  @Test func `a proxy's password is stars`() {
    #expect(
      lines(DoctorRules.proxy(.proxy(url: "http://me:secret@p.example:3128", source: "https_proxy"))) == [
        "Proxy neutral: http://***@p.example:3128, from https_proxy; UDP does not go through it"
      ])
    #expect(
      !lines(DoctorRules.proxy(.proxy(url: "me:secret@p.example", source: "--proxy")))[0].contains("secret"))
    #expect(
      ProxyChoice.endpoint(of: "http://me:secret@p.example:3128") == Endpoint(host: "p.example", port: 3128))
    #expect(ProxyChoice.endpoint(of: "socks5h://[::1]") == Endpoint(host: "::1", port: 1080))
    #expect(ProxyChoice.endpoint(of: "p.example") == Endpoint(host: "p.example", port: 1080))
  }
}

struct DoctorCertificateTests {
  /// 2026-11-23 00:00 UTC.
  private let now = 1_795_392_000
  private let day = 86_400

  private func found(days: Int? = 90, _ change: (inout CertificateMeasurement) -> Void = { _ in }) -> [String]
  {
    var one = CertificateMeasurement(host: "data.example")
    one.version = "TLSv1.3"
    one.issuer = "Example CA"
    one.names = ["data.example", "*.data.example"]
    one.starts = now - day
    one.expires = days.map { now + $0 * day }
    one.chainLength = 2
    change(&one)
    return lines(DoctorRules.certificate(one, now: now))
  }

  private let trust = "If you trust this server, give its authority's certificate with --cacert FILE."

  @Test func `a good certificate`() {
    #expect(
      found() == [
        "TLS good: TLSv1.3, certificate for data.example, issued by Example CA, until 2027-02-21 (90 days left)"
      ])
    #expect(found(days: nil) == ["TLS good: TLSv1.3, certificate for data.example, issued by Example CA"])
    #expect(
      found(days: 6) == [
        "TLS remark: TLSv1.3, certificate for data.example, issued by Example CA, until 2026-11-29 (6 days left)"
          + " -> Tell the server's operator: with an expired certificate downloads stop."
      ])
  }

  @Test func `each kind of refusal has its words`() {
    #expect(
      found(days: -3) { $0.trouble = .expired } == [
        "TLS trouble: the certificate of data.example expired on 2026-11-20, 3 days ago"
          + " -> Only the server's operator can renew it; check this machine's clock too. (tls)"
      ])
    #expect(
      found { $0.trouble = .notYetValid }[0].hasPrefix(
        "TLS trouble: the certificate of data.example is not valid before 2026-11-22"))
    #expect(
      found { $0.trouble = .selfSigned } == [
        "TLS trouble: the certificate of data.example is self-signed: nobody vouches for it -> \(trust) (tls)"
      ])
    #expect(
      found { $0.trouble = .unknownIssuer } == [
        "TLS trouble: the certificate of data.example: its issuer 'Example CA' is not among the authorities known here"
          + " -> \(trust) (tls)"
      ])
    #expect(
      found {
        $0.trouble = .unknownIssuer
        $0.chainLength = 1
      }[0].contains("or the server does not send the certificates in between"))
    #expect(
      found { $0.trouble = .wrongHost } == [
        "TLS trouble: the certificate is not for data.example, it is for data.example and *.data.example"
          + " -> Use the name that the certificate has in the URL. (tls)"
      ])
    #expect(found { $0.trouble = .noAnswer }[0].hasSuffix("(network)"))
  }

  @Test func `names in certificates cannot move the cursor`() {
    let text = found {
      $0.trouble = .wrongHost
      $0.names = ["\u{1B}[2J" + String(repeating: "x", count: 500)]
    }[0]
    #expect(!text.contains("\u{1B}"))
    #expect(text.count < 300)
  }

  @Test func `dates`() {
    #expect(CivilDate.text(0) == "1970-01-01")
    #expect(CivilDate.text(-1) == "1969-12-31")
    #expect(CivilDate.text(951_782_400) == "2000-02-29")
    #expect(CivilDate.text(now) == "2026-11-23")
    #expect(CivilDate.certificateDate("Nov 23 00:00:00 2026 GMT") == now)
    #expect(CivilDate.certificateDate("Jan  2 00:00:00 1970 GMT") == day)
    #expect(CivilDate.certificateDate("soon") == nil)
  }
}

struct DoctorAnswerTests {
  /// 2026-11-23 00:00 UTC.
  private let now = 1_795_392_000

  private func found(
    _ status: Int, _ headers: [(String, String)], date: String = "Mon, 23 Nov 2026 00:00:01 GMT"
  )
    -> [String]
  {
    var one = AnswerMeasurement(url: "https://data.example/a.bam?token=abc", now: now)
    one.head = ResponseHead(
      status: status, headers: (headers + [("Date", date)]).map { HTTPHeader($0.0, $0.1) })
    one.httpVersion = "1.1"
    one.seconds = 0.5
    return lines(DoctorRules.answer(one))
  }

  private let clock = "Clock good: agrees with the server's"

  @Test func `ranges`() {
    let head = "HTTP good: status 206 in 500 ms over HTTP/1.1"
    #expect(
      found(206, [("Content-Range", "bytes 0-0/12345"), ("ETag", "\"a\"")]) == [
        head, "Ranges good: work, 12,345 bytes in all, strong ETag", clock,
      ])
    #expect(
      found(206, [("Content-Range", "bytes 0-0/*"), ("ETag", "W/\"a\""), ("Last-Modified", "x")])[1]
        == "Ranges good: work, size not said, Last-Modified and no strong ETag")
    #expect(
      found(206, [("Content-Range", "bytes 0-0/5")])[1]
        == "Ranges remark: work, 5 bytes in all, but neither a strong ETag nor Last-Modified"
        + " -> A changed object is seen only by its size or digest: use a manifest with digests.")
    #expect(
      found(206, [("Content-Range", "bytes 1-1/5")])[1]
        == "Ranges trouble: wrong: bytes 0-0 were asked for, and Content-Range says 'bytes 1-1/5'"
        + " -> Such answers are refused, because they could spoil files: tell the server's operator. (server)"
    )
    #expect(found(206, [])[1].contains("Content-Range says nothing"))
    #expect(
      found(200, [("Content-Length", "77")])[1]
        == "Ranges remark: not supported: the whole object of 77 bytes came instead of one byte"
        + " -> Each file comes over one connection, and starts again from zero when it breaks: ask the operator for ranges."
    )
    #expect(
      found(416, [("Content-Range", "bytes */0")])[1]
        == "Ranges neutral: cannot be tried: the object is empty")
  }

  @Test func `no answer is told without the URL that the heading has`() {
    let url = "https://data.example/a.bam"
    var one = AnswerMeasurement(url: url, now: now)
    for end in [": ", ", bytes 0 to 0: "] {
      one.failure = Failure(
        .network, retry: .now, "Could not fetch \(url)\(end)the connection broke.", remedy: "Wait.")
      #expect(lines(DoctorRules.answer(one)) == ["HTTP trouble: the connection broke -> Wait. (network)"])
    }
    one.failure = Failure(.stalled, retry: .now, "no answer within 10 s")
    #expect(DoctorRules.answer(one)[0].text == "no answer within 10 s")
  }

  @Test func `refusals`() {
    #expect(
      found(401, []) == [
        "HTTP remark: status 401 in 500 ms over HTTP/1.1: a token or password is needed, which this check does not send"
          + " -> Fetch one file with your token to see whether it is accepted.", clock,
      ])
    #expect(
      found(404, [])[0]
        == "HTTP trouble: the server answered 404 (not found)"
        + " -> Check the id or URL: the object may have been replaced. (notFound)")
    #expect(found(503, [])[0].hasSuffix("(busy)"))
    #expect(found(302, [])[0].contains("a redirect that is not followed"))
  }

  @Test(arguments: [
    ("Sun, 22 Nov 2026 23:59:00 GMT", "Clock good: 60 s ahead of the server's, which does no harm"),
    (
      "Mon, 23 Nov 2026 00:12:00 GMT",
      "Clock remark: this machine's is 12 minutes behind the server's"
        + " -> Set it (timedatectl set-ntp true): certificates and tokens are checked against it."
    ), ("yesterday", "Clock neutral: not compared: the server sends no readable Date"),
  ])
  func `the clock`(date: String, wanted: String) {
    #expect(found(200, [], date: date).last == wanted)
  }
}

struct DoctorLocalTests {
  @Test func `UDP`() {
    let relay = Endpoint(host: "relay.example")
    func found(_ outcome: DatagramMeasurement.Outcome, _ source: DoctorRules.RelaySource = .option) -> String
    {
      lines(
        DoctorRules.datagrams(
          [DatagramMeasurement(address: "192.0.2.9:9000", outcome: outcome)], relay: relay, source: source))[
          0]
    }
    #expect(
      found(.answered(seconds: 0.1421, tries: 5))
        == "UDP good: 192.0.2.9:9000 answers as UDT 4, round trip 142 ms (best of 5)")
    let silent =
      "no answer over UDP from 192.0.2.9:9000 to two tries of 3 s -> The relay is down, or a firewall drops UDP port"
      + " 9000: have it let through; until then downloads go over http."
    #expect(found(.silent) == "UDP trouble: \(silent) (network)")
    #expect(found(.silent, .advert) == "UDP remark: \(silent)")
    #expect(found(.refused).contains("is refused: nobody listens on UDP port 9000"))
    #expect(found(.foreign).contains("answers, and not as UDT"))
    #expect(found(.otherVersion).contains("another version of UDT"))
  }

  @Test func `round trips and MTU`() {
    #expect(
      lines(DoctorRules.roundTrips(tcp: 0.140, udp: 0.142)) == [
        "Round trip good: 142 ms over UDP to the relay, 140 ms over TCP to the server"
      ])
    #expect(DoctorRules.roundTrips(tcp: 0.020, udp: 0.142)[0].level == .remark)
    #expect(DoctorRules.roundTrips(tcp: nil, udp: 1).isEmpty)
    func packets(_ local: Int, _ path: Int?) -> PacketSizeMeasurement {
      PacketSizeMeasurement(local: local, path: path)
    }
    #expect(
      lines(DoctorRules.mtu(packets(1500, nil), address: "192.0.2.9:9000", in: .server)) == [
        "MTU good: 1,500 bytes leave this machine in one packet; whether the rest of the way takes as much was not tested"
      ])
    #expect(
      lines(DoctorRules.mtu(packets(1500, 1500), address: "192.0.2.9:9000", in: .relay)) == [
        "MTU good: 1,500 bytes leave this machine in one packet; no router on the way said that it takes less"
      ])
    #expect(
      lines(DoctorRules.mtu(packets(1500, 1400), address: "192.0.2.9:9000", in: .relay)) == [
        "MTU remark: a router on the way takes packets of 1,400 bytes at most, fewer than the usual 1,500 (a VPN or tunnel?)"
          + " -> UDT offers packets of 1,500: start the relay with --mss 1400."
      ])
    #expect(
      lines(DoctorRules.mtu(packets(1420, 1420), address: "[2001:db8::9]:9000", in: .relay)) == [
        "MTU remark: 1,420 bytes leave this machine in one packet, fewer than the usual 1,500 (a VPN or tunnel?)"
          + " -> UDT offers packets of 1,480: start the relay with --mss 1400."
      ])
  }

  @Test func `this machine`() {
    var one = MachineMeasurement(relayProgramFolder: "/usr/bin")
    one.receiveBufferLimit = 212_992
    one.sendBufferLimit = 4 << 20
    one.openFiles = 256
    one.openFilesHard = 4096
    #expect(
      lines(DoctorRules.machine(one)) == [
        "Buffers remark: sockets may hold 212,992 bytes received and 4,194,304 to send; UDT asks for 4,194,304 and 2,097,152"
          + " -> sudo sysctl -w net.core.rmem_max=4194304; the same in /etc/sysctl.d/90-parcel.conf, one a line, to keep it.",
        "Open files remark: 256 at once (up to 4,096 with ulimit -n) -> ulimit -n 1024 before parcel starts.",
        "UDT program remark: parcel-tcp2udt is neither in /usr/bin, where parcel is, nor in PATH"
          + " -> Install it beside parcel: without it nothing goes over UDT.",
      ])
    one.receiveBufferLimit = 4 << 20
    one.openFiles = 1024
    one.relayProgram = "/usr/bin/parcel-tcp2udt"
    #expect(DoctorRules.machine(one).allSatisfy { $0.level == .good })
  }

  private func folder(_ needed: Int? = nil, _ change: (inout FolderMeasurement) -> Void) -> [String] {
    var one = FolderMeasurement(path: "data", existing: "data")
    one.free = 50_000_000_000
    one.size = 100_000_000_000
    one.freeInodes = 1_000_000
    one.sparse = true
    one.kind = "ext4"
    change(&one)
    return lines(DoctorRules.folder(one, needed: needed))
  }

  @Test func `a good folder`() {
    #expect(
      folder { _ in } == [
        "Room good: 50.00 GB free of 100.00 GB", "Inodes good: 1,000,000 free",
        "Writing good: a file could be made there, and is gone again", "File system good: ext4, sparse files",
      ])
    #expect(
      folder { $0.path = "data/new" }[2]
        == "Writing good: a file could be made in data; the folder itself is not there yet")
  }

  @Test func `disk trouble`() {
    #expect(
      folder(60_000_000_000) { _ in }[0]
        == "Room trouble: 50.00 GB free of 100.00 GB, and the object has 60.00 GB"
        + " -> Free some, or choose another disk with -d. (disk)")
    #expect(folder { $0.free = 10 }[0].hasSuffix("(disk)"))
    #expect(folder { $0.free = 100_000_000 }[0].hasPrefix("Room remark: 100.00 MB free"))
    #expect(folder { $0.freeInodes = 0 }[1].hasPrefix("Inodes trouble: none free"))
    #expect(folder { $0.freeInodes = 9 }[1].hasPrefix("Inodes remark: 9 free"))
    #expect(folder { $0.freeInodes = nil }[1] == "Inodes neutral: no fixed number")
    #expect(
      folder {
        $0.writeFailure = "Read-only file system"
        $0.isReadOnly = true
      }[2].hasPrefix("Writing trouble: no file can be made in data: the file system is mounted read-only"))
    #expect(
      folder { $0.failure = "Permission denied" }[0].hasPrefix(
        "Folder trouble: data cannot be used: permission"))
  }

  @Test func `kinds of file systems`() {
    #expect(FileSystemKind.name(magic: 0xEF53) == "ext4")
    #expect(FileSystemKind.name(magic: 1) == nil)
    #expect(
      folder {
        $0.kind = "nfs"
        $0.sparse = false
      }[3].hasPrefix(
        "File system remark: nfs, no sparse files: room is taken at once; reached over a network"))
    #expect(folder { $0.kind = "tmpfs" }[3].contains("gone after a restart -> Choose a folder on a disk"))
    #expect(folder { $0.kind = nil }[3] == "File system neutral: of a kind not known here, sparse files")
    #expect(folder(4_294_967_296) { $0.kind = "vfat" }[3].hasSuffix("(disk)"))
    #expect(folder(4_294_967_295) { $0.kind = "vfat" }[3].hasPrefix("File system remark"))
  }

  @Test func `the exit code is the one of what is wrong`() {
    let network = DoctorRules.connections(
      [ConnectMeasurement(address: "a", outcome: .refused)], throughProxy: false)
    let disk = DoctorRules.hungFolder("d", seconds: 10)
    func exit(_ findings: [Finding]...) -> (ExitCode, String) {
      var report = DoctorReport()
      for some in findings { report.add(some) }
      return (report.exit, report.conclusion)
    }
    #expect(exit() == (.success, "Nothing is wrong."))
    #expect(
      exit(
        DoctorRules.mtu(PacketSizeMeasurement(local: 1400, path: nil), address: "a", in: .server))
        == (.success, "Nothing is wrong, 1 remark."))
    #expect(exit(network) == (.network, "One thing is wrong."))
    #expect(exit(disk) == (.disk, "One thing is wrong."))
    #expect(exit(network, disk) == (.someFailed, "2 things are wrong."))
  }
}
