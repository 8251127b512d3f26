import Glibc
import Synchronization

/// An HTTP/1.1 server on a free port of 127.0.0.1 that keeps every head it gets, for tests about what is sent to whom. What it
/// answers is the test's business. It is also a proxy: `CONNECT` opens a tunnel to wherever it is asked.
package final class RecordingServer: Sendable {
  package struct Request: Sendable {
    package var method: String
    package var target: String
    /// The whole head, line by line.
    package var lines: [String]

    /// The first field of that name; `name` in lower case.
    package func field(_ name: String) -> String? {
      for line in lines.dropFirst() {
        guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name else { continue }
        return String(line[line.index(after: colon)...].drop { $0 == " " })
      }
      return nil
    }
  }

  package struct Answer: Sendable {
    package var status: Int
    package var fields: [(String, String)]
    package var body: [UInt8]

    package init(_ status: Int, _ fields: [(String, String)] = [], body: [UInt8] = []) {
      self.status = status
      self.fields = fields
      self.body = body
    }
  }

  package let port: Int
  package var url: String { "http://127.0.0.1:\(port)" }
  private let listener: Int32
  private let answer: @Sendable (Request) -> Answer
  private let seen = Mutex<[Request]>([])

  package init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
    let socket = try ListeningSocket()
    (listener, port, self.answer) = (socket.descriptor, socket.port, answer)
    detach { [self] in accept() }
  }

  /// Everything so far, in the order it came.
  package var requests: [Request] { seen.withLock { $0 } }

  /// All heads as one text, to be searched.
  package var everything: String { requests.flatMap(\.lines).joined(separator: "\n") }

  /// Takes no more connections; open ones end with their clients.
  package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  // MARK: Connections, each on a thread of its own

  private func accept() {
    while true {
      let client = Glibc.accept(listener, nil, nil)
      if client < 0 {
        if errno == EINTR || errno == ECONNABORTED { continue }
        close(listener)
        return
      }
      detach { [self] in
        serve(client)
        close(client)
      }
    }
  }

  private func serve(_ client: Int32) {
    var waiting: [UInt8] = []
    while let request = head(from: client, &waiting) {
      seen.withLock { $0.append(request) }
      if request.method == "CONNECT",
        let target = request.target.split(separator: ":").last.flatMap({ UInt16($0) })
      {
        return tunnel(client, to: target)
      }
      let reply = answer(request)
      var text = "HTTP/1.1 \(reply.status) Whatever\r\nContent-Length: \(reply.body.count)\r\n"
      for (name, value) in reply.fields { text += "\(name): \(value)\r\n" }
      let isSent =
        send(Array((text + "\r\n").utf8), to: client)
        && (request.method == "HEAD" || send(reply.body, to: client))
      guard isSent else { return }
    }
  }

  private func head(from client: Int32, _ waiting: inout [UInt8]) -> Request? {
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let place = waiting.indices.first(where: { waiting[$0...].starts(with: end) }) {
        let lines = String(decoding: waiting[..<place], as: UTF8.self).split(separator: "\r\n").map(
          String.init)
        waiting.removeSubrange(..<(place + 4))
        let words = lines.first?.split(separator: " ").map(String.init) ?? []
        guard words.count == 3 else { return nil }
        return Request(method: words[0], target: words[1], lines: lines)
      }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(client, &buffer, buffer.count, 0)
      if count > 0 { waiting += buffer[..<count] } else if count == 0 || errno != EINTR { return nil }
    }
  }

  private func send(_ bytes: [UInt8], to client: Int32) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return false }
    }
    return true
  }

  /// To a port of this machine, whatever host was named: tests name none but their own.
  private func tunnel(_ client: Int32, to port: UInt16) {
    let far = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(far) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    let isConnected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(far, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard isConnected, send(Array("HTTP/1.1 200 Connected\r\n\r\n".utf8), to: client) else { return }
    var ends = [
      pollfd(fd: client, events: Int16(POLLIN), revents: 0),
      pollfd(fd: far, events: Int16(POLLIN), revents: 0),
    ]
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while poll(&ends, 2, -1) > 0 || errno == EINTR {
      for (from, to) in [(0, 1), (1, 0)] where ends[from].revents != 0 {
        let count = recv(ends[from].fd, &buffer, buffer.count, 0)
        guard count > 0, send(Array(buffer[..<count]), to: ends[to].fd) else { return }
      }
    }
  }

  private func detach(_ work: @escaping @Sendable () -> Void) {
    final class Box {
      let work: @Sendable () -> Void
      init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(work))
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Box>.fromOpaque(context).takeRetainedValue().work()
        return nil
      }, box.toOpaque())
    if code == 0 { pthread_detach(thread) } else { box.release() }
  }
}
