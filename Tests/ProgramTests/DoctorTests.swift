import Foundation
import ParcelCore
import ParcelTesting
import ParcelUDT
import Testing

/// `parcel doctor` against real servers on loopback.
@Suite(.serialized) struct DoctorTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-doctor") }

  private struct Answer {
    var code: Int32
    /// "Topic level: text", in order.
    var lines: [String]

    func line(_ topic: String) -> String {
      lines.first { $0.hasPrefix(topic + " ") } ?? "no \(topic) in \(lines)"
    }
  }

  private func doctor(_ arguments: String...) throws -> Answer {
    let result = try Programs.run("parcel", ["doctor", "--json"] + arguments, in: folder)
    let object = try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any]
    let findings = try #require(object?["findings"] as? [[String: Any]], "\(result.out) \(result.err)")
    #expect(object?["exit"] as? Int == Int(result.code))
    return Answer(
      code: result.code,
      lines: findings.map { "\($0["topic"] ?? "") \($0["level"] ?? ""): \($0["text"] ?? "")" })
  }

  @Test func aServerWithTLSAndRangesIsFine() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 12_345)
    let found = try doctor("\(nginx.https)/file", "--cacert", nginx.authority)
    #expect(found.code == 0, "\(found.lines)")
    #expect(found.line("DNS").hasPrefix("DNS good: localhost is "))
    #expect(found.line("TCP").contains(" connected in "))
    // The certificate is good for less than two days, which is remarked.
    #expect(found.line("TLS").hasPrefix("TLS remark: TLSv1."))
    #expect(found.line("TLS").contains("issued by parcel test, until "))
    #expect(found.line("HTTP").hasPrefix("HTTP good: status 206 in "))
    #expect(found.line("Ranges") == "Ranges good: work, 12,345 bytes in all, strong ETag")
    #expect(found.line("Clock").hasPrefix("Clock good: "))
    #expect(found.line("Relay").hasPrefix("Relay neutral: the server names none"))
    #expect(found.line("MTU").hasPrefix("MTU good: "))
    #expect(found.line("Writing").hasPrefix("Writing good"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix(".") })
  }

  @Test func eachKindOfBadCertificateIsToldApart() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    let expired = try doctor(nginx.httpsExpired, "--cacert", nginx.authority)
    #expect(expired.code == 7)
    #expect(
      expired.line("TLS").hasPrefix("TLS trouble: the certificate of localhost expired on 20"),
      "\(expired.lines)")
    let other = try doctor(nginx.httpsWrongName, "--cacert", nginx.authority)
    #expect(other.code == 7)
    #expect(other.line("TLS") == "TLS trouble: the certificate is not for 127.0.0.1, it is for localhost")
    let unknown = try doctor(nginx.https)
    #expect(unknown.code == 7)
    #expect(
      unknown.line("TLS").contains("its issuer 'parcel test' is not among the authorities"),
      "\(unknown.lines)")
    let plain = try doctor(nginx.http.replacingOccurrences(of: "http:", with: "https:"))
    #expect(plain.code == 7)
    #expect(plain.line("TLS").contains("does not speak TLS on this port"), "\(plain.lines)")
    let noFile = try doctor(nginx.https, "--cacert", "nothing.pem")
    #expect(noFile.code == 7)
    #expect(noFile.line("TLS").contains("--cacert"), "\(noFile.lines)")
  }

  @Test func answersWithoutTheObjectAreExplained() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/file", bytes: 1000)
    let whole = try doctor("\(nginx.http)/norange/file")
    #expect(whole.code == 0)
    #expect(
      whole.line("Ranges")
        == "Ranges remark: not supported: the whole object of 1,000 bytes came instead of one byte")
    #expect(whole.line("TLS").hasPrefix("TLS neutral: none"))
    #expect(try doctor("\(nginx.http)/nothing").code == 5)
    let forbidden = try doctor("\(nginx.http)/forbidden")
    #expect(forbidden.code == 0)
    #expect(forbidden.line("HTTP").hasPrefix("HTTP remark: status 403"))
    #expect(try doctor("\(nginx.http)/status/500").code == 7)
    let moved = try doctor("\(nginx.http)/elsewhere/file")
    #expect(moved.code == 0)
    #expect(moved.line("HTTP").contains(", after a redirect to 127.0.0.1:"), "\(moved.lines)")
  }

  @Test func nobodyIsToldFromSilence() throws {
    defer { folder.remove() }
    let closed = try ListeningSocket()
    close(closed.descriptor)
    let refused = try doctor("http://127.0.0.1:\(closed.port)/x")
    #expect(refused.code == 7)
    #expect(refused.line("TCP").hasSuffix(" refuses connections"), "\(refused.lines)")
    let nameless = try doctor("http://nothing.invalid/x")
    #expect(nameless.code == 7)
    #expect(nameless.line("DNS").hasPrefix("DNS trouble: nothing.invalid "))
  }

  @Test func aProxysPasswordIsNeverShown() throws {
    defer { folder.remove() }
    let closed = try ListeningSocket()
    close(closed.descriptor)
    let proxy = "http://me:geheim@127.0.0.1:\(closed.port)"
    for more in [["--json"], []] {
      let result = try Programs.run(
        "parcel", ["doctor", "http://data.invalid/x?token=geheim", "--proxy", proxy] + more, in: folder)
      #expect(result.code == 7)
      #expect(result.out.contains("http://***@127.0.0.1:\(closed.port)"))
      #expect(!(result.out + result.err).contains("geheim"), "\(result.out)")
      #expect(!result.out.contains("\u{1B}"))
    }
  }

  @Test func aUDTListenerAnswersAndNoConnectionComesToBe() throws {
    defer { folder.remove() }
    let library = try UDTLibrary()
    // Machines without IPv6 have one of them.
    let hosts = ["127.0.0.1", "::1"].filter {
      (try? UDTListener(host: $0, port: 0, library: library))?.close() != nil
    }
    #expect(hosts.contains("127.0.0.1"))
    for host in hosts {
      let listener = try UDTListener(host: host, port: 0, library: library)
      defer { listener.close() }
      let relay = Endpoint(host: host, port: listener.port).text
      let found = try doctor("--relay", relay)
      #expect(found.code == 0, "\(found.lines)")
      #expect(found.line("UDP").hasPrefix("UDP good: \(relay) answers as UDT 4, round trip "))
      #expect(found.line("UDT").hasPrefix("UDT neutral: packet size and window are agreed on when"))
      #expect(found.line("MTU").hasPrefix("MTU good: "))
      #expect(try listener.accept(timeout: 0) == nil)
    }
  }

  @Test(.enabled(if: TwoHosts.isPossible, "network namespaces need root"))
  func aRouterThatTakesOnlySmallPacketsIsFoundOut() throws {
    defer { folder.remove() }
    let hosts = try TwoHosts("doctor")
    defer { hosts.stop() }
    let server = try hosts.relayBehindARouter(
      packets: 1400, ["\(Programs.folder)/parcel-server", "--root", folder.path, "-p", "9000", "-i"])
    defer { server.stop() }
    let result = try Programs.run(
      "ip",
      [
        "netns", "exec", hosts.a, "\(Programs.folder)/parcel", "doctor", "--relay",
        "\(TwoHosts.addressBehind):9000",
      ], in: folder)
    #expect(result.out.contains("answers as UDT 4"), "\(result.out) \(result.err)")
    #expect(
      result.out.contains("a router on the way takes packets of 1,400 bytes at most"), "\(result.out)")
    #expect(result.out.contains("--mss 1400"), "\(result.out)")
  }

  @Test func aDeadUDPPortIsTrouble() throws {
    defer { folder.remove() }
    let socket = try #require(DatagramSocket())
    let silent = try doctor("--relay", "127.0.0.1:\(socket.port)")
    #expect(silent.code == 7)
    #expect(
      silent.line("UDP").hasPrefix("UDP trouble: no answer over UDP from 127.0.0.1:"), "\(silent.lines)")
    socket.close()
    let refused = try doctor("--relay", "127.0.0.1:\(socket.port)")
    #expect(refused.code == 7)
    #expect(refused.line("UDP").contains("nobody listens on UDP port \(socket.port)"), "\(refused.lines)")
    let both = try doctor("--relay", "127.0.0.1:\(socket.port)", "-d", "/proc")
    #expect(both.code == 1)
  }

  @Test func anInterruptEndsTheWait() throws {
    defer { folder.remove() }
    let socket = try #require(DatagramSocket())
    defer { socket.close() }
    let running = try Programs.start(
      "parcel", ["doctor", "--relay", "127.0.0.1:\(socket.port)"], in: folder)
    // Once its request is here it waits for the answer.
    #expect(socket.receive() == UDTHandshake.byteCount)
    running.signal(SIGINT)
    #expect(running.wait().code == -SIGINT)
  }

  @Test func withoutAURLThisMachineAndTheFolderAreChecked() throws {
    defer { folder.remove() }
    let good = try doctor()
    #expect(good.code == 0, "\(good.lines)")
    #expect(good.lines.count == 7)
    try folder.write("x", to: "file")
    #expect(try doctor("-d", "file").code == 6)
    #expect(try doctor("-d", "/proc").code == 6)
    let new = try doctor("-d", "new/below")
    #expect(new.code == 0)
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/new"))
    let wrong = try Programs.run("parcel", ["doctor", "ftp://x"], in: folder)
    #expect(wrong.code == 2)
    #expect(wrong.err.contains("http:// or https://"))
  }

  @Test func aFileWithTheIdDoctorCanStillBeFetched() throws {
    defer { folder.remove() }
    let nginx = try Nginx()
    defer { nginx.stop() }
    try makeFile("\(nginx.root.path)/doctor", bytes: 1000)
    for (name, arguments) in [
      ("one", ["-s", nginx.http, "-d", "one", "doctor"]),
      ("two", ["-s", nginx.http, "-d", "two", "--", "doctor"]),
    ] {
      #expect(try Programs.run("parcel", arguments, in: folder).code == 0)
      #expect(FileManager.default.fileExists(atPath: "\(folder.path)/\(name)/doctor"))
    }
  }
}

/// A UDP socket on loopback that never answers.
private struct DatagramSocket {
  let descriptor: Int32
  let port: Int

  init?() {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { return nil }
    port = Int(UInt16(bigEndian: address.sin_port))
  }

  /// Waits for a packet; its length.
  func receive() -> Int {
    var buffer = [UInt8](repeating: 0, count: 2048)
    return recv(descriptor, &buffer, buffer.count, 0)
  }

  func close() { Glibc.close(descriptor) }
}
