import Glibc
import ParcelCore
import ParcelStorage
import ParcelTesting
import Synchronization

/// A file system in memory that can lose power: it knows which bytes and which names were synced, and which were not.
final class MemoryDisk: SystemCalls, Sendable {
  /// What survives of what was not synced when the power goes.
  enum Survival: Int, Sendable, CaseIterable {
    case nothing
    /// As after a killed process.
    case everything
    /// Names and sizes, and zeros instead of bytes.
    case namesOnly
    /// Any writes, torn between sectors of 512 bytes; names up to some moment.
    case someInOrder
    /// Any writes and any names.
    case anything
  }

  private enum Change {
    case write(at: Int, [UInt8])
    case truncate(Int)
  }

  private enum NameChange {
    case set(String, Node)
    case remove(String)
    case move(String, String, Node)

    var folders: [String] {
      switch self {
      case .set(let path, _), .remove(let path): [MemoryDisk.folder(path)]
      case .move(let old, let new, _): [MemoryDisk.folder(old), MemoryDisk.folder(new)]
      }
    }
  }

  /// Guarded by the disk's state.
  private final class Node: @unchecked Sendable {
    let isFolder: Bool
    let number: UInt
    /// A symbolic link to nothing.
    var isLink = false
    var bytes: [UInt8] = []
    var durable: [UInt8] = []
    var pending: [Change] = []
    var isOld = false

    init(isFolder: Bool, number: UInt) {
      self.isFolder = isFolder
      self.number = number
    }
  }

  private struct Open {
    var node: Node
    var path: String
    var position = 0
    var appends = false
  }

  private struct State {
    var names: [String: Node] = [:]
    var durableNames: [String: Node] = [:]
    var pendingNames: [NameChange] = []
    var open: [Int32: Open] = [:]
    var nextDescriptor: Int32 = 1_000_000
    var nextNode: UInt = 1
    /// Calls that change something, so far.
    var changes = 0
    var powerOffAt = Int.max
    var capacity = Int.max
    var isOff: Bool { changes >= powerOffAt }
  }

  private let state: Mutex<State>

  /// With the folders `/` and `/disk`.
  init() {
    var first = State()
    for path in ["/", "/disk"] {
      let node = Node(isFolder: true, number: first.nextNode)
      first.nextNode += 1
      first.names[path] = node
      first.durableNames[path] = node
    }
    state = Mutex(first)
  }

  private init(_ first: sending State) { state = Mutex(first) }

  static func folder(_ path: String) -> String {
    let parts = path.split(separator: "/").dropLast()
    return "/" + parts.joined(separator: "/")
  }

  // MARK: What tests ask

  /// Calls that changed something, or made it safe.
  var changes: Int { state.withLock { $0.changes } }
  /// The power goes when that many changes were made: that call and all later ones fail.
  func setPowerOff(at changes: Int) { state.withLock { $0.powerOffAt = changes } }
  /// Bytes that all files together may have.
  func setCapacity(_ bytes: Int) { state.withLock { $0.capacity = bytes } }
  func bytes(_ path: String) -> [UInt8]? { state.withLock { $0.names[path]?.bytes } }
  var names: [String] { state.withLock { $0.names.filter { !$0.value.isFolder }.keys.sorted() } }
  var openDescriptors: Int { state.withLock { $0.open.count } }

  /// Somebody puts a file there, or changes it, or takes it away (nil).
  func put(_ path: String, _ bytes: [UInt8]?) {
    state.withLock { state in
      guard let bytes else {
        state.names[path] = nil
        return
      }
      let node = Node(isFolder: false, number: state.nextNode)
      state.nextNode += 1
      (node.bytes, node.durable) = (bytes, bytes)
      state.names[path] = node
      state.durableNames[path] = node
    }
  }

  /// Somebody puts a link to nothing there.
  func putLink(_ path: String) {
    put(path, [])
    state.withLock { $0.names[path]?.isLink = true }
  }

