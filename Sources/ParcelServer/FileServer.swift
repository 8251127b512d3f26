import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

extension SocketAddress {
  /// 127.0.0.0/8, also in IPv6's form, and ::1.
  fileprivate var isLoopback: Bool {
    let host = name.host
    return host.hasPrefix("127.") || host.hasPrefix("::ffff:127.") || host == "::1"
  }
}

/// How a server is set up.
package struct ServerOptions: Sendable {
  package var host = "127.0.0.1"
  /// 0: any free one.
  package var port = 0
  /// Bytes per second over all connections; nil: no limit.
  package var rate: Int?
  /// Bytes per second of each connection; nil: no limit.
  package var connectionRate: Int?
  /// Who may connect; empty: everybody.
  package var allowed: [AddressRange] = []
  /// What `X-Auth-Token` must be; nil: open to all.
  package var token: String?
  /// Allows the token to cross a network in clear: without TLS, off loopback.
  package var allowsCleartext = false
  /// What clients see first; nil: no TLS.
  package var certificate: TLSCertificate?
  /// What answers over TCP say of UDT.
  package var advertised = Advertised.nothing
  /// Where to append one line of JSON for each answer.
  package var log: String?
  package var limits = ServerLimits()

  package init() {}
}

/// Where answers over TCP tell clients to find the same objects over UDT (`Alt-Svc: parcel-udt=…`).
package enum Advertised: Sendable {
  case nothing
  /// The port number of TCP, at the name the client knows already.
  case samePort
  case at(Endpoint)

  /// The header's value for a server on `port` (RFC 7838, section 3); an empty host is the same host.
  func header(port: Int) -> String? {
    switch self {
    case .nothing: nil
    case .samePort: "parcel-udt=\":\(port)\""
    case .at(let endpoint): "parcel-udt=\"\(endpoint.text)\""
    }
  }
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
  private let certificate: TLSCertificate?
  private let allowed: [AddressRange]
  private let state = Mutex(State())
  private let running = Countdown()

  /// Listens and serves when it returns. Throws `Failure` when the address or the log cannot be used.
  package init(_ content: any Content, _ options: ServerOptions = ServerOptions()) throws(Failure) {
    var log: AccessLog?
    if let path = options.log { log = try AccessLog(path: path) }
    try Self.checkToken(options)
    listener = try TCPListener(host: options.host, port: options.port)
    certificate = options.certificate
    allowed = options.allowed
    shared = Connection.Shared(
      handler: Handler(content: content, token: options.token), limits: options.limits,
      total: options.rate.map { Throttle(bytesPerSecond: $0) }, perConnection: options.connectionRate,
      log: log, alternative: options.advertised.header(port: listener.port))
    let started = listener.start { [weak self] stream in
      guard let self else {
        stream.abort()
        stream.close()
        return
      }
      if self.shared.total != nil || self.shared.perConnection != nil { stream.limitSendBuffer(128 << 10) }
      self.serve(stream, over: .tcp)
    }
    guard started else {
      throw Failure(.network, retry: .needsUser, "Could not start a thread: the system has no more.")
    }
  }

  /// A token that anybody on the way can read protects nothing.
  private static func checkToken(_ options: ServerOptions) throws(Failure) {
    guard options.token != nil, options.certificate == nil, !options.allowsCleartext else { return }
    guard case .success(let addresses) = SocketAddress.resolve(host: options.host, port: 0, passive: true),
      !addresses[0].isLoopback
    else { return }  // what cannot be resolved fails when it is listened on
    throw Failure(
      .input, retry: .needsUser,
      "Could not serve with a token on '\(Printable.text(options.host))': without TLS it would cross the network in clear.",
      remedy: "Give --cert and --key, listen on 127.0.0.1, or add --allow-cleartext.")
  }

  /// The address it listens on in numbers.
  package var host: String { listener.host }
  package var port: Int { listener.port }
  /// `http://127.0.0.1:8080`, without a slash at the end.
  package var url: String {
    "\(certificate == nil ? "http" : "https")://\(listener.host.contains(":") ? "[\(listener.host)]" : listener.host):\(listener.port)"
  }

  package var counters: ServerCounters {
    shared.figures.counters(open: state.withLock { $0.connections.count })
  }

  private func isAllowed(_ peer: String) -> Bool {
    let host = Endpoint(peer)?.host ?? peer
    return allowed.isEmpty || allowed.contains { $0.contains(host) }
  }

  /// Serves one more stream, wherever it comes from, on a thread of its own; with TLS when the server has a
  /// certificate. Does not block. `ended` is called once, when nothing of it is left.
  package func serve(
    _ stream: any ByteStream, over way: Way, ended: @escaping @Sendable () -> Void = {}
  ) {
    shared.figures.accepted()
    guard isAllowed(stream.peer) else {
      shared.figures.refused()
      stream.abort()
      stream.close()
      return ended()
    }
    serveAllowed(stream, over: way, ended: ended)
  }

  private func serveAllowed(
    _ stream: any ByteStream, over way: Way, ended: @escaping @Sendable () -> Void
  ) {
    func turnAway(_ stream: any ByteStream) {
      shared.figures.refused()
      refuse(stream, over: way)
      ended()
    }
    var stream = stream
    if let certificate {
      guard let tls = TLSStream(over: stream, certificate) else { return turnAway(stream) }
      stream = tls
    }
    let connection = Connection(stream, over: way, shared)
    let number = state.withLock { state -> Int? in
      guard !state.isStopping, state.connections.count < shared.limits.connections else { return nil }
      state.next += 1
      state.connections[state.next] = connection
      return state.next
    }
    guard let number else { return turnAway(stream) }
    running.enter()
    let started = ServiceThread.start { [self] in
      connection.run()
      ended()
      forget(number)
    }
    if !started {
      forget(number)
      turnAway(stream)
    }
  }

  private func forget(_ number: Int) {
    state.withLock { _ = $0.connections.removeValue(forKey: number) }
    running.leave()
  }

  private func refuse(_ stream: any ByteStream, over way: Way) {
    // Words in clear are for those who do not expect TLS, and closing UDT may wait for the client.
    guard certificate == nil, way == .tcp else {
      stream.abort()
      stream.close()
      return
    }
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
