import Foundation
import ParcelCore
import ParcelNet
import ParcelSystem
import ParcelTesting
import ParcelUDT
import Synchronization

@testable import ParcelServer

/// libudt for all tests of the process, let go of before it ends.
enum SharedUDT {
  private static let kept = Mutex<UDTLibrary?>(nil)

  static func library() throws -> UDTLibrary {
    try kept.withLock { kept in
      if let kept { return kept }
      let library = try UDTLibrary()
      kept = library
      atexit { SharedUDT.letGo() }
      return library
    }
  }

  private static func letGo() { kept.withLock { $0 = nil } }

  static func client(port: Int) throws -> RawClient {
    RawClient(try UDTStream.connect(host: "127.0.0.1", port: port, library: library()))
  }
}

/// The built parcel-server, running; ends with the value.
final class ServerProgram {
  let port: Int
  /// The first line it said.
  let line: String
  let program: RunningProgram

  /// Any free port unless the arguments say one.
  init(_ arguments: [String]) throws {
    let port = arguments.contains("-p") ? [] : ["-p", "0"]
    program = try RunningProgram("parcel-server", arguments + port)
    line = try program.line()
    guard let port = line.split(separator: ":").last.flatMap({ Int($0) }) else {
      throw FixtureError("no port in '\(line)'")
    }
    self.port = port
  }

  /// SIGTERM; the exit status.
  func stop() -> Int32 {
    program.signal(SIGTERM)
    return program.wait().code
  }
}

/// A CA of the test's own, and a certificate for localhost that it signed.
final class Certificates {
  let folder = TemporaryFolder()
  var authority: String { folder.path + "/ca.pem" }
  var certificate: String { folder.path + "/server.pem" }
  var key: String { folder.path + "/server.key" }

  init() throws {
    let path = folder.path
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    try folder.write("names", Array("subjectAltName=DNS:localhost,IP:127.0.0.1\n".utf8))
    let commands = [
      ["req", "-x509"] + curve
        + [
          "-keyout", path + "/ca.key", "-out", authority, "-days", "2", "-subj", "/CN=test CA", "-addext",
          "basicConstraints=critical,CA:TRUE",
        ],
      ["req"] + curve + ["-keyout", key, "-out", path + "/csr", "-subj", "/CN=localhost"],
      [
        "x509", "-req", "-in", path + "/csr", "-CA", authority, "-CAkey", path + "/ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", path + "/names", "-out", certificate,
      ],
    ]
    for command in commands {
      try Spawn.run(["openssl"] + command)
    }
  }

  func loaded() throws -> TLSCertificate { try TLSCertificate(certificate: certificate, key: key) }
}

/// Carries TCP connections to a UDT port, so that ordinary clients reach it.
final class Bridge: Sendable {
  private let listener: TCPListener
  var port: Int { listener.port }

  init(toUDT port: Int) throws {
    let library = try SharedUDT.library()
    listener = try TCPListener(host: "127.0.0.1", port: 0)
    _ = listener.start { tcp in
      _ = ServiceThread.start {
        guard let udt = try? UDTStream.connect(host: "127.0.0.1", port: port, library: library) else {
          tcp.abort()
          tcp.close()
          return
        }
        let both = Countdown()
        both.enter()
        _ = ServiceThread.start {
          Self.copy(tcp, udt)
          udt.stopReading()
          both.leave()
        }
        if Self.copy(udt, tcp) { _ = tcp.endWriting() } else { tcp.abort() }
        tcp.stopReading()
        _ = both.wait(seconds: 60)
        udt.close()
        tcp.close()
      }
    }
  }

  func stop() { listener.stop() }

  /// True when `from` came to its end.
  @discardableResult private static func copy(_ from: any ByteStream, _ to: any ByteStream) -> Bool {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    while true {
      do {
        let count = try from.read(into: buffer, timeout: 60)
        if count == 0 { return true }
        try to.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), timeout: 60)
      } catch { return false }
    }
  }
}
