import Glibc
import ParcelCore
import ParcelHTTP
import ParcelSystem
import ParcelTesting
import ParcelTunnel
import Synchronization
import Testing

/// Programs of these tests, beside the test program itself.
enum Built {
  static let relay = RunningProgram.products + "/fake-relay"
  static let holder = RunningProgram.products + "/tunnel-holder"
}

/// One nginx for all tests; it dies with this process.
enum Shared {
  static let size = 4 << 20
  static let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ $0 >> 16) }
  private static let nginx = Result {
    let nginx = try Nginx()
    try nginx.root.write(bytes, to: "big")
    try nginx.root.write(bytes[..<1000], to: "small")
    return nginx
  }
  static func server() throws -> Nginx { try nginx.get() }
}

/// Keeps a transfer's answer.
final class Collector: TransferReceiver {
  struct State {
    var head: ResponseHead?
    var body: [UInt8] = []
    var end: TransferEnd?
    var ends = 0
  }
  private struct Guarded {
    var state = State()
    var waiters: [(condition: @Sendable (State) -> Bool, continuation: CheckedContinuation<State, Never>)] =
      []
  }
  private let guarded = Mutex(Guarded())

  var state: State { guarded.withLock { $0.state } }

  func until(_ condition: @escaping @Sendable (State) -> Bool) async -> State {
    await withCheckedContinuation { continuation in
      let now: State? = guarded.withLock { guarded in
        if condition(guarded.state) { return guarded.state }
        guarded.waiters.append((condition, continuation))
        return nil
      }
      if let now { continuation.resume(returning: now) }
    }
  }
  func ended() async -> State { await until { $0.end != nil } }

  func begin(_ head: ResponseHead) -> BodyDecision {
    change { $0.head = head }
    return .receive
  }
  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    change { $0.body += bytes }
    return .more
  }
  func end(_ end: TransferEnd) {
    change {
      $0.end = end
      $0.ends += 1
    }
  }

  private func change(_ body: (inout State) -> Void) {
    let (ready, state) = guarded.withLock { guarded in
      body(&guarded.state)
      let state = guarded.state
      let ready = guarded.waiters.filter { $0.condition(state) }
      guarded.waiters.removeAll { $0.condition(state) }
      return (ready, state)
    }
    for waiter in ready { waiter.continuation.resume(returning: state) }
  }
}

extension Collector.State {
  var failure: Failure? {
    if case .failed(let failure) = end?.reason { failure } else { nil }
  }
  var word: String {
    switch end?.reason {
    case .completed: "completed"
    case .stopped: "stopped"
    case .rejected: "rejected"
    case .failed(let failure): "failed: \(failure.text)"
    case nil: "open"
    }
  }
  /// The body is these bytes of the file. A Bool of its own: a failed comparison would print megabytes.
  func holds(_ range: Range<Int>) -> Bool { body.elementsEqual(Shared.bytes[range]) }
}

/// A tunnel transport over the fake relay, with libcurl inside.
final class Lab: Sendable {
  let transport: TunnelTransport
  private let numbers = Atomic<UInt64>(0)

  init(program: String = Built.relay, _ change: (inout TransportOptions) -> Void = { _ in }) {
    var options = TransportOptions()
    // Must not matter: a tunnel is direct.
    options.proxy = "http://127.0.0.1:9"
    change(&options)
    let settled = options
    transport = TunnelTransport(
      program: program, version: "fake",
      makeTransport: { path in
        var settings = CurlSettings()
        settings.kind = .udt
        settings.connectThrough = .path(path)
        return CurlTransport(options: settled, settings: settings)
      })
  }

  deinit {
    transport.shutDown()
    _ = transport.waitUntilGone(seconds: 60)
  }

  @discardableResult
  func open(
    _ url: String, through relay: Endpoint?, shared: Bool = false, range: Range<Int>? = nil,
    _ receiver: any TransferReceiver
  ) -> TransferID {
    let id = TransferID(numbers.add(1, ordering: .relaxed).newValue)
    transport.open(
      TransferRequest(
        id: id, url: url, range: range.map { ByteRange($0.lowerBound, $0.upperBound) }, headers: [],
        shared: shared, relay: relay), receiver: receiver)
    return id
  }

  func fetch(
    _ url: String, through relay: Endpoint?, shared: Bool = false, range: Range<Int>? = nil
  ) async -> Collector.State {
    let collector = Collector()
    open(url, through: relay, shared: shared, range: range, collector)
    return await collector.ended()
  }
}

/// The port in a URL.
func port(_ url: String) -> Int { Int(url.split(separator: ":").last ?? "") ?? 0 }

/// Tells when the programs that hold it open live, and their numbers.
final class Fifo: Sendable {
  let path: String
  private let descriptor: Int32

  init(in folder: TemporaryFolder) throws {
    path = folder.path + "/fifo"
    guard mkfifo(path, 0o600) == 0 else { throw FixtureError("mkfifo: \(errno)") }
    descriptor = Glibc.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw FixtureError("\(path): \(errno)") }
  }

  deinit { close(descriptor) }

  /// The next program's number; nil when none comes within a minute.
  func program() async -> pid_t? {
    await onThread { [self] in
      var text: [UInt8] = []
      let deadline = MonotonicClock.seconds() + 60
      while MonotonicClock.seconds() < deadline {
        var byte: UInt8 = 0
        if read(descriptor, &byte, 1) == 1 {
          if byte == 0x0A { return pid_t(String(decoding: text, as: UTF8.self)) }
          text.append(byte)
        } else {
          // A fifo without a writer is readable all the time: nothing to wait on.
          usleep(2000)
        }
      }
      return nil
    }
  }

  /// Waits until all programs that held it are gone; false when that takes more than a minute.
  func isLeft() async -> Bool {
    await onThread { [self] in
      var poller = pollfd(fd: descriptor, events: 0, revents: 0)
      return poll(&poller, 1, 60_000) == 1 && poller.revents & Int16(POLLHUP) != 0
    }
  }
}

/// Runs what blocks on a thread of its own.
func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
  await withCheckedContinuation { continuation in
    let started = ServiceThread.start { continuation.resume(returning: body()) }
    precondition(started)
  }
}

/// Starts the holder; its output comes from `output`.
func startHolder(
  _ arguments: [String], environment: [String] = [], program: String = Built.holder
) throws -> (pid: pid_t, output: Int32) {
  let (near, far) = try socketPair()
  defer { close(far) }
  let pid = try Spawn.start([program] + arguments, environment: environment, descriptors: [(far, 1)])
  return (pid, near)
}

/// Everything up to the end of a stream, or of its first line.
func text(from descriptor: Int32, line: Bool = false) async -> String {
  await onThread {
    var all: [UInt8] = []
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1, !(line && byte == 0x0A) { all.append(byte) }
    return String(decoding: all, as: UTF8.self)
  }
}

/// Waits for a child's end.
func bury(_ pid: pid_t) async {
  await onThread { while waitpid(pid, nil, 0) == -1, errno == EINTR {} }
}
