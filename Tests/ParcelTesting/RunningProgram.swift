import Glibc
import Synchronization

/// A program that a test runs, its output going to files; it ends with the value at the latest. Not through Foundation, which waits
/// until every process that inherited its line has ended: the Swift runtime's tool for backtraces too, which can hang.
package final class RunningProgram: Sendable {
  package struct Result: Sendable {
    /// What it exited with; of one that a signal ended, the signal's number, negative.
    package var code: Int32
    package var out: String
    package var err: String
  }

  /// The folder of the build that these tests belong to.
  package static let products: String = {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
    let path = String(decoding: buffer[..<count], as: UTF8.self)
    return String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
  }()
  private static let started = Atomic<Int>(0)

  package let pid: pid_t
  /// A folder of its own, which goes with it; nil when its output is in the test's.
  private let own: TemporaryFolder?
  private let outPath: String
  private let errPath: String
  private let code = Mutex<Int32?>(nil)

  /// Starts `name`: a program of this build if there is one, else what PATH leads to. In `folder` it works and leaves its input and
  /// output; without, it works where the tests do. `descriptors` are put in place in order, after the three of every program.
  package init(
    _ name: String, _ arguments: [String] = [], in folder: TemporaryFolder? = nil, input: String? = nil,
    environment: [String] = [], descriptors: [(from: Int32, to: Int32)] = []
  ) throws {
    own = try folder == nil ? TemporaryFolder() : nil
    let files = folder ?? own!
    let number = Self.started.add(1, ordering: .relaxed).newValue
    (outPath, errPath) = ("\(files.path)/out-\(number)", "\(files.path)/err-\(number)")
    if let input { try files.write(input, to: "in-\(number)") }
    let standard = [
      open(input == nil ? "/dev/null" : "\(files.path)/in-\(number)", O_RDONLY | O_CLOEXEC),
      open(outPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
      open(errPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600),
    ]
    defer { for descriptor in standard { close(descriptor) } }
    let built = "\(Self.products)/\(name)"
    let path = access(built, X_OK) == 0 ? built : name
    // `env` changes the folder (the call for it in the C library is not visible to Swift) and becomes the program.
    pid = try Spawn.start(
      (folder.map { ["env", "-C", $0.path] } ?? []) + [path] + arguments, environment: environment,
      descriptors: standard.enumerated().map { ($1, Int32($0)) } + descriptors)
  }

  deinit {
    stop()
    own?.remove()
  }

  /// What it has written to standard output, and to standard error, so far.
  package var out: String { text(outPath) }
  package var err: String { text(errPath) }

  package var isRunning: Bool {
    code.withLock { code in
      var raw: Int32 = 0
      guard code == nil, waitpid(pid, &raw, WNOHANG) == pid else { return code == nil }
      code = raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
      return false
    }
  }

  package func signal(_ number: Int32) { code.withLock { if $0 == nil { kill(pid, number) } } }

  /// Kills it if it still runs.
  package func stop() {
    signal(SIGKILL)
    _ = wait()
  }

  /// Waits for its end, at most ten minutes: then it is killed, and the code is that.
  package func wait() -> Result {
    for _ in 0..<60_000 where isRunning { usleep(10_000) }
    if isRunning {
      signal(SIGKILL)
      for _ in 0..<1000 where isRunning { usleep(10_000) }
    }
    return Result(code: code.withLock { $0 } ?? .min, out: out, err: err)
  }

  /// The line with that number, from 0, of those on standard output that begin with `prefix`; without the prefix. Waits for it.
  package func line(_ number: Int = 0, after prefix: String = "") throws -> String {
    var found: String?
    func look() -> Bool {
      // What follows the last line's end is not yet a line.
      let lines = out.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      let meant = lines.filter { $0.hasPrefix(prefix) }
      if meant.indices.contains(number) { found = String(meant[number].dropFirst(prefix.count)) }
      return found != nil
    }
    // Once more after its end: the last words may have come between.
    _ = eventually { look() || !isRunning && (look() || true) }
    guard let found else { throw FixtureError("no line '\(prefix)…' came: \(out) \(err)") }
    return found
  }

  private func text(_ path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Waits for something that threads or programs do, looking every 5 ms, at most a minute: a limit, not a measurement.
package func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<12_000 {
    if try condition() { return true }
    usleep(5_000)
  }
  return false
}

/// Two ends of a line, both ways. Closed on exec from their birth, so that no other child keeps them open: pipe2 would be the
/// usual call, and is not there.
package func socketPair() throws -> (Int32, Int32) {
  var ends: [Int32] = [0, 0]
  let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw FixtureError("socketpair: \(errno)") }
  return (ends[0], ends[1])
}