  /// The disk as the next start of the machine finds it.
  func afterPowerLoss(_ survival: Survival, seed: UInt64) -> MemoryDisk {
    var random = SeededRandom(seed: seed)
    return state.withLock { state in
      var next = State()
      next.nextNode = state.nextNode
      let names = Self.survivors(state, survival, &random)
      var made: [UInt: Node] = [:]
      for path in names.keys.sorted() {
        guard let old = names[path] else { continue }
        let node = made[old.number] ?? Node(isFolder: old.isFolder, number: old.number)
        if made[old.number] == nil { node.bytes = Self.survivor(old, survival, &random) }
        made[old.number] = node
        (node.durable, node.isOld) = (node.bytes, true)
        next.names[path] = node
      }
      // Without its folder a name cannot be found.
      for path in next.names.keys.sorted() where path != "/" && next.names[folder(path)] == nil {
        next.names[path] = nil
      }
      next.durableNames = next.names
      return MemoryDisk(next)
    }
    func folder(_ path: String) -> String { Self.folder(path) }
  }

  private static func survivors(
    _ state: State, _ survival: Survival, _ random: inout SeededRandom
  ) -> [String: Node] {
    if survival == .everything || survival == .namesOnly { return state.names }
    var names = state.durableNames
    var rest = survival == .nothing ? 0 : state.pendingNames.count
    if survival == .someInOrder, rest > 0 { rest = Int(random.next() % UInt64(rest + 1)) }
    for change in state.pendingNames.prefix(rest) {
      if survival == .anything, random.next() % 2 == 0 { continue }
      apply(change, to: &names)
    }
    return names
  }

  private static func survivor(
    _ node: Node, _ survival: Survival, _ random: inout SeededRandom
  ) -> [UInt8] {
    if survival == .everything { return node.bytes }
    var bytes = node.durable
    if survival == .namesOnly {
      let size = node.bytes.count
      if bytes.count > size { bytes.removeLast(bytes.count - size) }
      bytes += [UInt8](repeating: 0, count: size - bytes.count)
    }
    guard survival == .someInOrder || survival == .anything else { return bytes }
    for change in node.pending {
      switch change {
      case .truncate(let size): if random.next() % 2 == 0 { resize(&bytes, size) }
      case .write(let at, let new):
        let mode = random.next() % 3
        if mode == 0 { continue }
        if mode == 1 {
          put(new[...], at, &bytes)
          continue
        }
        var offset = 0
        while offset < new.count {
          let end = min(new.count, (at + offset) / 512 * 512 + 512 - at)
          if random.next() % 2 == 0 { put(new[offset..<end], at + offset, &bytes) }
          offset = end
        }
      }
    }
    return bytes
  }

  /// The disk as the next process finds it after a `kill -9`: everything is there.
  func afterKill() -> MemoryDisk { afterPowerLoss(.everything, seed: 0) }

  /// A sync failed: what was not synced yet never will be (as the kernel does it), though reading still shows it.
  func loseUnsynced(_ descriptor: Int32) {
    state.withLock { state in
      guard let node = state.open[descriptor]?.node else { return }
      if node.isFolder { state.pendingNames = [] } else { node.pending = [] }
    }
  }

  /// The same after a failed sync of everything.
  func loseAllUnsynced() {
    state.withLock { state in
      for node in state.names.values { node.pending = [] }
      state.pendingNames = []
    }
  }

  // MARK: Changes

  private static func apply(_ change: NameChange, to names: inout [String: Node]) {
    switch change {
    case .set(let path, let node): names[path] = node
    case .remove(let path): names[path] = nil
    case .move(let old, let new, let node):
      names[old] = nil
      names[new] = node
    }
  }

