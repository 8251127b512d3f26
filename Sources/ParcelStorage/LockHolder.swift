import Glibc
import ParcelCore
import ParcelSystem

extension LockFile {
  /// Who holds a lock. Process numbers are used again, so the start time goes with them; containers have numbers of their
  /// own, so their name space does too.
  struct Holder: Hashable, Sendable {
    var host: String
    var process: Int
    /// Clock ticks after the start of the machine (`/proc/PID/stat`, field 22).
    var started: Int
    var boot: String
    /// "parcel"; empty in locks of older versions.
    var program = ""
    /// When the lock was taken, seconds since 1970; 0 in locks of older versions.
    var since = 0
    /// "pid:[4026531836]": where the process number counts. Empty when not known.
    var namespace = ""

    var text: String {
      "host \(host)\nprocess \(process)\nstarted \(started)\nboot \(boot)\n"
        + (program.isEmpty ? "" : "program \(program)\n") + (since == 0 ? "" : "since \(since)\n")
        + (namespace.isEmpty ? "" : "namespace \(namespace)\n")
    }

    init(host: String, process: Int, started: Int, boot: String) {
      self.host = host
      self.process = process
      self.started = started
      self.boot = boot
    }

    init?(text: String) {
      var words: [Substring: Substring] = [:]
      for line in text.split(separator: "\n") {
        let parts = line.split(separator: " ", maxSplits: 1)
        if parts.count == 2 { words[parts[0]] = parts[1] }
      }
      guard let host = words["host"], let process = words["process"].flatMap({ Int($0) }),
        let started = words["started"].flatMap({ Int($0) }), let boot = words["boot"]
      else { return nil }
      self.init(host: String(host), process: process, started: started, boot: String(boot))
      program = words["program"].map(String.init) ?? ""
      since = words["since"].flatMap { Int($0) } ?? 0
      namespace = words["namespace"].map(String.init) ?? ""
    }

    /// This process.
    static func current() -> Holder {
      var name = [CChar](repeating: 0, count: 256)
      gethostname(&name, name.count - 1)
      let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let process = Int(getpid())
      var holder = Holder(
        host: host, process: process, started: Self.stat(of: process)?.started ?? 0, boot: System.bootID())
      holder.program = System.target(ofLink: "/proc/self/exe").map { Path.name($0) } ?? ""
      holder.since = time(nil)
      holder.namespace = System.target(ofLink: "/proc/self/ns/pid") ?? ""
      return holder
    }

    /// Nil when there is no such process, or it cannot be seen.
    private static func stat(of process: Int) -> (started: Int, isZombie: Bool)? {
      guard let bytes = (try? System.contents("/proc/\(process)/stat")).flatMap({ $0 }),
        let name = bytes.lastIndex(of: UInt8(ascii: ")"))
      else { return nil }
      let fields = bytes[(name + 1)...].split(separator: 32)
      guard fields.count > 19, let started = Int(String(decoding: fields[19], as: UTF8.self)) else {
        return nil
      }
      let state = fields[0].first
      return (started, state == UInt8(ascii: "Z") || state == UInt8(ascii: "X"))
    }

    func isSameProcess(as other: Holder) -> Bool {
      host == other.host && process == other.process && started == other.started && boot == other.boot
        && namespace == other.namespace
    }

    // MARK: Is it still there?

    enum Standing: Equatable, Sendable {
      /// It certainly is no longer running.
      case dead
      case alive
      /// Another host's: nobody here can know.
      case elsewhere
      /// A container of this machine, whose processes are not seen from here.
      case otherContainer
    }

    /// `isOlderThanBoot`: the lock was made before this machine's last start. A lock of another start that is younger
    /// was made by another machine that has the same name.
    func standing(seenFrom me: Holder, isOlderThanBoot: Bool) -> Standing {
      guard host == me.host else { return .elsewhere }
      if boot != me.boot { return isOlderThanBoot ? .dead : .elsewhere }
      if !namespace.isEmpty, !me.namespace.isEmpty, namespace != me.namespace { return .otherContainer }
      guard process > 0, let number = pid_t(exactly: process) else { return .dead }
      if let found = Self.stat(of: process) {
        return found.started == started && !found.isZombie ? .alive : .dead
      }
      // Processes of others may be hidden: then their number still is in use.
      return kill(number, 0) == 0 || errno == EPERM ? .alive : .dead
    }

    // MARK: Words

    /// "parcel, process 4711 on 'lab7', has been working on it since 2026-11-23 04:12:09 (12 minutes)"
    func words(now: Int) -> String {
      let name = Printable.text(program.isEmpty ? "another parcel" : program)
      let who = "\(name), process \(process) on '\(Printable.text(host))',"
      guard since > 0 else { return who + " is working on it" }
      let span = now > since ? " (\(Self.span(now - since)))" : ""
      return who + " has been working on it since \(System.localTime(since))\(span)"
    }

    private static func span(_ seconds: Int) -> String {
      switch seconds {
      case ..<120: "\(seconds) s"
      case ..<7200: "\(seconds / 60) minutes"
      case ..<172_800: "\(seconds / 3600) hours"
      default: "\(seconds / 86_400) days"
      }
    }
  }
}

extension System {
  /// Where a link leads; nil when it is none.
  static func target(ofLink path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// "2026-11-23 04:12:09", local time.
  static func localTime(_ epoch: Int) -> String {
    var seconds = time_t(epoch)
    var parts = tm()
    localtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
  }
}
