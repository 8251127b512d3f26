import Glibc
import ParcelCore
import ParcelTesting

/// A built program that runs, its output going to files.
final class Program {
  let pid: pid_t
  private let folder: TemporaryFolder
  private var status: Int32?

  /// The folder of the build that these tests belong to.
  private static let products: String = {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, 4095)
    let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }()

  init(_ name: String, _ arguments: [String], descriptors: [(from: Int32, to: Int32)] = []) throws {
    folder = try TemporaryFolder()
    let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
    let out = open("\(folder.path)/out", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    let err = open("\(folder.path)/err", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer { for file in [null, out, err] { close(file) } }
    let path = name.hasPrefix("parcel") ? Self.products + "/" + name : name
    pid = try Spawn.start([path] + arguments, descriptors: [(null, 0), (out, 1), (err, 2)] + descriptors)
  }

  deinit {
    if status == nil {
      kill(pid, SIGKILL)
      _ = wait()
    }
    folder.remove()
  }

  var out: String { text("out") }
  var err: String { text("err") }

  private func text(_ name: String) -> String {
    guard let file = fopen("\(folder.path)/\(name)", "r") else { return "" }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&buffer, 1, buffer.count, file)
    return String(decoding: buffer[..<count], as: UTF8.self)
  }

  func signal(_ number: Int32) { kill(pid, number) }

  /// What it exited with; of one that a signal ended, the signal's number, negative.
  func wait() -> Int32 {
    if let status { return status }
    var raw: Int32 = 0
    while waitpid(pid, &raw, 0) == -1, errno == EINTR {}
    let result = raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
    status = result
    return result
  }

  /// The port that it says it listens on, once it does.
  func port(after words: String = "listening on") throws -> Int {
    var port: Int?
    _ = eventually {
      let line = out.split(separator: "\n").first { $0.hasPrefix(words) }
      port = line.flatMap { line in
        Int(line[line.index(after: line.lastIndex { $0 == ":" || $0 == " " } ?? line.startIndex)...])
      }
      return port != nil || kill(pid, 0) != 0
    }
    guard let port else { throw FixtureError("it does not listen: \(out) \(err)") }
    return port
  }
}

/// TCP in, UDT between, TCP out, as users run it.
struct Chain {
  let server: TestServer
  let outer: Program
  let inner: Program
  let port: Int

  init(_ server: TestServer, inner innerOptions: [String] = [], outer outerOptions: [String] = []) throws {
    self.server = server
    outer = try Program(
      "parcel-udt2tcp", ["127.0.0.1:\(server.port)", "-p", "0", "-i", "127.0.0.1", "-v"] + outerOptions)
    inner = try Program(
      "parcel-tcp2udt", ["127.0.0.1:\(outer.port())", "-p", "0", "-v"] + innerOptions)
    port = try inner.port()
  }
}
