import Glibc
import ParcelCore
import ParcelNet
import ParcelSystem

/// Answers `GET /metrics` with counters in Prometheus' text format, to this machine only.
package final class MetricsServer: Sendable {
  private let listener: TCPListener
  private let path: String?
  /// Few at a time: one that says nothing must not keep a thread for long, nor many of them many.
  private let service: MetricsThreads

  /// `address`: "HOST:PORT" on loopback, or "unix:PATH". Throws `Failure(.input)` for anything else, `Failure(.network)`
  /// when it cannot listen there.
  package init(_ address: String, text: @escaping @Sendable () -> String) throws(Failure) {
    if address.hasPrefix("unix:") {
      let path = String(address.dropFirst(5))
      listener = try TCPListener(listening: Self.unixSocket(path))
      self.path = path
    } else {
      let endpoint = try Self.loopback(address)
      listener = try TCPListener(host: endpoint.host, port: endpoint.port)
      path = nil
    }
    let service = MetricsThreads(text: text)
    self.service = service
    guard listener.start({ service.answer($0) }) else {
      throw Failure(.network, retry: .needsUser, "Could not start a thread: the system has no more.")
    }
  }

  package var port: Int { listener.port }

  /// Once.
  package func stop() {
    listener.stop()
    if let path { unlink(path) }
  }

  /// Throws unless all addresses of it are this machine's own.
  package static func loopback(_ text: String) throws(Failure) -> Endpoint {
    // Port 0 is any free one; nothing else has it.
    let isAny = text.hasSuffix(":0")
    guard var endpoint = Endpoint(isAny ? String(text.dropLast()) + "1" : text) else {
      throw refused(text, "it must be HOST:PORT or unix:PATH")
    }
    if isAny { endpoint.port = 0 }
    guard case .success(let addresses) = SocketAddress.resolve(host: endpoint.host, port: endpoint.port)
    else {
      throw refused(text, "the host is not known")
    }
    let own = ["127.0.0.0/8", "::1"].compactMap(AddressRange.init)
    guard addresses.allSatisfy({ address in own.contains { $0.contains(address) } }) else {
      throw refused(text, "it can be reached from other machines")
    }
    return endpoint
  }

  private static func refused(_ text: String, _ cause: String) -> Failure {
    Failure(
      .input, retry: .never, "Metrics cannot be at '\(Printable.text(text))': \(cause).",
      remedy: "Use 127.0.0.1:PORT or unix:PATH.")
  }

  /// A listening AF_UNIX socket that only its owner and group can use; one that nobody listens on any more is replaced.
  private static func unixSocket(_ path: String) throws(Failure) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !path.isEmpty, path.utf8.count < room else {
      throw refused("unix:" + path, "the path is empty or longer than \(room - 1) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    func call(_ body: (UnsafePointer<sockaddr>) -> Int32) -> Int32 {
      withUnsafePointer(to: address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) } }
    }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let probe = socket(AF_UNIX, kind, 0)
    if call({ connect(probe, $0, size) }) != 0, errno == ECONNREFUSED { unlink(path) }
    close(probe)
    let listening = socket(AF_UNIX, kind, 0)
    let mask = umask(0o117)
    let isBound = call { bind(listening, $0, size) } == 0
    let cause = Errno.last
    umask(mask)
    guard isBound, listen(listening, 16) == 0 else {
      close(listening)
      throw Failure(
        .network, retry: .needsUser,
        "Could not listen on '\(Printable.text(path))' for metrics: \(cause.message).",
        remedy: "Choose another path.")
    }
    return listening
  }
}

/// The threads that answer.
final class MetricsThreads: Sendable {
  private let text: @Sendable () -> String
  private let running = Running()

  private final class Running: @unchecked Sendable {
    private let monitor = Monitor()
    /// Only inside `monitor`.
    private var count = 0

    func enter() -> Bool {
      monitor.locked {
        guard count < 8 else { return false }
        count += 1
        return true
      }
    }

    func leave() { monitor.locked { count -= 1 } }
  }

  init(text: @escaping @Sendable () -> String) { self.text = text }

  func answer(_ stream: TCPStream) {
    guard running.enter() else { return refuse(stream) }
    let started = ServiceThread.start(stackSize: 256 << 10) { [self] in
      respond(stream)
      running.leave()
    }
    if !started {
      running.leave()
      refuse(stream)
    }
  }

  private func refuse(_ stream: TCPStream) {
    stream.abort()
    stream.close()
  }

  private func respond(_ stream: TCPStream) {
    defer { stream.close() }
    guard let request = head(stream) else { return }
    let isKnown = request.hasPrefix("GET /metrics ") || request.hasPrefix("GET /metrics?")
    let body = isKnown ? text() : "Only GET /metrics is here.\n"
    let answer =
      "HTTP/1.0 \(isKnown ? "200 OK" : "404 Not Found")\r\n"
      + "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
      + "Content-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n" + body
    let bytes = Array(answer.utf8)
    bytes.withUnsafeBytes { try? stream.write($0, timeout: 2) }
  }

  /// The request up to the empty line; nil when it does not come within 2 s or is longer than 8 KiB.
  private func head(_ stream: TCPStream) -> String? {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8192, alignment: 16)
    defer { buffer.deallocate() }
    let deadline = MonotonicClock.seconds() + 2
    var count = 0
    while count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
      guard let more = try? stream.read(into: rest, timeout: deadline - MonotonicClock.seconds()), more > 0
      else { return nil }
      count += more
      let text = String(decoding: buffer[..<count], as: UTF8.self)
      if text.utf8.count >= 4, text.contains("\r\n\r\n") || text.contains("\n\n") { return text }
    }
    return nil
  }
}
