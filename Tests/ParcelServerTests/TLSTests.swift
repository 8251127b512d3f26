import Foundation
import ParcelCore
import ParcelNet
import ParcelSystem
import ParcelTesting
import Synchronization
import Testing

@testable import ParcelServer

private let object = GeneratedContent.Item(path: "a.bam", size: 20_000_000, seed: 2)

/// Accepts one TLS connection; `stream` waits for it.
private final class OneConnection: Sendable {
  private let listener: TCPListener
  private let accepted = Mutex<TLSStream?>(nil)
  private let waiting = Countdown()
  var port: Int { listener.port }

  init(_ certificate: TLSCertificate, _ wrap: @escaping @Sendable (TCPStream) -> any ByteStream = { $0 })
    throws
  {
    listener = try TCPListener(host: "127.0.0.1", port: 0)
    waiting.enter()
    _ = listener.start { [weak self] tcp in
      self?.accepted.withLock { $0 = TLSStream(over: wrap(tcp), certificate) }
      self?.waiting.leave()
    }
  }

  deinit { listener.stop() }

  func stream() throws -> TLSStream {
    _ = waiting.wait(seconds: 60)
    let stream = try #require(accepted.withLock { $0 })
    try stream.handshake(timeout: 60)
    return stream
  }
}

/// Takes at most 700 bytes at a time, and every third time none.
private final class StingyStream: ByteStream {
  let stream: any ByteStream
  private let count = Mutex(0)
  var peer: String { stream.peer }
  init(_ stream: any ByteStream) { self.stream = stream }

  func read(into buffer: UnsafeMutableRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    try stream.read(
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, 333)]), timeout: timeout)
  }

  func write(some bytes: UnsafeRawBufferPointer, timeout: Double) throws(StreamEnd) -> Int {
    let turn = count.withLock { count in
      count += 1
      return count
    }
    if turn > 10, turn % 3 == 0 { throw .timeout }
    return try stream.write(
      some: UnsafeRawBufferPointer(rebasing: bytes[..<min(bytes.count, 700)]), timeout: timeout)
  }

  func endWriting() -> Bool { stream.endWriting() }
  func stopReading() { stream.stopReading() }
  func abort() { stream.abort() }
  func close() -> Bool { stream.close() }
}

extension TLSStream {
  fileprivate func read(atMost count: Int) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: count)
    let got = try buffer.withUnsafeMutableBytes { try read(into: $0, timeout: 60) }
    return Array(buffer[..<got])
  }
}

@Suite("TLS")
struct TLSTests {
  private let certificates: Certificates

  init() throws { certificates = try Certificates() }

  private func server(_ change: (inout ServerOptions) -> Void = { _ in }) throws -> FileServer {
    var options = ServerOptions()
    options.certificate = try certificates.loaded()
    change(&options)
    return try FileServer(GeneratedContent([object]), options)
  }

