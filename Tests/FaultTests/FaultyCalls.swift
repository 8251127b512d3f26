import Glibc
import ParcelCore
import ParcelStorage
import Synchronization
import Testing

/// Calls of another system, of which some fail.
final class FaultyCalls: SystemCalls, Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case open, close, status, read, write, truncate, syncData, syncFolder, syncFileSystem, unlink, rename,
      renameNoReplace, link, makeFolder

    /// What such a call may say.
    var errors: [Int32] {
      switch self {
      case .open: [EIO, ENOSPC, EDQUOT, EROFS, EINTR, ESTALE, EACCES]
      case .close: [EIO, ENOSPC, EDQUOT, EINTR]
      case .status: [EIO, ESTALE, EINTR]
      case .read: [EIO, EINTR, ESTALE]
      case .write: [EIO, ENOSPC, EDQUOT, EROFS, EINTR, ESTALE]
      case .truncate: [EIO, EROFS, EINTR]
      case .syncData, .syncFileSystem: [EIO, ENOSPC, EDQUOT, EINTR, ESTALE]
      case .syncFolder: [EIO, EINTR, ESTALE]
      case .unlink: [EIO, EROFS, EINTR]
      case .rename, .renameNoReplace, .link, .makeFolder: [EIO, ENOSPC, EROFS, EINTR]
      }
    }
  }

  enum Effect: Hashable, Sendable {
    case error(Int32)
    /// Half of what was asked for.
    case short
  }

  struct Fault: Hashable, Sendable, CustomStringConvertible {
    var kind: Kind
    /// The first call that fails, from 0 on.
    var call: Int
    var effect: Effect
    /// True: all later ones too, until `heal`.
    var stays = false
    /// With `stays`: after so many it passes, as when somebody makes room.
    var times = Int.max

    var description: String {
      let what = if case .error(let code) = effect { "error \(code)" } else { "short" }
      return "\(kind.rawValue) \(call)\(stays ? " and on" : ""): \(what)"
    }
  }

  /// Two or three faults, each in one of a kind's first `calls` calls.
  static func someFaults(_ random: inout SeededRandom, calls: UInt64) -> [Fault] {
    (0..<2 + Int(random.next() % 2)).map { _ in
      let kind = Kind.allCases[Int(random.next() % UInt64(Kind.allCases.count))]
      let effect = Effect.error(kind.errors[Int(random.next() % UInt64(kind.errors.count))])
      return Fault(
        kind: kind, call: Int(random.next() % calls), effect: effect,
        stays: effect != .error(EINTR) && random.next() % 3 == 0)
    }
  }

  /// Every fault of a kind, once and for good, at every call, until a run has none left to fail; `thinned`: errors that nothing
  /// tells apart at every third call, unless the run is a deep one. `run` says how many calls failed and whether all was called done.
  static func sweep(
    _ kind: Kind, thinned: Bool = false, run: ([Fault]) async -> (hits: Int, isDone: Bool)
  ) async {
    var effects = kind.errors.map { Effect.error($0) }
    if kind == .write || kind == .read { effects.append(.short) }
    var turn = 0
    for effect in effects {
      for stays in [false, true] {
        // What is interrupted for ever does not end; what is short for ever does.
        if stays, effect == .error(EINTR) { continue }
        let isAlone = [.error(EIO), .error(EINTR), .short].contains(effect)
        let step = !thinned || depth > 1 || isAlone ? 1 : 3
        var call = turn % step
        turn += 1
        while true {
          let (hits, isDone) = await run([Fault(kind: kind, call: call, effect: effect, stays: stays)])
          if hits == 0 {
            #expect(isDone)
            break
          }
          if effect == .error(EINTR) || effect == .short { #expect(isDone, "\(kind) \(call) \(effect)") }
          call += step
        }
      }
    }
  }

  private struct State {
    var faults: [Fault]
    var counts: [Kind: Int] = [:]
    var hits = 0
  }

  private let disk: MemoryDisk
  private let state: Mutex<State>
  /// Kinds that this file system does not have, and what it says.
  private let lacks: [Kind: Int32]

  init(_ disk: MemoryDisk, _ faults: [Fault] = [], lacks: [Kind: Int32] = [:]) {
    self.disk = disk
    self.lacks = lacks
    state = Mutex(State(faults: faults))
  }

  /// Calls that were made to fail.
  var hits: Int { state.withLock { $0.hits } }
  /// Calls of a kind so far.
  func count(_ kind: Kind) -> Int { state.withLock { $0.counts[kind, default: 0] } }
  func heal() { state.withLock { $0.faults = [] } }

  private func effect(_ kind: Kind) -> Effect? {
    if let code = lacks[kind] { return .error(code) }
    return state.withLock { state in
      let call = state.counts[kind, default: 0]
      state.counts[kind] = call + 1
      let fault = state.faults.first {
        $0.kind == kind && ($0.stays ? call >= $0.call && call - $0.call < $0.times : call == $0.call)
      }
      if fault != nil { state.hits += 1 }
      return fault?.effect
    }
  }

  private func failing(_ kind: Kind, _ body: () -> Int32) -> Int32 {
    if case .error(let code) = effect(kind) { return -code }
    return body()
  }

  func open(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
    failing(.open) { disk.open(path, flags, mode) }
  }

  /// Fails after it has closed, as the kernel does it.
  func close(_ descriptor: Int32) -> Int32 {
    let effect = effect(.close)
    let result = disk.close(descriptor)
    if case .error(let code) = effect { return -code }
    return result
  }

  func status(_ path: String, follow: Bool, _ result: inout stat) -> Int32 {
    if case .error(let code) = effect(.status) { return -code }
    return disk.status(path, follow: follow, &result)
  }

  func status(_ descriptor: Int32, _ result: inout stat) -> Int32 {
    if case .error(let code) = effect(.status) { return -code }
    return disk.status(descriptor, &result)
  }

  func read(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer, at offset: Int?) -> Int {
    switch effect(.read) {
    case .error(let code): -Int(code)
    case .short:
      disk.read(
        descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[..<max(buffer.count / 2, 1)]), at: offset)
    case nil: disk.read(descriptor, buffer, at: offset)
    }
  }

  func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int?) -> Int {
    switch effect(.write) {
    case .error(let code): -Int(code)
    case .short:
      disk.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<max(bytes.count / 2, 1)]), at: offset)
    case nil: disk.write(descriptor, bytes, at: offset)
    }
  }

  func truncate(_ descriptor: Int32, to size: Int) -> Int32 {
    failing(.truncate) { disk.truncate(descriptor, to: size) }
  }

  func syncData(_ descriptor: Int32) -> Int32 { syncing(.syncData, descriptor) { disk.syncData(descriptor) } }
  func syncFolder(_ descriptor: Int32) -> Int32 { failing(.syncFolder) { disk.syncFolder(descriptor) } }

  func syncFileSystem(_ descriptor: Int32) -> Int32 {
    let code = failing(.syncFileSystem) { disk.syncFileSystem(descriptor) }
    if code < 0, code != -EINTR { disk.loseAllUnsynced() }
    return code
  }

  private func syncing(_ kind: Kind, _ descriptor: Int32, _ body: () -> Int32) -> Int32 {
    let code = failing(kind, body)
    if code < 0, code != -EINTR { disk.loseUnsynced(descriptor) }
    return code
  }

  func unlink(_ path: String) -> Int32 { failing(.unlink) { disk.unlink(path) } }
  func rename(_ old: String, _ new: String) -> Int32 { failing(.rename) { disk.rename(old, new) } }

  func renameNoReplace(_ old: String, _ new: String) -> Int32 {
    failing(.renameNoReplace) { disk.renameNoReplace(old, new) }
  }

  func link(_ old: String, _ new: String) -> Int32 { failing(.link) { disk.link(old, new) } }
  func makeFolder(_ path: String) -> Int32 { failing(.makeFolder) { disk.makeFolder(path) } }
  func leaveCache(_ descriptor: Int32, _ start: Int, _ count: Int) {}
}
