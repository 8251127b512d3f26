import Glibc
import ParcelCore
import ParcelSystem

/// Files whose digests were found right, so that a second run need not read them again: `verified` in the user's state
/// folder. Lines are only appended, each behind a checksum; sometimes it is written anew without what is out of date.
///
/// A cache, never an authority: an entry counts only while size, inode, device and both times of the file are what they were, to
/// the nanosecond. What cannot be read, or belongs to somebody else, is left alone and said once. All methods from any
/// thread; `find` reads the file at its first call, everything else happens on a thread of the ledger's own, because the state
/// folder may be on another file system than the downloads.
package final class Ledger: @unchecked Sendable {
  /// Entries that are kept when the file is written anew, the newest.
  static let mostEntries = 500_000
  /// Lines beyond twice the entries after which it is written anew.
  static let slack = 1000

  let folder: String
  var path: String { folder + "/verified" }
  private let onRemark: @Sendable (String) -> Void
  private let worker = Workers(threads: 1)

  private let monitor = Monitor()
  private var entries: [String: VerifiedRecord] = [:]
  private var isLoaded = false
  /// It belongs to somebody else, or cannot be had: neither read nor written.
  private var isOff = false
  private var lines = 0
  private var needsRewrite = false
  private var fresh: [VerifiedRecord] = []
  private var isQueued = false

  /// `folder`: absolute; made (mode 700) when the first entry is written.
  package init(folder: String, onRemark: @escaping @Sendable (String) -> Void = { _ in }) {
    self.folder = folder
    self.onRemark = onRemark
  }

  /// `$XDG_STATE_HOME/parcel`, else `~/.local/state/parcel`; nil without either (XDG Base Directory Specification: relative
  /// paths there do not count).
  package static var standardFolder: String? {
    let read = { (name: String) in getenv(name).map { String(cString: $0) } ?? "" }
    let state = read("XDG_STATE_HOME")
    if state.hasPrefix("/") { return state + "/parcel" }
    let home = read("HOME")
    return home.hasPrefix("/") ? home + "/.local/state/parcel" : nil
  }

  // MARK: Asking and telling

  /// True when the file at `path`, which looks like `stamp` now, was found to have these digests. May block.
  func vouches(for path: String, _ stamp: FileStamp, _ digests: [Digest]) -> Bool {
    monitor.locked {
      if !isLoaded { load() }
      return entries[path]?.vouches(for: digests, now: stamp) ?? false
    }
  }

  /// The file at `path` had these digests at `moment` (nanoseconds since 1970) and looks like `stamp`. Not noted when a
  /// change since then could be hidden.
  func note(_ path: String, _ stamp: FileStamp, _ digests: [Digest], knownAt moment: Int) {
    guard stamp.showsChanges(after: moment), !digests.isEmpty else { return }
    let record = VerifiedRecord(path: path, stamp: stamp, digests: digests)
    monitor.locked {
      guard !isOff, entries[path] != record else { return }
      if isLoaded { entries[path] = record }
      fresh.append(record)
      guard !isQueued else { return }
      isQueued = true
      worker.submit { [self] _ in write() }
    }
  }

  /// Returns when everything is written.
  package func close() { worker.stop() }

  // MARK: Reading (with the monitor held)

  private func load() {
    isLoaded = true
    do throws(Errno) {
      guard let descriptor = try openOwn(O_RDONLY) else { return }
      defer { Glibc.close(descriptor) }
      take(try Self.contents(descriptor))
    } catch {
      isOff = true
      remark("could not be read (\(error.message)): files that are there are read again.")
    }
    for record in fresh { entries[record.path] = record }
  }

  private func take(_ bytes: [UInt8]) {
    guard bytes.starts(with: VerifiedRecord.header.utf8) else {
      needsRewrite = true
      if !bytes.isEmpty { remark("is not a ledger that can be read: it is begun anew.") }
      return
    }
    var damaged = 0
    for line in bytes.dropFirst(VerifiedRecord.header.utf8.count).split(separator: 10) {
      lines += 1
      if let record = VerifiedRecord(line: line) { entries[record.path] = record } else { damaged += 1 }
    }
    if damaged > 0 {
      needsRewrite = true
      remark("has \(damaged) damaged \(damaged == 1 ? "line" : "lines"): their files are read again.")
    }
    if lines > 2 * entries.count + Self.slack || entries.count > Self.mostEntries { needsRewrite = true }
  }

  /// Nil when it is not there, or is off: another user's file could vouch for anything.
  private func openOwn(_ flags: Int32) throws(Errno) -> Int32? {
    let descriptor: Int32
    do { descriptor = try System.open(path, flags | O_NOFOLLOW, mode: 0o600) } catch {
      if error.code == ENOENT || error.code == ENOTDIR { return nil }
      throw error
    }
    var file = stat()
    var above = stat()
    let isOurs =
      fstat(descriptor, &file) == 0 && stat(folder, &above) == 0 && file.st_mode & S_IFMT == S_IFREG
      && file.st_uid == geteuid() && above.st_uid == geteuid() && file.st_mode & 0o022 == 0
      && above.st_mode & 0o022 == 0
    if isOurs { return descriptor }
    Glibc.close(descriptor)
    isOff = true
    remark("belongs to another user, or others may write to it: it is not used.")
    return nil
  }

  private static func contents(_ descriptor: Int32) throws(Errno) -> [UInt8] {
    let size = try System.size(of: descriptor)
    var bytes = [UInt8](repeating: 0, count: size)
    var failed: Errno?
    let count = bytes.withUnsafeMutableBytes { raw -> Int in
      do throws(Errno) { return try System.read(descriptor, into: raw, at: 0) } catch {
        failed = error
        return 0
      }
    }
    if let failed { throw failed }
    return Array(bytes.prefix(count))
  }

  private func remark(_ what: String) { onRemark("The ledger of verified files, '\(path)', \(what)") }

  // MARK: Writing (on the worker)

  private func write() {
    let (records, isOff) = monitor.locked {
      isQueued = false
      defer { fresh = [] }
      if !isLoaded { load() }
      return (fresh, self.isOff)
    }
    guard !records.isEmpty, !isOff else { return }
    do throws(Errno) {
      try prepareFolder()
      // Between processes; where a file system has no such locks, a lost line costs a second reading and no more.
      let lock = try System.open(folder + "/verified.lock", O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
      defer { Glibc.close(lock) }
      let isLocked = flock(lock, LOCK_EX) == 0
      if isLocked, monitor.locked({ needsRewrite }) { try rewrite() } else { try append(records) }
    } catch {
      let first = monitor.locked {
        defer { self.isOff = true }
        return !self.isOff
      }
      if first { remark("could not be written (\(error.message)): the next run reads these files again.") }
    }
  }

  private func prepareFolder() throws(Errno) {
    if try System.status(folder, follow: true) != nil { return }
    try System.makeFolders(Path.folder(folder))
    if mkdir(folder, 0o700) != 0, errno != EEXIST { throw .last }
  }

  private func append(_ records: [VerifiedRecord]) throws(Errno) {
    let descriptor = try System.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
    defer { Glibc.close(descriptor) }
    var text = try System.size(of: descriptor) == 0 ? VerifiedRecord.header : ""
    // A line that a killed process left torn must not swallow the next one.
    if text.isEmpty { text = "\n" }
    for record in records { text += record.line }
    try System.append(text, to: descriptor)
    monitor.locked { lines += records.count }
  }

  /// Everything that is known and still the newest: also what others wrote since it was read.
  private func rewrite() throws(Errno) {
    let known = monitor.locked { entries }
    var all = known
    if let descriptor = try monitor.lockedThrowing({ () throws(Errno) in try openOwn(O_RDONLY) }) {
      defer { Glibc.close(descriptor) }
      for line in try Self.contents(descriptor).split(separator: 10) {
        guard let record = VerifiedRecord(line: line) else { continue }
        if (known[record.path]?.stamp.changed ?? .min) < record.stamp.changed { all[record.path] = record }
      }
    }
    if monitor.locked({ isOff }) { return }
    let kept = all.values.sorted { ($0.stamp.changed, $0.path) > ($1.stamp.changed, $1.path) }
      .prefix(Self.mostEntries)
    let new = path + ".\(getpid())"
    let descriptor = try System.open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
    do throws(Errno) {
      defer { Glibc.close(descriptor) }
      try System.append(VerifiedRecord.header + kept.map(\.line).joined(), to: descriptor)
      try System.syncData(descriptor)
      try System.rename(new, to: path, replace: true)
    } catch {
      unlink(new)
      throw error
    }
    monitor.locked {
      lines = kept.count
      needsRewrite = false
    }
  }
}

extension FileStamp {
  init(_ found: stat) {
    self.init(
      device: UInt64(found.st_dev), inode: UInt64(found.st_ino), size: Int(found.st_size),
      modified: Self.nanoseconds(found.st_mtim), changed: Self.nanoseconds(found.st_ctim))
  }

  static func nanoseconds(_ time: timespec) -> Int { time.tv_sec &* 1_000_000_000 &+ time.tv_nsec }

  /// The wall clock, two seconds ago: a file system's clock may be behind ours by as much.
  static var cautiousNow: Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return nanoseconds(now) - 2_000_000_000
  }
}

extension Ledger {
  /// A file of ours that was just given its final name: that is when its inode changed last, on the file system's clock.
  func noteRenamed(_ path: String, _ found: stat, _ digests: [Digest]) {
    let stamp = FileStamp(found)
    note(path, stamp, digests, knownAt: stamp.changed)
  }
}
