import Glibc
import ParcelCore

/// Keeps what the command line says in confidence out of the process list, and all secrets out of core dumps.
package enum OwnSecrets {
  /// To be called first of all, before anything else can fail. Parsing works from copies that were made before.
  ///
  /// A token on the command line can be seen by others for the moment before this: `--token-file` is the better way.
  package static func hide() {
    // The standard library reads them when they are first asked for: now, before they are stars.
    let arguments = CommandLine.arguments
    overwrite(with: masked(arguments))
    forbidCoreDumps()
  }

  /// A crash would write tokens and passwords to the disk. `PARCEL_CORE=1` allows it, to find a mistake of ours.
  private static func forbidCoreDumps() {
    if let value = getenv("PARCEL_CORE"), String(cString: value) == "1" { return }
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = 0
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
  }

  // MARK: What is secret

  /// Each argument with stars over its secrets, as many bytes as before. The first is the program's name.
  package static func masked(_ arguments: [String]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var isSecretNext = false
    for (index, argument) in arguments.enumerated() {
      let bytes = Array(argument.utf8)
      if isSecretNext {
        result.append(stars(bytes, from: 0))
        isSecretNext = false
        continue
      }
      isSecretNext = index > 0 && takesSecret(argument)
      result.append(index == 0 || isSecretNext ? bytes : masked(argument, bytes))
    }
    return result
  }

  /// `-T`, also behind other letters (`-vT`); `--token`; `--header`, whatever the header.
  private static func takesSecret(_ argument: String) -> Bool {
    if argument == "--token" || argument == "--header" { return true }
    return argument.hasPrefix("-") && !argument.hasPrefix("--") && argument.hasSuffix("T")
  }

  private static func masked(_ argument: String, _ bytes: [UInt8]) -> [UInt8] {
    for start in ["--token=", "--header=", "-T"] where argument.hasPrefix(start) {
      return stars(bytes, from: start.utf8.count)
    }
    // A URL with a user and password, or with a signature behind the question mark.
    guard let scheme = (0..<bytes.count).first(where: { bytes[$0...].starts(with: "://".utf8) }) else {
      return bytes
    }
    var result = bytes
    let authority = scheme + 3
    let end =
      bytes[authority...].firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? bytes.count
    if let at = bytes[authority..<end].lastIndex(of: UInt8(ascii: "@")) {
      for i in authority..<at { result[i] = UInt8(ascii: "*") }
    }
    if let mark = bytes.firstIndex(of: UInt8(ascii: "?")), Redaction.url(argument) != argument {
      return stars(result, from: mark + 1)
    }
    return result
  }

  private static func stars(_ bytes: [UInt8], from start: Int) -> [UInt8] {
    bytes.prefix(start) + Array(repeating: UInt8(ascii: "*"), count: max(0, bytes.count - start))
  }

  // MARK: The process's own memory

  /// Writes over the arguments where the kernel put them; `/proc/PID/cmdline` shows that memory. Does nothing when they are
  /// not where and how they are expected.
  private static func overwrite(with arguments: [[UInt8]]) {
    guard let (start, end) = place(), let memory = UnsafeMutablePointer<UInt8>(bitPattern: start),
      end - start == UInt(arguments.reduce(0) { $0 + $1.count + 1 })
    else { return }
    var offset = 0
    for argument in arguments {
      guard memory[offset + argument.count] == 0 else { return }
      for (i, byte) in argument.enumerated() where memory[offset + i] != byte && byte == UInt8(ascii: "*") {
        memory[offset + i] = byte
      }
      offset += argument.count + 1
    }
  }

  /// Fields 48 and 49 of `/proc/self/stat` (proc(5)): where the arguments begin and end.
  private static func place() -> (UInt, UInt)? {
    let descriptor = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = read(descriptor, &buffer, buffer.count)
    guard count > 0, let name = buffer[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
    // The first field behind the program's name is the third.
    let fields = buffer[(name + 1)..<count].split(separator: 32).map { String(decoding: $0, as: UTF8.self) }
    guard fields.count > 46, let start = UInt(fields[45]), let end = UInt(fields[46]), start < end else {
      return nil
    }
    return (start, end)
  }
}
