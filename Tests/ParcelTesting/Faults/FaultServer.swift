import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// An HTTP server on loopback that does wrong what it is told to, and nothing else: raw sockets, a thread for each
/// connection. Paths that begin with `/plain` are served without faults.
///
/// The same faults and the same requests in the same order give the same answers.
package final class FaultServer: Sendable {
  private struct State {
    var object: FaultObject
    var original: FaultObject
    var faults: [Fault]
    var requests: [FaultRequest] = []
    var sent = 0
    var open: Set<Int32> = []
    var threads: [OwnThread] = []
    var isStopping = false
  }

  package let port: Int
  private let listener: Int32
  private let state: Mutex<State>
  /// Wakes those that stall.
  private let monitor = Monitor()

  /// `port` 0: one that is free.
  package init(_ object: FaultObject, faults: [Fault] = [], port: Int = 0) throws {
    state = Mutex(State(object: object, original: object, faults: faults))
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else { throw FixtureError("socket: \(errno)") }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 64) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    guard isBound else {
      let code = errno
      close(listener)
      throw FixtureError("port \(port): \(code)")
    }
    self.port = Int(in_port_t(bigEndian: address.sin_port))
    start { [self] in accept() }
  }

  package var url: String { "http://127.0.0.1:\(port)" }
  package var requests: [FaultRequest] { state.withLock { $0.requests } }
  /// What it has still to do wrong.
  package var faults: [Fault] { state.withLock { $0.faults } }
  /// Bytes of bodies that were sent.
  package var sent: Int { state.withLock { $0.sent } }
  /// The object as it is now.
  package var object: FaultObject { state.withLock { $0.object } }

  /// Other faults, another object, counts from zero: connections stay.
  package func reset(_ object: FaultObject? = nil, faults: [Fault] = []) {
    state.withLock { state in
      if let object { state.original = object }
      state.object = state.original
      state.faults = faults
      state.requests = []
      state.sent = 0
    }
    monitor.locked { monitor.wakeAll() }
  }

  /// Ends all connections and threads. Blocks.
  package func stop() {
    let threads = state.withLock { state in
      state.isStopping = true
      for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
      defer { state.threads = [] }
      return state.threads
    }
    shutdown(listener, Int32(SHUT_RDWR))
    monitor.locked { monitor.wakeAll() }
    for thread in threads { thread.join() }
    close(listener)
  }

  var isStopping: Bool { state.withLock { $0.isStopping } }

  private func start(_ body: @escaping @Sendable () -> Void) {
    guard let thread = try? OwnThread.startJoinable(stackSize: 512 << 10, body) else { return }
    state.withLock { $0.threads.append(thread) }
  }

  private func accept() {
    while true {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0 else {
        if errno == EINTR || errno == ECONNABORTED { continue }
        return
      }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      let mayServe = state.withLock { state in
        if state.isStopping { return false }
        state.open.insert(descriptor)
        return true
      }
      guard mayServe else {
        close(descriptor)
        return
      }
      start { [self] in
        FaultConnection(self, descriptor).run()
        _ = state.withLock { $0.open.remove(descriptor) }
        close(descriptor)
      }
    }
  }

  // MARK: For connections

  /// Notes a request; returns it with its number, the object as it is now, and the faults of its answer.
  func begin(_ request: FaultRequest) -> (FaultRequest, FaultObject, [Fault]) {
    state.withLock { state in
      var request = request
      if request.path.hasPrefix("/plain") { return (request, state.original, []) }
      request.number = state.requests.count + 1
      state.requests.append(request)
      var now: [Fault] = []
      for i in state.faults.indices where !state.faults[i].kind.isOfBody {
        guard state.faults[i].count > 0, Self.meets(state.faults[i], request, state.object) else { continue }
        use(i, &state)
        if !Self.change(&state.object, state.faults[i]) { now.append(state.faults[i]) }
      }
      return (request, state.object, now)
    }
  }

  private func use(_ i: Int, _ state: inout State) {
    if state.faults[i].count != .max { state.faults[i].count -= 1 }
  }

  private static func meets(_ fault: Fault, _ request: FaultRequest, _ object: FaultObject) -> Bool {
    if let number = fault.request, request.number < number { return false }
    guard let byte = fault.byte else { return true }
    let range = request.range ?? ByteRange(0, object.bytes.count)
    return range.start <= byte && byte < range.end
  }

  /// True when the fault was one of the object.
  private static func change(_ object: inout FaultObject, _ fault: Fault) -> Bool {
    switch fault.kind {
    case .version:
      object.etag += "n"
      object.bytes = FaultObject.content(
        fault.number(object.bytes.count), seed: UInt64(object.etag.utf8.count) &* 77)
    case .retag: object.etag += "t"
    case .validator: object.validator = fault.argument.flatMap(FaultObject.Validator.init) ?? .none
    default: return false
    }
    return true
  }

  /// The next fault of the body in `range`, where it happens.
  func nextBodyFault(in range: ByteRange, of request: FaultRequest) -> (at: Int, index: Int)? {
    if request.path.hasPrefix("/plain") { return nil }
    return state.withLock { state in
      var found: (at: Int, index: Int)?
      for (i, fault) in state.faults.enumerated() where fault.kind.isOfBody && fault.count > 0 {
        if let number = fault.request, request.number < number { continue }
        let at = fault.byte ?? range.start
        if at >= range.start, at < range.end, found.map({ at < $0.at }) ?? true { found = (at, i) }
      }
      return found
    }
  }

  /// The fault, when it is still to happen.
  func takeBodyFault(_ index: Int) -> Fault? {
    state.withLock { state in
      guard index < state.faults.count, state.faults[index].count > 0 else { return nil }
      use(index, &state)
      return state.faults[index]
    }
  }

  func count(sent bytes: Int) { state.withLock { $0.sent += bytes } }

  /// Waits, at most until the server stops or `isOver`, looked at every 50 ms.
  func stall(milliseconds: Int?, isOver: () -> Bool) {
    let end = milliseconds.map { MonotonicClock.nanoseconds() + Int64($0) * 1_000_000 } ?? .max
    while !isStopping, !isOver() {
      let now = MonotonicClock.nanoseconds()
      if now >= end { return }
      monitor.locked { _ = monitor.wait(until: min(end, now + 50_000_000)) }
    }
  }
}
