import Glibc
import ParcelCore
import ParcelSystem

/// One connection of a `FaultServer`.
final class FaultConnection {
  private let server: FaultServer
  private let descriptor: Int32
  private var received: [UInt8] = []
  /// Bytes a second, once a fault says so.
  private var pace: Int?

  init(_ server: FaultServer, _ descriptor: Int32) {
    self.server = server
    self.descriptor = descriptor
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  func run() { while let request = readRequest(), answer(request) {} }

  // MARK: The request

  private func readRequest() -> FaultRequest? {
    var piece = [UInt8](repeating: 0, count: 8192)
    while true {
      if let end = headEnd() {
        let head = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 4)
        return parse(head)
      }
      guard received.count < 1 << 20 else { return nil }
      let count = recv(descriptor, &piece, piece.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return nil }
      received += piece[..<count]
    }
  }

  private func headEnd() -> Int? {
    guard received.count >= 4 else { return nil }
    return (0...(received.count - 4)).first { received[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
  }

  private func parse(_ head: String) -> FaultRequest? {
    let lines = head.split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3 else { return nil }
    var request = FaultRequest(number: 0, method: String(words[0]), path: String(words[1]))
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      let value = line[line.index(after: colon)...].drop { $0 == " " }
      switch line[..<colon].lowercased() {
      case "range": request.range = range(value)
      case "if-range": request.ifRange = String(value)
      default: break
      }
    }
    return request
  }

  private func range(_ value: Substring) -> ByteRange? {
    guard value.hasPrefix("bytes=") else { return nil }
    let ends = value.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let start = Int(ends[0]) else { return nil }
    return ByteRange(start, Int(ends[1]).map { max($0 + 1, start) } ?? .max)
  }

  // MARK: The answer

  /// False: the connection is over.
  private func answer(_ asked: FaultRequest) -> Bool {
    let (request, object, faults) = server.begin(asked)
    var answer = FaultAnswer(object, request)
    var pieces: Fault?
    for fault in faults {
      switch fault.kind {
      case .close: return false
      case .drop: return reset()
      case .garbage:
        return sendLast("\u{1}\u{2} this is no HTTP\r\n\r\n" + String(repeating: "#", count: 4000))
      case .endless: return sendEndlessHead()
      case .halfhead: return sendLast("HTTP/1.1 206 Partial Content\r\nContent-Ra")
      case .stallhead: wait(fault)
      case .slowhead: pieces = fault
      default: answer.apply(fault, object, request)
      }
    }
    guard send(answer.head, pieces?.number(5)) else { return false }
    guard request.method != "HEAD" else { return !answer.closes }
    return sendBody(answer, object, request) && !answer.closes
  }

  /// `pause`: milliseconds after each byte.
  private func send(_ text: String, _ pause: Int?) -> Bool {
    let bytes = Array(text.utf8)
    guard let pause, pause > 0 else { return bytes.withUnsafeBytes { send($0) } }
    for byte in bytes {
      guard [byte].withUnsafeBytes({ send($0) }) else { return false }
      server.stall(milliseconds: pause) { false }
    }
    return true
  }

  private func sendLast(_ text: String) -> Bool {
    _ = send(text, nil)
    return false
  }

  private func sendEndlessHead() -> Bool {
    guard send("HTTP/1.1 200 OK\r\n", nil) else { return false }
    let lines = String(repeating: "X-More: \(String(repeating: "a", count: 1000))\r\n", count: 64)
    // No client should take more than some megabytes.
    for _ in 0..<1024 where !server.isStopping { guard send(lines, nil) else { return false } }
    return false
  }

  private func sendBody(_ answer: FaultAnswer, _ object: FaultObject, _ request: FaultRequest) -> Bool {
    if let page = answer.page {
      guard answer.isChunked else { return page.withUnsafeBytes { send($0) } }
      let text = String(decoding: page, as: UTF8.self)
      return send("\(String(page.count, radix: 16))\r\n\(text)\r\n0\r\n\r\n", nil)
    }
    var position = answer.body.start
    while position < answer.body.end {
      let rest = ByteRange(position, answer.body.end)
      let fault = server.nextBodyFault(in: rest, of: request)
      guard sendBytes(object, ByteRange(position, fault?.at ?? rest.end), answer.lie) else { return false }
      position = fault?.at ?? rest.end
      guard let index = fault?.index, let fault = server.takeBodyFault(index) else { continue }
      switch fault.kind {
      case .cut: return false
      case .reset: return reset()
      case .stall: wait(fault)
      case .slow: pace = fault.number(100_000)
      case .garble:
        guard [object.bytes[position] ^ 0x5A].withUnsafeBytes({ send($0) }) else { return false }
        position += 1
      default: break
      }
    }
    guard answer.after > 0 else { return true }
    return [UInt8](repeating: 0x58, count: answer.after).withUnsafeBytes { send($0) }
  }

  private func sendBytes(_ object: FaultObject, _ range: ByteRange, _ lie: Int) -> Bool {
    var position = range.start
    while position < range.end {
      let count = min(range.end - position, pace.map { max($0 / 50, 1) } ?? 64 << 10)
      let shifted = position + lie + count <= object.bytes.count ? position + lie : position
      let isSent = object.bytes.withUnsafeBytes { all in
        send(UnsafeRawBufferPointer(rebasing: all[shifted..<shifted + count]))
      }
      guard isSent else { return false }
      server.count(sent: count)
      position += count
      if pace != nil { server.stall(milliseconds: 20) { false } }
    }
    return true
  }

  private func send(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var done = 0
    while done < bytes.count {
      let count = Glibc.send(
        descriptor, bytes.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
      if count > 0 { done += count } else if errno != EINTR { return false }
    }
    return true
  }

  /// The connection ends with RST instead of FIN.
  private func reset() -> Bool {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    return false
  }

  /// Until the fault is over or the client has gone.
  private func wait(_ fault: Fault) {
    server.stall(milliseconds: fault.argument.flatMap { Int($0) }) { [descriptor] in
      // POLLRDHUP: the client ended its side.
      var state = pollfd(fd: descriptor, events: 0x2000, revents: 0)
      return poll(&state, 1, 0) > 0
    }
  }
}
