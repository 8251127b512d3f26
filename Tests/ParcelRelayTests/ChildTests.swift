import Glibc
import ParcelCore
import ParcelNet
import ParcelTesting
import Testing

/// `parcel-tcp2udt` as a client's child: its control socket and the path of its listener are the test's.
private final class Child {
  let program: RunningProgram
  let control: Int32
  let path: String
  private let folder: TemporaryFolder
  private var text: [UInt8] = []
  private(set) var reports: [RelayReport] = []

  init(_ target: String) throws {
    folder = try TemporaryFolder()
    path = "\(folder.path)/relay"
    let listening = try Self.listen(path)
    let (near, far) = try socketPair()
    // Out of the way of the numbers that the program gets.
    let high = [listening, far].map { fcntl($0, F_DUPFD_CLOEXEC, 100) }
    defer { for descriptor in high + [listening, far] { close(descriptor) } }
    control = near
    program = try RunningProgram(
      "parcel-tcp2udt", [target, "--listen-fd", "7", "--control-fd", "8"],
      descriptors: [(high[0], 7), (high[1], 8)])
  }

  deinit {
    close(control)
    folder.remove()
  }

  private static func address(_ path: String) -> sockaddr_un {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return address
  }

  private static func call(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: address(path)) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  private static func listen(_ path: String) throws -> Int32 {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard call(path, { bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 64) == 0 else {
      throw FixtureError("listen: \(errno)")
    }
    return socket
  }

  func connect() throws -> TCPStream {
    let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard Self.call(path, { Glibc.connect(socket, $0, $1) }) == 0 else {
      throw FixtureError("connect: \(errno)")
    }
    return TCPStream(socket: socket, peer: "relay")
  }

  /// Reads reports until one is as wanted, for a minute at most.
  func next(_ wanted: (RelayReport) -> Bool) -> Bool {
    eventually {
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = recv(control, &buffer, buffer.count, Int32(MSG_DONTWAIT))
      if count > 0 { text += buffer[..<count] }
      while let end = text.firstIndex(of: 10) {
        if let report = RelayReport(line: String(decoding: text[..<end], as: UTF8.self)) {
          reports.append(report)
        }
        text.removeSubrange(...end)
      }
      return reports.contains(where: wanted)
    }
  }

  func stop() {
    let line = Array(#"{"type":"stop"}"#.utf8) + [10]
    _ = send(control, line, line.count, Int32(MSG_NOSIGNAL))
  }

  func hangUp() { shutdown(control, Int32(SHUT_RDWR)) }
}

@Suite(.serialized) struct ChildTests {
  private func far() throws -> (TestServer, RunningProgram, String) {
    let server = try TestServer.echo()
    let program = try RunningProgram(
      "parcel-udt2tcp", ["127.0.0.1:\(server.port)", "-p", "0", "-i", "127.0.0.1"])
    return (server, program, "127.0.0.1:\(try program.port())")
  }

  @Test func itReportsWhatItDoesAndStopsWhenTold() throws {
    let (server, program, target) = try far()
    defer { server.stop() }
    let child = try Child(target)
    #expect(child.next { if case .ready = $0 { true } else { false } })
    let client = try child.connect()
    let bytes = pattern(4 << 20)
    let writer = Thread { try? client.write(bytes) }
    #expect(try client.read(exactly: bytes.count) == bytes)
    writer.join()
    #expect(child.next { if case .connected(let seconds) = $0 { seconds > 0 } else { false } })
    #expect(child.next { if case .path = $0 { true } else { false } })
    client.close()
    child.stop()
    #expect(child.program.wait().code == 0)
    _ = program
  }

  @Test func itSaysWhenNobodyAnswersAtAll() throws {
    let child = try Child("127.0.0.1:9")
    let client = try child.connect()
    #expect(child.next { if case .refused(_, let isSilent) = $0 { isSilent } else { false } })
    #expect(((try? client.readAll()) ?? []).isEmpty)
    client.close()
  }

  @Test func itEndsWithItsParent() throws {
    let (server, program, target) = try far()
    defer { server.stop() }
    let child = try Child(target)
    let client = try child.connect()
    try client.write([1])
    #expect(try client.read(exactly: 1) == [1])
    child.hangUp()
    #expect(child.program.wait().code == 0)
    client.close()
    _ = program
  }

  @Test func theTerminalsKeysDoNotReachIt() throws {
    let (server, program, target) = try far()
    defer { server.stop() }
    let child = try Child(target)
    #expect(child.next { if case .ready = $0 { true } else { false } })
    for number in [SIGINT, SIGQUIT, SIGHUP, SIGTSTP] { child.program.signal(number) }
    let client = try child.connect()
    try client.write([1])
    #expect(try client.read(exactly: 1) == [1])
    client.close()
    child.stop()
    #expect(child.program.wait().code == 0)
    _ = program
  }

  @Test func aParentThatDoesNotReadDelaysNothing() throws {
    let (server, program, target) = try far()
    defer { server.stop() }
    let child = try Child(target)
    // The smallest buffer there is, full after some reports.
    var size: Int32 = 1
    setsockopt(child.control, SOL_SOCKET, SO_RCVBUF, &size, 4)
    for _ in 0..<100 {
      let client = try child.connect()
      try client.write([1])
      #expect(try client.read(exactly: 1) == [1])
      // Without waiting for the other side's end.
      client.abort()
      client.close()
    }
    #expect(child.next { if case .ready = $0 { true } else { false } })
    child.stop()
    #expect(child.program.wait().code == 0)
    _ = program
  }
}