  private static func resize(_ bytes: inout [UInt8], _ size: Int) {
    if bytes.count > size { bytes.removeLast(bytes.count - size) }
    if bytes.count < size { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
  }

  private static func put(_ new: ArraySlice<UInt8>, _ at: Int, _ bytes: inout [UInt8]) {
    if bytes.count < at + new.count { resize(&bytes, at + new.count) }
    bytes.withUnsafeMutableBytes { all in
      new.withUnsafeBytes { all[at..<at + new.count].copyBytes(from: $0) }
    }
  }

  private static func change(_ node: Node, _ change: Change) {
    switch change {
    case .write(let at, let new): put(new[...], at, &node.bytes)
    case .truncate(let size): resize(&node.bytes, size)
    }
    node.pending.append(change)
  }

  private static func rename(_ change: NameChange, _ state: inout State) {
    apply(change, to: &state.names)
    state.pendingNames.append(change)
  }

  private static func sync(_ node: Node) {
    for change in node.pending {
      switch change {
      case .write(let at, let new): put(new[...], at, &node.durable)
      case .truncate(let size): resize(&node.durable, size)
      }
    }
    node.pending = []
  }

  /// A call that changes something; it fails when the power has gone.
  private func changing(_ body: (inout State) -> Int32) -> Int32 {
    state.withLock { state in
      guard !state.isOff else { return -EIO }
      let result = body(&state)
      if result >= 0 { state.changes += 1 }
      return result
    }
  }

  // MARK: SystemCalls

  func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    state.withLock { state in
      guard !state.isOff else { return -EIO }
      let node: Node
      if let found = state.names[path] {
        if flags & O_CREAT != 0, flags & O_EXCL != 0 { return -EEXIST }
        if found.isLink { return -ELOOP }
        if found.isFolder, flags & O_ACCMODE != O_RDONLY { return -EISDIR }
        if !found.isFolder, flags & O_DIRECTORY != 0 { return -ENOTDIR }
        node = found
        if flags & O_TRUNC != 0, !node.bytes.isEmpty {
          Self.change(node, .truncate(0))
          state.changes += 1
        }
      } else {
        guard flags & O_CREAT != 0, let folder = state.names[Self.folder(path)] else { return -ENOENT }
        guard folder.isFolder else { return -ENOTDIR }
        guard path.split(separator: "/").last.map({ $0.utf8.count <= 255 }) ?? false else {
          return -ENAMETOOLONG
        }
        node = Node(isFolder: false, number: state.nextNode)
        state.nextNode += 1
        Self.rename(.set(path, node), &state)
        state.changes += 1
      }
      state.nextDescriptor += 1
      state.open[state.nextDescriptor] = Open(node: node, path: path, appends: flags & O_APPEND != 0)
      return state.nextDescriptor
    }
  }

  func close(_ descriptor: Int32) -> Int32 {
    state.withLock { $0.open.removeValue(forKey: descriptor) == nil ? -EBADF : 0 }
  }

  private func fill(_ result: inout stat, _ node: Node) {
    result = stat()
    result.st_dev = 42
    result.st_ino = ino_t(node.number)
    result.st_mode = node.isFolder ? S_IFDIR | 0o755 : node.isLink ? S_IFLNK | 0o777 : S_IFREG | 0o644
    result.st_size = node.bytes.count
    result.st_nlink = 1
    result.st_mtim.tv_sec = node.isOld ? 0 : time(nil)
  }

  func status(_ path: String, follow: Bool, _ result: inout stat) -> Int32 {
    let (node, isOff) = state.withLock { ($0.names[path], $0.isOff) }
    if isOff { return -EIO }
    guard let node, !(follow && node.isLink) else { return -ENOENT }
    fill(&result, node)
    return 0
  }

