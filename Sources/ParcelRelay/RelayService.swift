import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// Accepts connections, opens another stream for each, copies both ways, and ends in order.
///
/// Each connection has two threads of its own. All calls from any thread.
package final class RelayService: Sendable {
  /// Opens the other stream, blocking its thread.
  package typealias Connect = @Sendable () throws(RelayRefusal) -> RelayEnd
  /// Waits up to some seconds for a connection; nil: nobody came. `Failure(.cancelled)`: there will be none any more.
  package typealias Accept = @Sendable (Double) throws(Failure) -> RelayEnd?

  private struct State {
    /// Nil while the other stream is being opened.
    var connections: [Int: RelayConnection?] = [:]
    var sources: [String: Int] = [:]
    var next = 0
    var isStopping = false
    var isBreaking = false
    var counters = RelayCounters()
  }

  package let settings: RelaySettings
  /// What is connected to, for the log.
  package let target: String
  private let connect: Connect
  private let observe: @Sendable (RelayNotice) -> Void
  private let spool: Spool
  private let sampler = PathSampler()
  private let state = Mutex(State())
  private let running = Countdown()
  private let accepting = Countdown()
  private let listeners = Mutex<[TCPListener]>([])

  package init(
    target: String, _ settings: RelaySettings = RelaySettings(),
    observe: @escaping @Sendable (RelayNotice) -> Void = { _ in }, connect: @escaping Connect
  ) {
    self.target = target
    self.settings = settings
    self.observe = observe
    self.connect = connect
    spool = Spool(limit: settings.spool)
  }

  // MARK: Accepting

  /// Takes what that listener accepts, and stops it at the end.
  package func accept(from listener: TCPListener) throws(Failure) {
    guard listener.start({ [self] stream in take(RelayEnd(stream)) }) else { throw Self.noThread }
    listeners.withLock { $0.append(listener) }
  }

  /// Takes what `accept` gives, on a thread that asks again and again until the service stops, and calls `close` then.
  package func accept(
    close: @escaping @Sendable () -> Void = {}, by accept: @escaping Accept
  ) throws(Failure) {
    accepting.enter()
    let started = ServiceThread.start { [self] in
      acceptLoop(accept)
      close()
      accepting.leave()
    }
    guard started else {
      accepting.leave()
      throw Self.noThread
    }
  }

  private static var noThread: Failure {
    Failure(.network, retry: .needsUser, "Could not start a thread: the system has no more.")
  }

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  private func acceptLoop(_ accept: Accept) {
    var pause = 0.0
    while !isStopping {
      do throws(Failure) {
        if let end = try accept(0.25) { take(end) }
        pause = 0
      } catch {
        if error.code == .cancelled { return }
        // Out of descriptors or memory, most likely: others must end first.
        pause = min(1, max(0.05, pause * 2))
        usleep(useconds_t(pause * 1e6))
      }
    }
  }

  /// Takes one more connection, wherever it comes from. Does not block.
  package func take(_ near: RelayEnd) {
    let source = near.source
    let isAllowed = source.map { source in
      settings.allowed.isEmpty || settings.allowed.contains { $0.contains(source) }
    }
    guard isAllowed ?? true else { return deny(near, "its address is not allowed") }
    let number = state.withLock { admit(source, &$0) }
    guard let number else { return deny(near, "there are too many connections") }
    running.enter()
    let started = ServiceThread.start(stackSize: 256 << 10) { [self] in
      run(number, near)
      leave(number, source)
    }
    if !started {
      leave(number, source)
      deny(near, "no thread is left")
    }
  }

  private func admit(_ source: String?, _ state: inout State) -> Int? {
    guard !state.isStopping, state.connections.count < settings.maxConnections else { return nil }
    if let source {
      guard state.sources[source, default: 0] < settings.maxPerSource ?? .max else { return nil }
      state.sources[source, default: 0] += 1
    }
    state.next += 1
    state.counters.total += 1
    state.connections[state.next] = .some(nil)
    return state.next
  }

  private func leave(_ number: Int, _ source: String?) {
    state.withLock { state in
      state.connections.removeValue(forKey: number)
      guard let source, let count = state.sources[source] else { return }
      state.sources[source] = count > 1 ? count - 1 : nil
    }
    running.leave()
  }

  private func deny(_ near: RelayEnd, _ reason: String) {
    state.withLock {
      $0.counters.total += 1
      $0.counters.refused += 1
    }
    near.stream.abort()
    near.stream.close()
    observe(.denied(peer: near.stream.peer, reason: reason))
  }

  // MARK: One connection

  private func run(_ number: Int, _ near: RelayEnd) {
    let started = MonotonicClock.seconds()
    let peer = near.stream.peer
    let far: RelayEnd
    do throws(RelayRefusal) {
      far = try connect()
    } catch {
      state.withLock { $0.counters.connectFailures += 1 }
      near.stream.abort()
      near.stream.close()
      return observe(.refused(peer: peer, error))
    }
    observe(.connected(peer: peer, target: target, seconds: MonotonicClock.seconds() - started))
    let connection = RelayConnection(near: near, far: far, settings: settings, spool: spool)
    sampler.add(number, near: near, far: far)
    let isStopping = state.withLock { state in
      state.connections[number] = connection
      return state.isBreaking
    }
    if isStopping { connection.tell(.stop) }
    connection.run()
    var record = RelayRecord(peer: peer, target: target, path: sampler.remove(number))
    connection.close(record: &record)
    state.withLock { state in
      state.connections[number] = .some(nil)
      state.counters.add(record)
    }
    observe(.ended(record))
  }

  // MARK: Figures and the end

  /// As of now.
  package var counters: RelayCounters {
    var (counters, open) = state.withLock { state in
      var counters = state.counters
      counters.open = state.connections.count
      return (counters, state.connections.values.compactMap { $0 })
    }
    for connection in open {
      let figures = connection.figures
      counters.sent += figures.sent
      counters.received += figures.received
      counters.spooled += figures.spooled
    }
    open.removeAll()
    (counters.path, counters.past) = sampler.sums(now: MonotonicClock.seconds())
    return counters
  }

  package var openConnections: Int { state.withLock { $0.connections.count } }

  /// Takes no more connections and waits until the open ones have ended, at most `deadline` seconds; breaks off the rest.
  /// Called once; blocks. True when nothing had to be broken off.
  @discardableResult package func stop(deadline: Double) -> Bool {
    state.withLock { $0.isStopping = true }
    for listener in listeners.withLock({ $0 }) { listener.stop() }
    _ = accepting.wait(seconds: 10)
    if running.wait(seconds: deadline) { return true }
    breakOff()
    _ = running.wait(seconds: 5)
    return false
  }

  /// Breaks all connections, those that are about to begin too. They end soon.
  package func breakOff() {
    let open = state.withLock { state in
      state.isStopping = true
      state.isBreaking = true
      return state.connections.values.compactMap { $0 }
    }
    for connection in open { connection.tell(.stop) }
  }
}

extension RelayCounters {
  fileprivate mutating func add(_ record: RelayRecord) {
    sent += record.sent
    received += record.received
    spooled += record.spooled
    guard !record.isClean else { return }
    failed += 1
    if record.how == "broken" { resets += 1 }
  }
}
