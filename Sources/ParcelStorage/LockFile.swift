import Glibc
import ParcelCore
import ParcelSystem

/// A file that says who works on something. Made by exclusive create, because cluster file systems do not honour flock.
struct LockFile: Sendable {
  let path: String
  private let system: System

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
  static func take(_ path: String, for what: String, as me: Holder = .current(), _ system: System = .kernel)
    -> Result<LockFile, Failure>
  {
    do throws(Errno) {
      for _ in 0..<8 {
        if try create(path, me, system) { return .success(LockFile(path: path, system: system)) }
        guard let bytes = try system.contents(path) else { continue }
        if let failure = busy(path, bytes, what, me, system) { return .failure(failure) }
        guard try removeStale(path, bytes, system) else {
          return .failure(taken(path, "another process", what))
        }
      }
      return .failure(taken(path, "another process", what))
    } catch {
      return .failure(.disk("lock", path, error))
    }
  }

  func release() { system.tidy(path) }

  private static func create(_ path: String, _ me: Holder, _ system: System) throws(Errno) -> Bool {
    let descriptor: Int32
    do throws(Errno) { descriptor = try system.open(path, O_WRONLY | O_CREAT | O_EXCL) } catch {
      if error.code == EEXIST { return false }
      throw error
    }
    do throws(Errno) {
      do throws(Errno) { try system.append(me.text, to: descriptor) } catch {
        system.close(descriptor)
        throw error
      }
      try system.closeWritten(descriptor)
    } catch {
      system.tidy(path)
      throw error
    }
    return true
  }

  /// Nil when the holder is dead.
  private static func busy(
    _ path: String, _ bytes: [UInt8], _ what: String, _ me: Holder, _ system: System
  ) -> Failure? {
    guard let holder = Holder(text: String(decoding: bytes, as: UTF8.self)) else {
      return wasThereBeforeBoot(path, system) ? nil : taken(path, "a process that did not say its name", what)
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
  private static func wasThereBeforeBoot(_ path: String, _ system: System) -> Bool {
    guard let found = try? system.status(path) else { return false }
    var now = timespec()
    var up = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    clock_gettime(CLOCK_BOOTTIME, &up)
    return found.st_mtim.tv_sec < now.tv_sec - up.tv_sec
  }

  /// Moves the stale lock away, and looks whether it was the stale one: another process may have been quicker.
  private static func removeStale(_ path: String, _ stale: [UInt8], _ system: System) throws(Errno) -> Bool {
    let aside = path + ".\(getpid()).\(MonotonicClock.nanoseconds())"
    do throws(Errno) { try system.rename(path, to: aside, replace: true) } catch {
      if error.code == ENOENT { return true }
      throw error
    }
    let moved = try system.contents(aside)
    if moved != stale { _ = system.calls.link(aside, path) }
    system.tidy(aside)
    return moved == stale
  }
}