  func status(_ descriptor: Int32, _ result: inout stat) -> Int32 {
    guard let node = state.withLock({ $0.open[descriptor]?.node }) else { return -EBADF }
    fill(&result, node)
    return 0
  }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int?) -> Int {
    let (address, length) = (UInt(bitPattern: buffer.baseAddress), buffer.count)
    return state.withLock { state in
      guard !state.isOff, let open = state.open[descriptor] else { return -Int(EIO) }
      let from = offset ?? open.position
      let count = max(0, min(length, open.node.bytes.count - from))
      open.node.bytes.withUnsafeBytes { bytes in
        if count > 0, let to = UnsafeMutableRawPointer(bitPattern: address) {
          memcpy(to, bytes.baseAddress! + from, count)
        }
      }
      if offset == nil { state.open[descriptor]?.position += count }
      return count
    }
  }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Int {
    let new = Array(bytes)
    return state.withLock { state in
      guard !state.isOff else { return -Int(EIO) }
      guard let open = state.open[descriptor] else { return -Int(EBADF) }
      let node = open.node
      let at = offset ?? (open.appends ? node.bytes.count : open.position)
      var taken = new
      let growth = at + new.count - node.bytes.count
      if state.capacity < .max, growth > 0 {
        let used = state.names.values.reduce(0) { $0 + $1.bytes.count }
        let lacking = used + growth - state.capacity
        if lacking >= new.count { return -Int(ENOSPC) }
        if lacking > 0 { taken.removeLast(lacking) }
      }
      Self.change(node, .write(at: at, taken))
      state.changes += 1
      if offset == nil { state.open[descriptor]?.position = at + taken.count }
      return taken.count
    }
  }

  func truncate(_ descriptor: Int32, to size: Int) -> Int32 {
    changing { state in
      guard let node = state.open[descriptor]?.node else { return -EBADF }
      Self.change(node, .truncate(size))
      return 0
    }
  }

  func syncData(_ descriptor: Int32) -> Int32 {
    changing { state in
      guard let node = state.open[descriptor]?.node else { return -EBADF }
      Self.sync(node)
      return 0
    }
  }

  func syncFolder(_ descriptor: Int32) -> Int32 {
    changing { state in
      guard let path = state.open[descriptor]?.path else { return -EBADF }
      for change in state.pendingNames where change.folders.contains(path) {
        Self.apply(change, to: &state.durableNames)
      }
      state.pendingNames.removeAll { $0.folders.contains(path) }
      return 0
    }
  }

  func syncFileSystem(_ descriptor: Int32) -> Int32 {
    changing { state in
      for node in state.names.values { Self.sync(node) }
      state.durableNames = state.names
      state.pendingNames = []
      return 0
    }
  }

  func unlink(_ path: String) -> Int32 {
    changing { state in
      guard let node = state.names[path] else { return -ENOENT }
      if node.isFolder { return -EISDIR }
      Self.rename(.remove(path), &state)
      return 0
    }
  }

  func rename(_ old: String, _ new: String) -> Int32 {
    changing { state in
      guard let node = state.names[old] else { return -ENOENT }
      Self.rename(.move(old, new, node), &state)
      return 0
    }
  }

  func renameNoReplace(_ old: String, _ new: String) -> Int32 {
    changing { state in
      guard let node = state.names[old] else { return -ENOENT }
      if state.names[new] != nil { return -EEXIST }
      Self.rename(.move(old, new, node), &state)
      return 0
    }
  }

  func link(_ old: String, _ new: String) -> Int32 {
    changing { state in
      guard let node = state.names[old] else { return -ENOENT }
      if state.names[new] != nil { return -EEXIST }
      Self.rename(.set(new, node), &state)
      return 0
    }
  }

  func makeFolder(_ path: String) -> Int32 {
    changing { state in
      if state.names[path] != nil { return -EEXIST }
      guard let above = state.names[Self.folder(path)] else { return -ENOENT }
      if !above.isFolder { return -ENOTDIR }
      let node = Node(isFolder: true, number: state.nextNode)
      state.nextNode += 1
      Self.rename(.set(path, node), &state)
      return 0
    }
  }

  func leaveCache(_ descriptor: Int32, _ start: Int, _ count: Int) {}
}
