import Glibc
import Synchronization

/// A fixed number of 1 MiB buffers in one mapping each; memory is used only where bytes are copied to. The buffer freed
/// last is taken first, so that a slow download touches few.
final class BufferPool: @unchecked Sendable {
  static let bufferBytes = 1 << 20

  private struct State {
    var count: Int
    var made = 0
    var free: [UnsafeMutableRawPointer] = []
    var inUse = 0
    /// Parts of the pool, so that one hung disk does not take all of it: file systems that have open files.
    var shares = 1
    var smallBytes = 0
    var waiting = false
    var onSpace: (@Sendable () -> Void)?
  }

  /// What one file system has of the pool. Guarded by the pool.
  final class Share: @unchecked Sendable {
    fileprivate var inUse = 0
  }

  private let state: Mutex<State>
  private let smallLimit: Int

  init(buffers: Int, smallBytes: Int) {
    state = Mutex(State(count: buffers))
    smallLimit = smallBytes
  }

  /// Raises the number of buffers; it never falls.
  func grow(to count: Int) { state.withLock { $0.count = max($0.count, count) } }

  func setShares(_ shares: Int) { state.withLock { $0.shares = max(shares, 1) } }

  func setOnSpace(_ action: @escaping @Sendable () -> Void) { state.withLock { $0.onSpace = action } }

  /// All `count` buffers or none.
  func take(_ count: Int, for share: Share) -> [UnsafeMutableRawPointer]? {
    state.withLock { state -> [UInt]? in
      let quota = max(state.count / state.shares, count)
      guard state.inUse + count <= state.count, share.inUse + count <= quota else {
        state.waiting = true
        return nil
      }
      var taken: [UInt] = []
      for _ in 0..<count {
        guard let buffer = state.free.popLast() ?? Self.map() else {
          state.free += taken.compactMap { UnsafeMutableRawPointer(bitPattern: $0) }
          state.waiting = true
          return nil
        }
        taken.append(UInt(bitPattern: buffer))
      }
      state.inUse += count
      share.inUse += count
      return taken
    }?.compactMap { UnsafeMutableRawPointer(bitPattern: $0) }
  }

  func give(_ buffer: UnsafeMutableRawPointer, of share: Share) {
    let address = UInt(bitPattern: buffer)
    notify { state in
      if let buffer = UnsafeMutableRawPointer(bitPattern: address) { state.free.append(buffer) }
      state.inUse -= 1
      share.inUse -= 1
    }
  }

  /// Memory for a small file, false when too much is in use.
  func takeSmall(_ bytes: Int) -> Bool {
    state.withLock { state in
      guard state.smallBytes == 0 || state.smallBytes + bytes <= smallLimit else {
        state.waiting = true
        return false
      }
      state.smallBytes += bytes
      return true
    }
  }

  func giveSmall(_ bytes: Int) { notify { $0.smallBytes -= bytes } }

  /// True when no small file is in memory.
  var noSmallBytes: Bool { state.withLock { $0.smallBytes == 0 } }

  private func notify(_ change: (inout sending State) -> Void) {
    let action = state.withLock { state -> (@Sendable () -> Void)? in
      change(&state)
      guard state.waiting else { return nil }
      state.waiting = false
      return state.onSpace
    }
    action?()
  }

  private static func map() -> UnsafeMutableRawPointer? {
    let memory = mmap(nil, bufferBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return memory == MAP_FAILED ? nil : memory
  }

  deinit {
    for buffer in state.withLock({ $0.free.map { UInt(bitPattern: $0) } }) {
      munmap(UnsafeMutableRawPointer(bitPattern: buffer), Self.bufferBytes)
    }
  }
}
