import Foundation
import ParcelTesting

/// Built programs, run as their users run them.
enum Programs {
  /// The folder of the build that these tests belong to.
  static let folder: String = {
    // Before the first program starts: none may touch the ledger of who runs these tests.
    _ = state
    return URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().path
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

  struct Result {
    var code: Int32
    var out: String
    var err: String
  }

  /// A program that runs, with its output going to files.
  final class Running {
    let process = Process()
    private let outPath: String
    private let errPath: String

    init(_ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil) throws {
      let tag = UUID().uuidString
      outPath = "\(folder.path)/out-\(tag)"
      errPath = "\(folder.path)/err-\(tag)"
      for path in [outPath, errPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
      process.executableURL = URL(fileURLWithPath: Programs.folder + "/" + name)
      process.arguments = arguments
      process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
      process.standardOutput = FileHandle(forWritingAtPath: outPath)
      process.standardError = FileHandle(forWritingAtPath: errPath)
      if let input {
        let pipe = Pipe()
        process.standardInput = pipe
        try process.run()
        pipe.fileHandleForWriting.write(Data(input.utf8))
        try pipe.fileHandleForWriting.close()
      } else {
        process.standardInput = FileHandle.nullDevice
        try process.run()
      }
    }

    /// What it has written to standard output so far.
    var output: String { (try? String(contentsOfFile: outPath, encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    func wait() -> Result {
      process.waitUntilExit()
      let text = { (path: String) in (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
      return Result(code: process.terminationStatus, out: text(outPath), err: text(errPath))
    }
  }

  static func run(
    _ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil
  ) throws -> Result { try Running(name, arguments, in: folder, input: input).wait() }
}

/// Waits for something another program does, looking every 20 ms, at most a minute: a limit, not a measurement.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<3000 {
    if try condition() { return true }
    usleep(20_000)
  }
  return false
}

/// The digest that a command of the system computes.
func digest(_ tool: String, _ path: String) throws -> String {
  let process = Process()
  let pipe = Pipe()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [tool, path]
  process.standardOutput = pipe
  try process.run()
  let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return String(output.prefix { $0 != " " })
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
  let running: Programs.Running
  /// What it said after "listening on ", the first line's.
  let address: String
  var pid: Int32 { running.process.processIdentifier }
  var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

  init(_ name: String, _ arguments: [String], in folder: TemporaryFolder) throws {
    running = try Programs.Running(name, arguments, in: folder)
    var found = ""
    let isReady = eventually { [running] in
      let line = running.output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
      found = line.map { String($0.dropFirst("listening on ".count)) } ?? ""
      return line != nil || !running.process.isRunning
    }
    guard isReady, !found.isEmpty else {
      running.signal(SIGKILL)
      let result = running.wait()
      throw FixtureError("\(name) \(arguments) did not start: \(result.out) \(result.err)")
    }
    address = found
  }

  func stop() {
    running.signal(SIGKILL)
    _ = running.wait()
  }
}
