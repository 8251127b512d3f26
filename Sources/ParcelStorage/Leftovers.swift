import Glibc
import ParcelCore
import ParcelSystem

/// What runs left in a folder and in all folders below it, found and removed. Links are not followed, and other file
/// systems not entered. Blocks.
package struct Leftovers: Sendable {
  private let root: String
  private let me = LockFile.Holder.current()
  private let boot = System.bootID()
  private let now = Int(time(nil))

  /// Drafts exist for moments; older ones were left behind.
  private static let draftSeconds = 600
  static let doctorName = ".parcel-doctor-"

  /// `root`: absolute.
  package init(root: String) { self.root = root }

  private static func unreadable(_ folder: String, _ error: Errno) -> Failure {
    Failure(
      .disk, retry: .needsUser,
      "Could not look into '\(Printable.text(folder))': \(error.message.prefix(1).lowercased() + error.message.dropFirst()).",
      remedy: "Check the path and its permissions.")
  }

  // MARK: Looking

  /// In the order of their names, folder by folder.
  package func look() throws(Failure) -> [Leftover] {
    let found: stat?
    do { found = try System.status(root, follow: true) } catch { throw Self.unreadable(root, error) }
    guard let found else { throw Self.unreadable(root, Errno(code: ENOENT)) }
    guard found.st_mode & S_IFMT == S_IFDIR else { throw Self.unreadable(root, Errno(code: ENOTDIR)) }
    var all: [Leftover] = []
    try walk(root, found.st_dev, above(root), &all)
    return all
  }

  /// What is known of locks on a folder or on those above it.
  private struct Claim {
    /// Somebody works there.
    var held: String?
    /// A run died there at or after this moment: small files that it was writing are younger.
    var died: Int?
  }

  private func above(_ folder: String) -> Claim {
    var claim = Claim()
    var path = folder
    while path != "/" {
      path = Path.folder(path)
      apply(lockOf: path, to: &claim)
    }
    return claim
  }

  private func apply(lockOf folder: String, to claim: inout Claim) {
    let path = (folder == "/" ? "" : folder) + "/" + LockFile.rootName
    switch LockFile.look(path, for: folder, as: me) {
    case .free: break
    case .held(let holder, _): claim.held = holder?.words(now: now) ?? "a process without a name works on it"
    case .stale(let holder):
      let made = (try? System.status(path)).flatMap { $0 }.map { Int($0.st_mtim.tv_sec) } ?? .max
      claim.died = min(claim.died ?? .max, holder.map { $0.since > 0 ? $0.since : made } ?? made)
    }
  }

  private func walk(_ folder: String, _ device: dev_t, _ inherited: Claim, _ all: inout [Leftover])
    throws(Failure)
  {
    var claim = inherited
    apply(lockOf: folder, to: &claim)
    if folder == root, access(folder, R_OK | X_OK) != 0 { throw Self.unreadable(folder, .last) }
    let names = System.names(in: folder).sorted()
    var bases: [String] = []
    var subfolders: [String] = []
    for name in names {
      if let base = Self.base(of: name) {
        if bases.last != base, !bases.contains(base) { bases.append(base) }
        continue
      }
      let path = folder + "/" + name
      guard let found = (try? System.status(path)).flatMap({ $0 }) else { continue }
      switch found.st_mode & S_IFMT {
      case S_IFDIR: if found.st_dev == device { subfolders.append(path) }
      case S_IFREG: if let one = odd(name, path, found, claim) { all.append(one) }
      default: break
      }
    }
    for base in bases { if let one = group(folder, base, claim) { all.append(one) } }
    for path in subfolders { try walk(path, device, claim, &all) }
  }

  private func relative(_ path: String) -> String {
    let prefix = root == "/" ? "/" : root + "/"
    return path.hasPrefix(prefix) ? String(path.dropFirst(prefix.count)) : path
  }

  private static let endings = [".parcel-lock", ".parcel-new", ".parcel", ".part"]

  /// The final name that a name of ours belongs to.
  private static func base(of name: String) -> String? {
    for ending in endings where name.hasSuffix(ending) && name.utf8.count > ending.utf8.count {
      return String(name.dropLast(ending.count))
    }
    return nil
  }

  /// The folder's lock, and what dies within moments.
  private func odd(_ name: String, _ path: String, _ found: stat, _ claim: Claim) -> Leftover? {
    func made(_ kind: Leftover.Kind, _ fate: Leftover.Fate, _ reason: String) -> Leftover {
      Leftover(
        kind: kind, fate: fate, name: relative(path), files: [path], allocated: Int(found.st_blocks) * 512,
        modified: Int(found.st_mtim.tv_sec), reason: reason)
    }
    if name == LockFile.rootName { return lock(path, made) }
    let isDraft = name.hasPrefix(LockFile.rootName + ".") || name.hasPrefix(Self.doctorName)
    guard isDraft, now - Int(found.st_mtim.tv_sec) > Self.draftSeconds else { return nil }
    return made(.draft, .free, "made for a moment by a process that died")
  }

  private func lock(_ path: String, _ made: (Leftover.Kind, Leftover.Fate, String) -> Leftover) -> Leftover? {
    switch LockFile.look(path, for: root, as: me) {
    case .free: nil
    case .stale(let holder):
      made(
        .lock, .free, holder.map { "process \($0.process), which took it, is gone" } ?? "left by a power cut")
    case .held(let holder, _):
      made(.lock, .held(holder?.words(now: now) ?? "its process did not say its name"), "a lock")
    }
  }

  // MARK: One file's part, journal and lock

  private struct Group {
    var part: stat?
    var journal: [UInt8]?
    var journalStatus: stat?
    var draft: stat?
    var lock: stat?
  }

  private func regular(_ path: String) -> stat? {
    guard let found = (try? System.status(path)).flatMap({ $0 }), found.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return found
  }

  private func group(_ folder: String, _ name: String, _ claim: Claim) -> Leftover? {
    let base = folder + "/" + name
    var group = Group()
    group.part = regular(base + ".part")
    group.journalStatus = regular(base + ".parcel")
    if group.journalStatus != nil { group.journal = (try? System.contents(base + ".parcel")).flatMap { $0 } }
    group.draft = regular(base + ".parcel-new")
    group.lock = regular(base + LockFile.ending)
    // A `.parcel` of some other program is none of our business.
    let isOurs = group.journal.map { $0.starts(with: Journal.name.utf8) } ?? false
    if !isOurs { (group.journal, group.journalStatus) = (nil, nil) }
    guard let (kind, reason, state) = judge(group, base, claim) else { return nil }
    let files = [
      (group.part, ".part"), (group.draft, ".parcel-new"), (group.journalStatus, ".parcel"),
      (group.lock, LockFile.ending),
    ].compactMap { status, ending in status.map { ($0, base + ending) } }
    var one = Leftover(
      kind: kind, fate: fate(kind, base, group, claim), name: relative(files.first?.1 ?? base),
      files: files.map(\.1),
      allocated: files.reduce(0) { $0 + Int($1.0.st_blocks) * 512 },
      modified: files.map { Int($0.0.st_mtim.tv_sec) }.max() ?? 0, reason: reason)
    if let layout = state?.layout, let state {
      one.size = layout.size
      if kind == .partial {
        one.kept = (state.boot == boot ? state.all : state.durable).ranges(layout).count
      }
    }
    return one
  }

  private func judge(_ group: Group, _ base: String, _ claim: Claim) -> (
    Leftover.Kind, String, JournalState?
  )? {
    if let journal = group.journal {
      switch Journal.replay(journal) {
      case .state(let state, _):
        guard group.part != nil else { return (.journal, "its .part file is missing", state) }
        let isThere = (try? System.status(base)).flatMap { $0 } != nil
        return (.partial, isThere ? "another file is under its final name" : "not finished", state)
      case .laterVersion(let version):
        return (.later, "its journal (\(version)) was written by a later version of parcel", nil)
      case .unreadable:
        return (group.part == nil ? .journal : .spoiled, "its journal cannot be read", nil)
      }
    }
    if let part = group.part {
      let isSmall =
        part.st_size < smallFileLimit && claim.died.map { Int(part.st_mtim.tv_sec) >= $0 } ?? false
      if isSmall { return (.small, "perhaps a small file of the run that was killed here", nil) }
      if group.draft != nil { return (.spoiled, "its journal was never finished", nil) }
      return (.unknown, "no journal of parcel is beside it", nil)
    }
    if group.draft != nil { return (.draft, "a journal that was never finished", nil) }
    return group.lock == nil ? nil : (.lock, "its process is gone", nil)
  }

  private func fate(_ kind: Leftover.Kind, _ base: String, _ group: Group, _ claim: Claim) -> Leftover.Fate {
    if let held = claim.held { return .held(held) }
    if group.lock != nil, case .held(let holder, _) = LockFile.look(base + LockFile.ending, for: base, as: me)
    {
      return .held(holder?.words(now: now) ?? "a process without a name works on it")
    }
    // A small file's part says nothing of who made it: its age and a lock are a guess, and guesses remove nothing.
    return [.unknown, .later, .small].contains(kind) ? .foreign : .free
  }

  // MARK: Removing

  /// Removes what may be removed, or says why it could not be. A run that began after `look` is noticed.
  package func remove(_ one: Leftover) -> Failure? {
    if case .held = one.fate { return nil }
    guard let first = one.files.first else { return nil }
    var claim = above(first)
    claim.died = nil
    if let held = claim.held {
      return Failure(.locked, retry: .needsUser, "Could not remove '\(first)': \(held).")
    }
    if one.kind == .draft, one.files.count == 1, !first.hasSuffix(".parcel-new") { return unlinked(first) }
    let isRoot = Path.name(first) == LockFile.rootName
    let base = isRoot ? "" : String(first.dropLast(Self.endings.first { first.hasSuffix($0) }?.count ?? 0))
    let lockPath = isRoot ? first : base + LockFile.ending
    switch LockFile.take(lockPath, for: isRoot ? Path.folder(first) : base, as: me) {
    case .failure(let failure): return failure
    case .success(let lock):
      defer { lock.release() }
      // The part first: a journal without it is known to be ours, a part without its journal is not.
      for path in one.files where path != lockPath {
        if let failure = unlinked(path) { return failure }
      }
      return nil
    }
  }

  private func unlinked(_ path: String) -> Failure? {
    do {
      try System.remove(path)
      return nil
    } catch {
      return .disk("remove", path, error)
    }
  }
}
