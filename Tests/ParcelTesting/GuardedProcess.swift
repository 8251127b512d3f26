import Glibc

/// A program that never outlives the test run: a small shell holds a line to this process, and when the line closes (by
/// `stop`, or because this process died, however) it kills the program and the processes of its group.
package final class GuardedProcess: Sendable {
  private let shell: pid_t
  private let leash: Int32

  /// Starts `arguments` (the first is the program, found through PATH). `inherited` descriptors get the numbers 3, 4, … (at most 6)
  /// in the program. `cleanUp` is shell text that runs after the program's end, e.g. `rm -rf FOLDER`.
  package init(
    _ arguments: [String], environment: [String] = [], inherited: [Int32] = [], cleanUp: String = ":"
  ) throws {
    let (far, near) = try socketPair()
    // Sessions of their own: an interrupt from the terminal reaches neither the shell nor the program.
    let script = """
      exec 9<&0 </dev/null
      setsid "$@" 9<&- & pid=$!
      \(inherited.indices.map { "exec \(3 + $0)<&-" }.joined(separator: "; "))
      read _ <&9
      kill -s KILL -- -$pid 2>/dev/null
      wait $pid 2>/dev/null
      \(cleanUp)
      """
    var descriptors: [(from: Int32, to: Int32)] = [(far, 0)]
    // Out of the way first: one of them may have a number that another is to get.
    let copies = inherited.map { fcntl($0, F_DUPFD_CLOEXEC, 100) }
    defer { for descriptor in copies + [far] { close(descriptor) } }
    for (i, copy) in copies.enumerated() { descriptors.append((copy, Int32(3 + i))) }
    shell = try Spawn.start(
      ["setsid", "sh", "-c", script, "sh"] + arguments, environment: environment, descriptors: descriptors)
    leash = near
  }

  /// Kills the program, runs the clean-up and waits for both. Once.
  package func stop() {
    close(leash)
    var status: Int32 = 0
    while waitpid(shell, &status, 0) == -1, errno == EINTR {}
  }
}

package struct FixtureError: Error, CustomStringConvertible {
  package var description: String
  package init(_ description: String) { self.description = description }
}

/// Starting programs without Foundation.
package enum Spawn {
  /// Starts a program found through PATH; `environment` is added to ours. Descriptors are put in place in order.
  package static func start(
    _ arguments: [String], environment: [String] = [], descriptors: [(from: Int32, to: Int32)] = []
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (from, to) in descriptors { posix_spawn_file_actions_adddup2(&actions, from, to) }

    let names = environment.map { $0.prefix { $0 != "=" } + "=" }
    let ours = currentEnvironment().filter { entry in !names.contains { entry.hasPrefix($0) } }
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = (ours + environment).map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid = pid_t()
    // Swift's own threads block signals; a shell that inherits that waits for SIGCHLD for ever.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let result = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    guard result == 0 else {
      throw FixtureError("\(arguments[0]) cannot be started: \(String(cString: strerror(result)))")
    }
    return pid
  }

  /// Runs a program to its end; throws when it does not exit with 0. Its output is dropped.
  package static func run(_ arguments: [String]) throws {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    try finish(start(arguments, descriptors: [(null, 0), (null, 1), (null, 2)]), arguments)
  }

  /// What a program writes to standard output until it ends; throws when it does not exit with 0.
  package static func output(of arguments: [String]) throws -> String {
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    let (near, far) = try socketPair()
    defer { close(near) }
    let pid: pid_t
    do {
      defer { close(far) }
      pid = try start(arguments, descriptors: [(null, 0), (far, 1), (null, 2)])
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(near, &buffer, buffer.count)
      guard count > 0 || count == -1 && errno == EINTR else { break }
      if count > 0 { bytes += buffer[..<count] }
    }
    try finish(pid, arguments)
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func finish(_ pid: pid_t, _ arguments: [String]) throws {
    var status: Int32 = 0
    while waitpid(pid, &status, 0) == -1 {
      guard errno == EINTR else { throw FixtureError("waitpid: \(errno)") }
    }
    guard status == 0 else { throw FixtureError("\(arguments.joined(separator: " ")): status \(status)") }
  }

  private static func currentEnvironment() -> [String] {
    var result: [String] = []
    var entry = environ
    while let text = entry.pointee {
      result.append(String(cString: text))
      entry += 1
    }
    return result
  }
}
