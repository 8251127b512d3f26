import Glibc
import ParcelCore
import ParcelSystem

/// A file that says who works on something. Made by exclusive create, because cluster file systems do not honour flock.
/// It is complete when it gets its name, so that a process that dies while locking leaves no lock without an owner.
struct LockFile: Sendable {
  let path: String
  private let system: System

  /// A target folder's.
  static let rootName = ".parcel-lock"
  /// A file's: behind its name.
  static let ending = ".parcel-lock"

  /// What a lock file says.
  enum State: Sendable {
    case free
    /// Its process certainly is no longer running; `holder` is nil when a power cut left it empty.
    case stale(Holder?)
    /// `holder` is nil when it did not say its name.
    case held(Holder?, Failure)
  }

  /// Takes the lock, also from a dead holder on this host. `what` names the locked thing in the failure's sentence.
  static func take(_ path: String, for what: String, as me: Holder = .current(), _ system: System = .kernel)
    -> Result<LockFile, Failure>
  {
    do throws(Errno) {
      var mine = me
      mine.since = time(nil)
      for _ in 0..<8 {
        if try create(path, mine, system) { return .success(LockFile(path: path, system: system)) }
        guard let bytes = try system.contents(path) else { continue }
        if case .held(_, let failure) = judge(path, bytes, what, me, system) { return .failure(failure) }
        guard try removeStale(path, bytes, system) else { return .failure(contended(path, what)) }
      }
      return .failure(contended(path, what))
    } catch {
      return .failure(.disk("lock", path, error))
    }
  }

  /// Looks and changes nothing.
  static func look(_ path: String, for what: String, as me: Holder = .current()) -> State {
    guard let bytes = (try? System.contents(path)).flatMap({ $0 }) else { return .free }
    return judge(path, bytes, what, me, .kernel)
  }

  func release() { system.tidy(path) }

  // MARK: Taking

  private static func create(_ path: String, _ me: Holder, _ system: System) throws(Errno) -> Bool {
    let draft = "\(Path.folder(path))/\(rootName).\(getpid()).\(MonotonicClock.nanoseconds())"
    try write(me, to: draft, system)
    defer { system.tidy(draft) }
    guard let error = system.link(draft, path) else { return true }
    // Over NFS an answer may be lost, and the link be there all the same.
    if let found = try? system.status(draft), found.st_nlink == 2 { return true }
    switch error {
    case EEXIST: return false
    case EPERM, ENOTSUP, ENOSYS, EMLINK, EXDEV, EINVAL: return try createWithoutLinks(path, me, system)
    default: throw Errno(code: error)
    }
  }

  private static func createWithoutLinks(_ path: String, _ me: Holder, _ system: System) throws(Errno)
    -> Bool
  {
    do throws(Errno) {
      try write(me, to: path, system)
      return true
    } catch {
      if error.code == EEXIST { return false }
      throw error
    }
  }

  private static func write(_ me: Holder, to path: String, _ system: System) throws(Errno) {
    let descriptor = try system.open(path, O_WRONLY | O_CREAT | O_EXCL)
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
  }

  /// Moves the stale lock away, and looks whether it was the stale one: another process may have been quicker.
  private static func removeStale(_ path: String, _ stale: [UInt8], _ system: System) throws(Errno) -> Bool {
    let aside = "\(Path.folder(path))/\(rootName).\(getpid()).\(MonotonicClock.nanoseconds())"
    do throws(Errno) { try system.rename(path, to: aside, replace: true) } catch {
      if error.code == ENOENT { return true }
      throw error
    }
    let moved = try system.contents(aside)
    if moved != stale { _ = system.link(aside, path) }
    system.tidy(aside)
    return moved == stale
  }

  // MARK: Judging

  private static func judge(
    _ path: String, _ bytes: [UInt8], _ what: String, _ me: Holder, _ system: System
  ) -> State {
    let isOld = wasThereBeforeBoot(path, system)
    guard let holder = Holder(text: String(decoding: bytes, as: UTF8.self)) else {
      return isOld ? .stale(nil) : .held(nil, contended(path, what))
    }
    let standing = holder.standing(seenFrom: me, isOlderThanBoot: isOld)
    if standing == .dead { return .stale(holder) }
    let sentence = "Could not work on '\(what)': \(holder.words(now: time(nil)))."
    return .held(
      holder, Failure(.locked, retry: .needsUser, sentence, remedy: remedy(path, holder, standing)))
  }

  private static func remedy(_ path: String, _ holder: Holder, _ standing: Holder.Standing) -> String {
    switch standing {
    case .alive, .dead:
      "Wait for it, or stop it (kill \(holder.process)): it saves what it has."
    case .elsewhere:
      "Look on '\(Printable.text(holder.host))' whether process \(holder.process) still runs; only if it does not, "
        + "remove '\(path)'."
    case .otherContainer:
      "It runs in another container of this machine: look there whether process \(holder.process) is still at work; "
        + "only if it is not, remove '\(path)'."
    }
  }

  private static func contended(_ path: String, _ what: String) -> Failure {
    Failure(
      .locked, retry: .needsUser,
      "Could not work on '\(what)': a process that did not say its name is working on it.",
      remedy: "Wait for it or stop it; if no parcel works there, remove '\(path)'.")
  }

  /// A power cut can leave an empty lock file behind.
  static func wasThereBeforeBoot(_ path: String, _ system: System = .kernel) -> Bool {
    guard let found = try? system.status(path) else { return false }
    var now = timespec()
    var up = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    clock_gettime(CLOCK_BOOTTIME, &up)
    return found.st_mtim.tv_sec < now.tv_sec - up.tv_sec
  }
}
