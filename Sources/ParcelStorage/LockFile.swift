import Glibc
import ParcelCore
import ParcelSystem

/// A file that says who works on something. Made by exclusive create, because cluster file systems do not honour flock.
struct LockFile: Sendable {
  let path: String

  /// Who holds a lock. Process numbers are used again, so the start time goes with them.
  struct Holder: Hashable, Sendable {
    var host: String
    var process: Int
    /// Clock ticks after the start of the machine (`/proc/PID/stat`, field 22).
    var started: Int
    var boot: String

    var text: String { "host \(host)\nprocess \(process)\nstarted \(started)\nboot \(boot)\n" }

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
    }

    /// This process.
    static func current() -> Holder {
      var name = [CChar](repeating: 0, count: 256)
      gethostname(&name, name.count - 1)
      let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let process = Int(getpid())
      return Holder(
        host: host, process: process, started: startTime(of: process) ?? 0, boot: System.bootID())
    }

    /// Nil when there is no such process.
    static func startTime(of process: Int) -> Int? {
      guard let bytes = (try? System.contents("/proc/\(process)/stat")).flatMap({ $0 }),
        let name = bytes.lastIndex(of: UInt8(ascii: ")"))
      else { return nil }
      let fields = bytes[(name + 1)...].split(separator: 32)
      return fields.count > 19 ? Int(String(decoding: fields[19], as: UTF8.self)) : nil
    }

    /// True when it certainly is no longer running: only a process of this host can be asked after.
    func isDead(seenFrom me: Holder) -> Bool {
      guard host == me.host else { return false }
      return boot != me.boot || Self.startTime(of: process) != started
    }
  }

  /// Takes the lock, also from a dead holder on this host. `what` names the locked thing in the failure's sentence.
  static func take(_ path: String, for what: String, as me: Holder = .current()) -> Result<LockFile, Failure>
  {
    do {
      for _ in 0..<8 {
        if try create(path, me) { return .success(LockFile(path: path)) }
        guard let bytes = try System.contents(path) else { continue }
        if let failure = busy(path, bytes, what, me) { return .failure(failure) }
        guard try removeStale(path, bytes) else { return .failure(taken(path, "another process", what)) }
      }
      return .failure(taken(path, "another process", what))
    } catch let error as Errno {
      return .failure(.disk("lock", path, error))
    } catch {
      return .failure(taken(path, "\(error)", what))
    }
  }

  func release() { unlink(path) }

  private static func create(_ path: String, _ me: Holder) throws -> Bool {
    do {
      let descriptor = try System.open(path, O_WRONLY | O_CREAT | O_EXCL)
      defer { close(descriptor) }
      do { try System.append(me.text, to: descriptor) } catch {
        unlink(path)
        throw error
      }
      return true
    } catch let error as Errno where error.code == EEXIST {
      return false
    }
  }

  /// Nil when the holder is dead.
  private static func busy(_ path: String, _ bytes: [UInt8], _ what: String, _ me: Holder) -> Failure? {
    guard let holder = Holder(text: String(decoding: bytes, as: UTF8.self)) else {
      return wasThereBeforeBoot(path) ? nil : taken(path, "a process that did not say its name", what)
    }
    if holder.isDead(seenFrom: me) { return nil }
    return taken(path, "process \(holder.process) on '\(holder.host)'", what)
  }

  private static func taken(_ path: String, _ holder: String, _ what: String) -> Failure {
    Failure(
      .locked, retry: .needsUser, "Could not work on '\(what)': \(holder) is working on it.",
      remedy: "Wait for it or stop it; if it no longer runs, remove '\(path)'.")
  }

  /// A power cut can leave an empty lock file behind.
  private static func wasThereBeforeBoot(_ path: String) -> Bool {
    guard let found = try? System.status(path) else { return false }
    var now = timespec()
    var up = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    clock_gettime(CLOCK_BOOTTIME, &up)
    return found.st_mtim.tv_sec < now.tv_sec - up.tv_sec
  }

  /// Moves the stale lock away, and looks whether it was the stale one: another process may have been quicker.
  private static func removeStale(_ path: String, _ stale: [UInt8]) throws -> Bool {
    // A short name of its own: behind a long one there is no room. No download's name begins with a dot.
    let aside = Path.folder(path) + "/.parcel-stale.\(getpid()).\(MonotonicClock.nanoseconds())"
    guard rename(path, aside) == 0 else { return errno == ENOENT }
    let moved = try System.contents(aside)
    if moved != stale { link(aside, path) }
    unlink(aside)
    return moved == stale
  }
}
