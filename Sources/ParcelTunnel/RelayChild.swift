import CLinux
import Glibc
import ParcelCore
import ParcelSystem

/// A running relay program. Used on the tunnel's thread only, which calls `collect` exactly once.
final class RelayChild {
  private static let listenNumber: Int32 = 3
  private static let controlNumber: Int32 = 4
  /// Copies of descriptors get numbers from here on, out of the way of those that the program is to get.
  private static let copyBase: Int32 = 10
  /// Thousandths of a second that a program may take to go after it has closed its control socket.
  private static let farewell = 1000

  let control: Int32
  /// The program's error output; nil when nobody wants it.
  private(set) var errors: Int32?
  private let pid: pid_t

  /// Starts `program RELAY --listen-fd 3 --control-fd 4`. It gets /dev/null for its input and output, its error output
  /// goes to `errors` when `wantsErrors`, and nothing else of ours: no other descriptor, no environment that it does not
  /// need, no blocked signal, and not the terminal's process group, so that Ctrl-C is this program's to handle.
  init(program: String, relay: Endpoint, listener: Int32, wantsErrors: Bool) throws(Failure) {
    func failure(_ error: Errno) -> Failure {
      switch error.code {
      case ENOENT, EACCES, ENOEXEC, ENOTDIR: RelayProgram.missing(error.message, path: program)
      default:
        Failure(
          .proxy, retry: .later(after: nil),
          "Could not start '\(Printable.text(program))', which carries UDT: \(error.message).")
      }
    }
    do throws(Errno) {
      let pair = try SocketPair()
      defer { close(pair.theirs) }
      var log: SocketPair?
      do throws(Errno) {
        log = wantsErrors ? try SocketPair() : nil
        defer { if let log { close(log.theirs) } }
        pid = try Self.spawn(
          [
            program, relay.text, "--listen-fd", "\(Self.listenNumber)", "--control-fd",
            "\(Self.controlNumber)",
          ],
          listener: listener, control: pair.theirs, errors: log?.theirs)
      } catch {
        close(pair.ours)
        if let log { close(log.ours) }
        throw error
      }
      control = pair.ours
      errors = log?.ours
    } catch {
      throw failure(error)
    }
  }

  /// The order to end.
  func askToStop() {
    var order = JSONObject()
    order.add("type", "stop")
    SocketPair.send(order.closed + "\n", to: control)
  }

  func kill() { _ = Glibc.kill(pid, SIGKILL) }

  func closeErrors() {
    if let errors { close(errors) }
    errors = nil
  }

  /// Waits for the end of a program that has closed its control socket, kills it when it does not go, and frees what it
  /// held: no zombie is left.
  func collect() -> ProgramEnd {
    defer {
      close(control)
      closeErrors()
    }
    var status: Int32 = 0
    var patience = Self.farewell
    while patience > 0 {
      let result = waitpid(pid, &status, WNOHANG)
      if result == pid { return Self.end(status) }
      if result < 0, errno != EINTR { return .unknown }
      usleep(5000)
      patience -= 5
    }
    kill()
    while waitpid(pid, &status, 0) < 0 { if errno != EINTR { return .unknown } }
    return Self.end(status)
  }

  private static func end(_ status: Int32) -> ProgramEnd {
    status & 0x7F == 0 ? .status(Int(status >> 8 & 0xFF)) : .signal(Int(status & 0x7F))
  }

  // MARK: Starting

  private static func spawn(
    _ arguments: [String], listener: Int32, control: Int32, errors: Int32?
  ) throws(Errno) -> pid_t {
    var wanted: [(from: Int32, to: Int32)] = [(listener, listenNumber), (control, controlNumber)]
    if let errors { wanted.append((errors, 2)) }
    var copies: [Int32] = []
    defer { for copy in copies { close(copy) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    if errors == nil { posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) }
    for (from, to) in wanted {
      let copy = fcntl(from, F_DUPFD_CLOEXEC, copyBase)
      guard copy >= 0 else { throw .last }
      copies.append(copy)
      posix_spawn_file_actions_adddup2(&actions, copy, to)
    }
    cl_spawn_close_from(&actions, controlNumber + 1)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = environment().map { strdup($0) } + [nil]
    defer { for pointer in argv + envp { free(pointer) } }
    var pid = pid_t()
    let result = posix_spawn(&pid, arguments[0], &actions, &attributes, &argv, &envp)
    guard result == 0 else { throw Errno(code: result) }
    return pid
  }

  /// What a program needs to run and to look up names. It faces the internet: tokens and the like, which people put into
  /// variables, are none of its business.
  private static func environment() -> [String] {
    let names = ["PATH", "TMPDIR", "TZ", "LANG", "LD_LIBRARY_PATH", "LOCALDOMAIN", "RES_OPTIONS"]
    let families = ["LC_", "ASAN_", "TSAN_", "LSAN_", "UBSAN_", "LLVM_PROFILE_"]
    // Swift's own crash report would keep connections open for as long as it takes, and end the program with a status in
    // place of its signal.
    var result = ["SWIFT_BACKTRACE=enable=no"]
    var entry = environ
    while let text = entry.pointee {
      let variable = String(cString: text)
      let name = String(variable.prefix { $0 != "=" })
      if names.contains(name) || families.contains(where: { name.hasPrefix($0) }) { result.append(variable) }
      entry += 1
    }
    return result
  }
}