  @Test("curl that knows the CA gets objects and ranges with TLS 1.2 and 1.3", arguments: ["1.2", "1.3"])
  func curl(version: String) throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    #expect(server.url.hasPrefix("https://"))
    let out = TemporaryFolder()
    let common = [
      "-sf", "--cacert", certificates.authority, "--tlsv\(version)", "--tls-max", version, "-o",
      out.path + "/x", "-w", "%{http_version} %{http_code}",
    ]
    #expect(try run("curl", common + [server.url + "/a.bam"]).out == "1.1 200")
    let whole = try Data(contentsOf: URL(fileURLWithPath: out.path + "/x"))
    #expect(whole.elementsEqual(generated(seed: 2, 0..<object.size)))
    #expect(try run("curl", common + ["-r", "77-100076", server.url + "/a.bam"]).out == "1.1 206")
    let part = try Data(contentsOf: URL(fileURLWithPath: out.path + "/x"))
    #expect(part.elementsEqual(generated(seed: 2, 77..<100_077)))
  }

  @Test("A client that does not know the CA refuses, and the server goes on")
  func unknownAuthority() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    let other = try Certificates()
    let url = server.url + "/a.bam"
    #expect(try run("curl", ["-s", "--cacert", other.authority, url]).code == 60)
    #expect(try run("curl", ["-sf", "--cacert", certificates.authority, "-r", "0-0", url]).code == 0)
  }

  @Test("http/1.1 is agreed on; a client that only has others, or only TLS 1.1, is told so")
  func negotiation() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    func client(_ options: String) throws -> String {
      let command = "echo Q | openssl s_client -connect 127.0.0.1:\(server.port) \(options) 2>&1"
      return try run("sh", ["-c", command]).out
    }
    #expect(try client("-alpn h2,http/1.1").contains("ALPN protocol: http/1.1"))
    #expect(try client("-alpn h2").contains("no application protocol"))
    #expect(try client("-tls1_1 -cipher DEFAULT@SECLEVEL=0").contains("alert protocol version"))
  }

  @Test("Silence or words in clear instead of a handshake end the connection without an answer")
  func noHandshake() throws {
    let server = try server { $0.limits.headTimeout = 0.05 }
    defer { server.stop(deadline: 5) }
    #expect(try RawClient(port: server.port).isAtEnd())
    let clear = try RawClient(port: server.port)
    clear.get("/a.bam")
    #expect(clear.reply() == nil)
  }

  @Test("Random bytes, and handshakes that go wrong in the middle, hurt nobody else")
  func garbage() throws {
    let server = try server()
    defer { server.stop(deadline: 5) }
    var random = Seeded(11)
    // The first bytes of a record with a ClientHello, so that some of it is looked at.
    let hello: [UInt8] = [0x16, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3]
    for turn in 0..<300 {
      let stream = try RawClient(port: server.port)
      let bytes = (0..<random.next(200)).map { _ in UInt8(random.next(256)) }
      stream.send((turn % 2 == 0 ? Array(hello.prefix(random.next(12))) : []) + bytes)
    }
    let url = server.url + "/a.bam"
    #expect(try run("curl", ["-sf", "--cacert", certificates.authority, "-r", "0-0", url]).code == 0)
  }

  @Test("A close_notify is an end; a connection cut without it is broken")
  func truncation() throws {
    let certificate = try certificates.loaded()
    for isOrderly in [true, false] {
      let one = try OneConnection(certificate)
      let (near, far) = try socketPair()
      let client = try RunningProgram(
        "openssl", ["s_client", "-verify_quiet", "-connect", "127.0.0.1:\(one.port)"],
        descriptors: [(far, 0)])
      close(far)
      defer { close(near) }
      let stream = try one.stream()
      #expect(write(near, "hello\n", 6) == 6)
      #expect(try stream.read(atMost: 100) == Array("hello\n".utf8))
      if isOrderly {
        shutdown(near, Int32(SHUT_WR))
        #expect(try stream.read(atMost: 100).isEmpty)
        #expect(stream.close())
      } else {
        client.signal(SIGKILL)
        #expect {
          try stream.read(atMost: 100)
        } throws: { error in
          if case .broken = error as? StreamEnd { return true }
          return false
        }
        stream.close()
      }
    }
  }

  @Test("An answer that is broken off does not look complete to the client")
  func cutAnswer() throws {
    let server = try server { $0.connectionRate = 100_000 }
    let client = try RunningProgram(
      "curl", ["-sN", "--cacert", certificates.authority, server.url + "/a.bam"])
    #expect(eventually { !client.out.isEmpty })
    #expect(!server.stop(deadline: 0))
    #expect(client.wait().code > 0)
  }

  @Test("One thread reads while another writes, over a stream that takes little and often nothing")
  func bothWays() throws {
    let one = try OneConnection(try certificates.loaded()) { StingyStream($0) }
    let folder = TemporaryFolder()
    try folder.write("up", generated(seed: 5, 0..<1_000_000))
    let command =
      "openssl s_client -quiet -nocommands -connect 127.0.0.1:\(one.port) < \(folder.path)/up > \(folder.path)/down"
    let client = try RunningProgram("sh", ["-c", command])
    let stream = try one.stream()
    let (written, read) = (Countdown(), Countdown())
    written.enter()
    read.enter()
    let down = generated(seed: 6, 0..<1_000_000)
    let timeouts = Mutex(0)
    _ = ServiceThread.start {
      var done = 0
      down.withUnsafeBytes { bytes in
        while done < bytes.count {
          do throws(StreamEnd) {
            let rest = bytes[done..<min(bytes.count, done + 100_000)]
            done += try stream.write(some: UnsafeRawBufferPointer(rebasing: rest), timeout: 60)
          } catch .timeout { timeouts.withLock { $0 += 1 } } catch { break }
        }
      }
      // `s_client` ends as soon as it hears the end, whatever it has still to send.
      _ = read.wait(seconds: 60)
      // What the last call left over goes out with the end.
      while !stream.endWriting(),
        timeouts.withLock({
          $0 += 1
          return $0 < 100_000
        })
      {}
      written.leave()
    }
    var up: [UInt8] = []
    while up.count < 1_000_000 {
      let some = try stream.read(atMost: 5000)
      guard !some.isEmpty else { break }
      up += some
    }
    read.leave()
    #expect(up.elementsEqual(generated(seed: 5, 0..<1_000_000)), "\(up.count) bytes came")
    #expect(written.wait(seconds: 60))
    _ = client.wait()
    stream.close()
    #expect(timeouts.withLock { $0 } > 0)
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/down")).elementsEqual(down))
  }

  @Test("Another certificate is used from reload on, and a broken one is not")
  func reload() throws {
    let certificate = try certificates.loaded()
    let server = try server { $0.certificate = certificate }
    defer { server.stop(deadline: 5) }
    let other = try Certificates()
    func status(_ authority: String) throws -> Int32 {
      try run("curl", ["-sf", "--cacert", authority, "-r", "0-0", server.url + "/a.bam"]).code
    }
    for name in ["server.pem", "server.key"] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: other.folder.path + "/" + name))
      try certificates.folder.write(name, [UInt8](bytes))
    }
    #expect(try status(other.authority) == 60)
    try certificate.reload()
    #expect(try status(other.authority) == 0 && status(certificates.authority) == 60)
    try certificates.folder.write("server.key", Array("nothing".utf8))
    #expect(throws: Failure.self) { try certificate.reload() }
    #expect(try status(other.authority) == 0)
  }

  @Test("Files that are missing or do not belong together are a failure with their names")
  func wrongFiles() throws {
    let other = try Certificates()
    for (certificate, key) in [(certificates.certificate, other.key), ("/nonexistent/c", other.key)] {
      #expect {
        try TLSCertificate(certificate: certificate, key: key)
      } throws: { error in
        guard let failure = error as? Failure else { return false }
        return failure.code == .tls && failure.sentence.contains(certificate)
          && failure.sentence.contains(key)
      }
    }
  }
}
