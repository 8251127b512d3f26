import Foundation
import ParcelTesting

/// Built programs, run as their users run them.
enum Programs {
  /// The folder of the build that these tests belong to.
  static let folder: String = {
    // Before the first program starts: none may touch the ledger of who runs these tests.
    _ = state
    return RunningProgram.products
  }()

  /// The state folder of every program that is started here, removed at the end.
  static let state: String = {
    let path = (try? TemporaryFolder("parcel-state"))?.path ?? "/nonexistent"
    setenv("XDG_STATE_HOME", path, 1)
    atexit { TemporaryFolder(existing: Programs.state).remove() }
    return path
  }()

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

  static func start(
    _ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil,
    environment: [String] = []
  ) throws -> RunningProgram {
    _ = state
    return try RunningProgram(name, arguments, in: folder, input: input, environment: environment)
  }

  static func run(
    _ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil,
    environment: [String] = []
  ) throws -> RunningProgram.Result {
    try start(name, arguments, in: folder, input: input, environment: environment).wait()
  }
}

/// The digest that a command of the system computes.
func digest(_ tool: String, _ path: String) throws -> String {
  try String(Spawn.output(of: [tool, path]).prefix { $0 != " " })
}

/// A file of `bytes` bytes that differ everywhere.
func makeFile(_ path: String, bytes: Int) throws {
  var random = SystemRandomNumberGenerator()
  _ = FileManager.default.createFile(atPath: path, contents: nil)
  let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
  var rest = bytes
  while rest > 0 {
    let words = (0..<8192).map { _ in random.next() as UInt64 }
    let data = words.withUnsafeBytes { Data($0.prefix(rest)) }
    try file.write(contentsOf: data)
    rest -= data.count
  }
  try file.close()
}

/// A program that says "listening on …" when it is ready.
final class Service {
  let running: RunningProgram
  /// What it said after "listening on ", the first line's.
  let address: String
  var pid: Int32 { running.pid }
  var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

  /// parcel-server takes any free port unless the arguments say one.
  init(_ name: String, _ arguments: [String], in folder: TemporaryFolder) throws {
    let isFree = name == "parcel-server" && !arguments.contains("-p")
    running = try Programs.start(name, arguments + (isFree ? ["-p", "0"] : []), in: folder)
    address = try running.line(after: "listening on ")
  }

  func stop() { running.stop() }
}
