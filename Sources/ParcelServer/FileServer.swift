import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// How a server is set up.
package struct ServerOptions: Sendable {
  package var host = "127.0.0.1"
  /// 0: any free one.
  package var port = 0
  /// Bytes per second over all connections; nil: no limit.
  package var rate: Int?
  /// Bytes per second of each connection; nil: no limit.
  package var connectionRate: Int?
  /// What `X-Auth-Token` must be; nil: open to all.
  package var token: String?
  /// Where to append one line of JSON for each answer.
  package var log: String?
  package var limits = ServerLimits()

  package init() {}
}

/// The HTTP file server: a listener, a thread for each connection, an orderly end.
package final class FileServer: Sendable {
  private struct State {
    var connections: [Int: Connection] = [:]
    var next = 0
    var isStopping = false
  }

  private let listener: TCPListener
  private let shared: Connection.Shared
  private let state = Mutex(State())
  private let running = Countdown()

  /// Listens and serves when it returns. Throws `Failure` when the address or the log cannot be used.
  package init(_ content: any Content, _ options: ServerOptions = ServerOptions()) throws(Failure) {
    var log: AccessLog?
    if let path = options.log { log = try AccessLog(path: path) }
    shared = Connection.Shared(
      handler: Handler(content: content, token: options.token), limits: options.limits,
      total: options.rate.map { Throttle(bytesPerSecond: $0) }, perConnection: options.connectionRate,
      log: log)
    listener = try TCPListener(host: options.host, port: options.port)
    let started = listener.start { [weak self] stream in
      guard let self else {
        stream.abort()
        stream.close()
        return
      }
      if self.shared.total != nil || self.shared.perConnection != nil { stream.limitSendBuffer(128 << 10) }
      self.serve(stream)
    }
    guard started else {
      throw Failure(.network, retry: .needsUser, "Could not start a thread: the system has no more.")
    }
  }

  package var port: Int { listener.port }
  /// `http://127.0.0.1:8080`, without a slash at the end.
  package var url: String {
    "http://\(listener.host.contains(":") ? "[\(listener.host)]" : listener.host):\(listener.port)"
  }

  /// Serves one more stream, wherever it comes from, on a thread of its own. Does not block.
  package func serve(_ stream: any ByteStream) {
    let connection = Connection(stream, shared)
    let number = state.withLock { state -> Int? in
      guard !state.isStopping, state.connections.count < shared.limits.connections else { return nil }
      state.next += 1
      state.connections[state.next] = connection
      return state.next
    }
    guard let number else { return refuse(stream) }
    running.enter()
    let started = ServiceThread.start { [self] in
      connection.run()
      forget(number)
    }
    if !started {
      forget(number)
      refuse(stream)
    }
  }

  private func forget(_ number: Int) {
    state.withLock { _ = $0.connections.removeValue(forKey: number) }
    running.leave()
  }

  private func refuse(_ stream: any ByteStream) {
    let answer = Answer.text(503, closes: true, headers: [HTTPHeader("Retry-After", "1")])
    let bytes =
      answer.head(now: Int(Clock.wall()), keepsAlive: false) + Array("503 Service Unavailable\n".utf8)
    bytes.withUnsafeBytes { try? stream.write($0, timeout: 0.1) }
    stream.stopReading()  // so that closing does not wait for the client
    stream.close()
  }

  /// Takes no more connections, lets running answers end for at most `deadline` seconds, breaks off the rest.
  /// Called once; blocks. True when nothing had to be broken off.
  @discardableResult
  package func stop(deadline: Double) -> Bool {
    listener.stop()
    let open = state.withLock { state -> [Connection] in
      state.isStopping = true
      return state.connections.keys.sorted().compactMap { state.connections[$0] }
    }
    for connection in open { connection.finish() }
    if running.wait(seconds: deadline) { return true }
    for connection in state.withLock({ Array($0.connections.values) }) { connection.abort() }
    _ = running.wait(seconds: 5)
    return false
  }
}
