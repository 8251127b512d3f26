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
    /// What it exited with; of one that a signal ended, the signal's number, negative.
    var code: Int32
    var out: String
    var err: String
  }

  /// A program that runs, with its output going to files.
  final class Running {
    let pid: pid_t
    private let outPath: String
    private let errPath: String
    private var status: Int32?

    /// Starts one of ours, or another that PATH leads to. Not through Foundation: it waits until every process that inherited its
    /// line has ended, the Swift runtime's tool for backtraces too, which can hang.
    init(
      _ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil,
      environment: [String] = []
    ) throws {
      let tag = UUID().uuidString
      outPath = "\(folder.path)/out-\(tag)"
      errPath = "\(folder.path)/err-\(tag)"
      let inPath = input == nil ? "/dev/null" : "\(folder.path)/in-\(tag)"
      if let input { try Data(input.utf8).write(to: URL(fileURLWithPath: inPath)) }
      let descriptors = [
        open(inPath, O_RDONLY | O_CLOEXEC),
        open(outPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
        open(errPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
      ]
      defer { for descriptor in descriptors { close(descriptor) } }
      let path = name.hasPrefix("parcel") ? Programs.folder + "/" + name : name
      // `env` changes the folder (the call for it in the C library is not visible to Swift) and becomes the program.
      pid = try Spawn.start(
        ["env", "-C", folder.path, path] + arguments, environment: environment,
        descriptors: descriptors.enumerated().map { ($1, Int32($0)) })
    }

    deinit {
      guard isRunning else { return }
      signal(SIGKILL)
      _ = wait()
    }

    var isRunning: Bool {
      look()
      return status == nil
    }

    /// What it has written to standard output so far.
    var output: String { (try? String(contentsOfFile: outPath, encoding: .utf8)) ?? "" }

    func signal(_ number: Int32) { if status == nil { kill(pid, number) } }

    /// Waits for its end, at most ten minutes: then it is killed, and the code is that.
    func wait() -> Result {
      for _ in 0..<60_000 where isRunning { usleep(10_000) }
      if isRunning {
        signal(SIGKILL)
        for _ in 0..<1000 where isRunning { usleep(10_000) }
      }
      let text = { (path: String) in (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
      return Result(code: status ?? .min, out: text(outPath), err: text(errPath))
    }

    private func look() {
      var raw: Int32 = 0
      guard status == nil, waitpid(pid, &raw, WNOHANG) == pid else { return }
      status = raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
    }
  }

  static func run(
    _ name: String, _ arguments: [String], in folder: TemporaryFolder, input: String? = nil,
    environment: [String] = []
  ) throws -> Result {
    try Running(name, arguments, in: folder, input: input, environment: environment).wait()
  }
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
  let running: Programs.Running
  /// What it said after "listening on ", the first line's.
  let address: String
  var pid: Int32 { running.pid }
  var port: Int { Int(address.split(separator: ":").last ?? "") ?? 0 }

  init(_ name: String, _ arguments: [String], in folder: TemporaryFolder) throws {
    running = try Programs.Running(name, arguments, in: folder)
    var found = ""
    let isReady = eventually { [running] in
      let line = running.output.split(separator: "\n").first { $0.hasPrefix("listening on ") }
      found = line.map { String($0.dropFirst("listening on ".count)) } ?? ""
      return line != nil || !running.isRunning
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
