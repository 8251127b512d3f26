import Glibc
import ParcelSystem

/// A fixed number of 1 MiB buffers in one mapping each; memory is used only where bytes are copied to. The buffer freed
/// last is taken first, so that a slow download touches few.
final class BufferPool: @unchecked Sendable {
  static let bufferBytes = 1 << 20

  private struct State {
    var count: Int
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

  private let lock = Monitor()
  private var state: State
  private let smallLimit: Int

  init(buffers: Int, smallBytes: Int) {
    state = State(count: buffers)
    smallLimit = smallBytes
  }

  /// Raises the number of buffers; it never falls.
  func grow(to count: Int) { lock.locked { state.count = max(state.count, count) } }

  func setShares(_ shares: Int) { lock.locked { state.shares = max(shares, 1) } }

  func setOnSpace(_ action: @escaping @Sendable () -> Void) { lock.locked { state.onSpace = action } }

  /// All `count` buffers or none.
  func take(_ count: Int, for share: Share) -> [UnsafeMutableRawPointer]? {
    lock.locked {
      let quota = max(state.count / state.shares, count)
      guard state.inUse + count <= state.count, share.inUse + count <= quota else {
        state.waiting = true
        return nil
      }
      var taken: [UnsafeMutableRawPointer] = []
      for _ in 0..<count {
        guard let buffer = state.free.popLast() ?? Self.map() else {
          state.free += taken
          state.waiting = true
          return nil
        }
        taken.append(buffer)
      }
      state.inUse += count
      share.inUse += count
      return taken
    }
  }

  func give(_ buffer: UnsafeMutableRawPointer, of share: Share) {
    notify {
      state.free.append(buffer)
      state.inUse -= 1
      share.inUse -= 1
    }
  }

  /// Memory for a small file, false when too much is in use.
  func takeSmall(_ bytes: Int) -> Bool {
    lock.locked {
      guard state.smallBytes == 0 || state.smallBytes + bytes <= smallLimit else {
        state.waiting = true
        return false
      }
      state.smallBytes += bytes
      return true
    }
  }

  func giveSmall(_ bytes: Int) { notify { state.smallBytes -= bytes } }

  /// True when no small file is in memory.
  var noSmallBytes: Bool { lock.locked { state.smallBytes == 0 } }

  /// After the change a paused writer may find room: those who wait are told, once, without the lock.
  private func notify(_ change: () -> Void) {
    let action = lock.locked { () -> (@Sendable () -> Void)? in
      change()
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
    for buffer in state.free { munmap(buffer, Self.bufferBytes) }
  }
}
