import Foundation
import ParcelCore
import ParcelTesting
import ParcelUDT
import Synchronization

/// Runs blocking work on a thread of its own: Swift's shared pool stays free.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}

/// libudt for all tests of the process, let go of before it ends.
enum Shared {
  private static let kept = Mutex<UDTLibrary?>(nil)

  static func library() throws -> UDTLibrary {
    try kept.withLock { kept in
      if let kept { return kept }
      let library = try UDTLibrary()
      kept = library
      atexit { Shared.letGo() }
      return library
    }
  }

  private static func letGo() { kept.withLock { $0 = nil } }
}

/// A listener on a loopback address, and both ends of one connection to it.
struct Pair: Sendable {
  let listener: UDTListener
  let client: UDTStream
  let server: UDTStream

  init(host: String = "127.0.0.1", options: UDTOptions = UDTOptions()) throws {
    let library = try Shared.library()
    listener = try UDTListener(host: host, port: 0, options: options, library: library)
    client = try UDTStream.connect(host: host, port: listener.port, options: options, library: library)
    guard let accepted = try listener.accept(timeout: 10) else { throw NobodyCame() }
    server = accepted
  }

  func close() {
    client.close()
    server.close()
    listener.close()
  }
}

struct NobodyCame: Error {}

/// Buffers of 64 packets: small enough to fill.
var smallBuffers: UDTOptions {
  var options = UDTOptions()
  options.flowWindow = 64
  options.linger = 1
  return options
}

/// Bytes that look random and are the same each time.
func pattern(_ count: Int, seed: UInt64) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return UInt8(truncatingIfNeeded: state >> 24)
  }
}

extension UDTStream {
  func write(_ bytes: [UInt8], timeout: Double = 20) throws {
    try bytes.withUnsafeBytes { try write($0, timeout: timeout) }
  }

  /// One read of at most `limit` bytes.
  func read(atMost limit: Int = 64 << 10, timeout: Double = 20) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: limit)
    let count = try buffer.withUnsafeMutableBytes { try read(into: $0, timeout: timeout) }
    return Array(buffer[..<count])
  }

  /// Reads until `count` bytes are there or the stream ends.
  func read(exactly count: Int) throws -> [UInt8] {
    var all: [UInt8] = []
    while all.count < count {
      let some = try read(atMost: min(64 << 10, count - all.count))
      if some.isEmpty { break }
      all += some
    }
    return all
  }
}

/// FNV-1a in 64 bits, as StockPeer has it.
func digest(_ bytes: [UInt8]) -> UInt64 {
  bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

/// The built StockPeer, running.
func stockPeer(_ arguments: [String]) throws -> RunningProgram { try RunningProgram("StockPeer", arguments) }

/// Where it listens, the first line of those that do.
func port(of stock: RunningProgram) throws -> Int { Int(try stock.line()) ?? 0 }

/// Runs something again and again on a thread of its own until it is stopped.
final class Background: @unchecked Sendable {
  private let isStopped = Atomic<Bool>(false)
  private let ended = DispatchSemaphore(value: 0)

  init(_ body: @escaping @Sendable () -> Void) {
    Thread.detachNewThread {
      while !self.isStopped.load(ordering: .acquiring) { body() }
      self.ended.signal()
    }
  }

  func stop() {
    isStopped.store(true, ordering: .releasing)
    ended.wait()
  }
}

/// Between one client and a server, both ways: loses some datagrams, by a seed.
final class LossyPath: @unchecked Sendable {
  private let front = LoopbackSocket()
  private let back = LoopbackSocket()
  private let state: Mutex<(random: Seeded, client: Int, lost: Int)>
  private var threads: [Background] = []
  var port: Int { front.port }
  var lost: Int { state.withLock { $0.lost } }

  init(to server: Int, loss: Double, seed: UInt64) {
    state = Mutex((Seeded(seed), 0, 0))
    threads = [
      Background { [front, back, self] in
        guard let (bytes, port) = front.receive() else { return }
        self.state.withLock { $0.client = port }
        if !self.loses(loss) { back.send(bytes, to: server) }
      },
      Background { [front, back, self] in
        guard let (bytes, _) = back.receive() else { return }
        let client = self.state.withLock { $0.client }
        if !self.loses(loss) { front.send(bytes, to: client) }
      },
    ]
  }

  private func loses(_ share: Double) -> Bool {
    state.withLock { state in
      let isLost = Double.random(in: 0..<1, using: &state.random) < share
      if isLost { state.lost += 1 }
      return isLost
    }
  }

  func stop() { for thread in threads { thread.stop() } }
}

extension UDTStream {
  /// Reads until the stream ends.
  func readToEnd() throws -> [UInt8] {
    var all: [UInt8] = []
    while true {
      let some = try read()
      if some.isEmpty { return all }
      all += some
    }
  }
}
