import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// Serves requests on one byte stream, one after the other, until it ends. Runs on a thread of its own.
final class Connection: Sendable {
  /// What all connections of a server share.
  struct Shared: Sendable {
    var handler: Handler
    var limits: ServerLimits
    var total: Throttle?
    var perConnection: Int?
    var log: AccessLog?
    /// The value of `Alt-Svc` in answers over TCP (RFC 7838); nil: none.
    var alternative: String?
    var figures = ServerFigures()
  }

  let stream: any ByteStream
  let way: Way
  private let shared: Shared
  private let own: Throttle?
  private let stopping = Atomic<Bool>(false)
  private let aborted = Atomic<Bool>(false)

  init(_ stream: any ByteStream, over way: Way, _ shared: Shared) {
    self.stream = stream
    self.way = way
    self.shared = shared
    own = shared.perConnection.map { Throttle(bytesPerSecond: $0) }
  }

  /// The running answer is finished, no other begun. Any thread.
  func finish() {
    stopping.store(true, ordering: .releasing)
    stream.stopReading()
  }

  /// Breaks off at once. Any thread.
  func abort() {
    aborted.store(true, ordering: .releasing)
    stream.abort()
  }

  /// Blocks until the connection is over; closes the stream.
  func run() {
    defer { stream.close() }
    if let tls = stream as? TLSStream {
      guard (try? tls.handshake(timeout: shared.limits.headTimeout)) != nil else { return }
    }
    var input = Input(stream)
    defer { input.free() }
    var goesOn = true
    while goesOn, !stopping.load(ordering: .acquiring) {
      let next = input.head(idle: shared.limits.idleTimeout, deadline: shared.limits.headTimeout)
      switch next {
      case .none: goesOn = false
      case .refuse(let status):
        _ = send(.text(status, closes: true), to: nil)
        goesOn = false
      case .head(let request): goesOn = serve(request, &input)
      }
    }
  }

  /// False when the connection is not to be used again.
  private func serve(_ request: RequestHead, _ input: inout Input) -> Bool {
    switch bodyLength(request) {
    case .failure(let refusal): return send(.text(refusal.status, closes: true), to: request)
    case .success(let length):
      // A body means nothing to GET; it is read so that the next request begins in the right place.
      guard length == 0 || length <= shared.limits.ignoredBody else {
        return send(.text(413, closes: true), to: request)
      }
      guard input.skip(length, timeout: shared.limits.headTimeout) else { return false }
      return send(shared.handler.answer(request), to: request)
    }
  }

  private func bodyLength(_ request: RequestHead) -> Result<Int, RequestParser.Refusal> {
    let lengths = request.all("content-length")
    if request["transfer-encoding"] != nil {
      return .failure(RequestParser.Refusal(status: lengths.isEmpty ? 501 : 400))
    }
    guard let first = lengths.first else { return .success(0) }
    guard lengths.allSatisfy({ $0 == first }), !first.isEmpty, first.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 })
    else {
      return .failure(RequestParser.Refusal(status: 400))
    }
    return .success(Int(first) ?? Int.max)
  }

  // MARK: Sending

  /// Sends an answer and logs it. `request` nil: it could not be read. True when another request may follow.
  private func send(_ answer: Answer, to request: RequestHead?) -> Bool {
    let began = MonotonicClock.seconds()
    let keepsAlive =
      !answer.closes && request?.keepsAlive == true && !stopping.load(ordering: .acquiring)
    var sent = 0
    let complete = write(answer, request, keepsAlive: keepsAlive, sent: &sent)
    if !complete { stream.abort() }  // the client must not take a cut answer for an end
    shared.figures.answered(answer.status, isComplete: complete)
    shared.log?.write(
      AccessLog.Entry(
        peer: stream.peer, way: way, method: request?.method ?? "-", target: request?.target ?? "-",
        range: request?["range"],
        status: answer.status, bytes: sent, complete: complete, seconds: MonotonicClock.seconds() - began))
    return complete && keepsAlive
  }

  private func write(_ answer: Answer, _ request: RequestHead?, keepsAlive: Bool, sent: inout Int) -> Bool {
    var answer = answer
    if way == .tcp, let alternative = shared.alternative {
      answer.headers.append(HTTPHeader("Alt-Svc", alternative))
    }
    var head = answer.head(now: Int(Clock.wall()), keepsAlive: keepsAlive)
    let isHead = request?.method == "HEAD"
    if case .bytes(let bytes) = answer.body, !isHead { head += bytes }
    guard writeAll(head) else { return false }
    guard !isHead else { return true }
    switch answer.body {
    case .none: return true
    case .bytes(let bytes):
      sent = bytes.count
      shared.figures.sent(sent)
      return true
    case .file(let body, let range): return write(body, range, &sent)
    }
  }

  private func writeAll(_ bytes: [UInt8]) -> Bool {
    do throws(StreamEnd) {
      // Typed errors do not pass through closures of `withUnsafeBytes` in every compiler; a result does.
      try bytes.withUnsafeBytes { buffer -> Result<Void, StreamEnd> in
        do throws(StreamEnd) {
          return .success(try stream.write(buffer, timeout: shared.limits.writeTimeout))
        } catch { return .failure(error) }
      }.get()
      return true
    } catch { return false }
  }

  private func write(_ body: any ServedBody, _ range: ByteRange, _ sent: inout Int) -> Bool {
    let throttles = [own, shared.total].compactMap { $0 }
    let piece = throttles.map(\.piece).min() ?? 1 << 20
    let fast = (stream as? any FileSending).flatMap { stream in body.descriptor.map { (stream, $0) } }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: fast == nil ? min(256 << 10, piece) : 16, alignment: 4096)
    defer { buffer.deallocate() }
    while sent < range.count {
      if aborted.load(ordering: .acquiring) { return false }
      let count = min(fast == nil ? buffer.count : piece, range.count - sent)
      for throttle in throttles {
        guard throttle.wait(count, isStopped: { aborted.load(ordering: .acquiring) }) else { return false }
      }
      do throws(StreamEnd) {
        let offset = range.start + sent
        if let (stream, descriptor) = fast {
          let done = try stream.send(
            file: descriptor, at: offset, count: count, timeout: shared.limits.writeTimeout)
          guard done > 0 else { return false }  // the file is shorter than it was
          sent += done
          shared.figures.sent(done)
        } else {
          let got = body.read(at: offset, into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
          guard got > 0 else { return false }
          try stream.write(
            UnsafeRawBufferPointer(rebasing: buffer[..<got]), timeout: shared.limits.writeTimeout)
          sent += got
          shared.figures.sent(got)
        }
      } catch { return false }
    }
    return true
  }
}

/// What carries a connection.
package enum Way: String, Sendable {
  case tcp, udt
}

/// How long and how large things may be. Seconds and bytes.
package struct ServerLimits: Sendable {
  /// Wait for a request's first byte.
  package var idleTimeout: Double = 75
  /// From a head's first byte to its last.
  package var headTimeout: Double = 20
  /// Longest wait for a client that takes no bytes.
  package var writeTimeout: Double = 60
  /// Largest request body that is read and ignored.
  package var ignoredBody = 1 << 20
  /// Connections at the same time; more are answered 503.
  package var connections = 4096

  package init() {}
}

/// The bytes that come in; what a request leaves over is kept for the next (pipelining).
struct Input {
  enum Next {
    /// The stream ended or stayed silent between two requests.
    case none
    case head(RequestHead)
    case refuse(Int)
  }

  private let stream: any ByteStream
  private var pending: [UInt8] = []
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 64)

  init(_ stream: any ByteStream) { self.stream = stream }

  func free() { buffer.deallocate() }

  /// Reads the next head. Times in seconds: `idle` to its first byte, `deadline` from there to its end.
  mutating func head(idle: Double, deadline: Double) -> Next {
    var end = MonotonicClock.seconds() + deadline
    while true {
      if !pending.isEmpty {
        switch pending.withUnsafeBufferPointer(RequestParser.parse) {
        case .more: break
        case .refuse(let status): return .refuse(status)
        case .head(let head, let length):
          pending.removeFirst(length)
          return .head(head)
        }
      }
      let isIdle = pending.isEmpty
      do throws(StreamEnd) {
        guard try read(timeout: isIdle ? idle : max(0, end - MonotonicClock.seconds())) else {
          return isIdle ? .none : .refuse(400)
        }
        if isIdle { end = MonotonicClock.seconds() + deadline }
      } catch {
        return error == .timeout && !isIdle ? .refuse(408) : .none
      }
    }
  }

  /// Reads over `count` bytes of a body.
  mutating func skip(_ count: Int, timeout: Double) -> Bool {
    let end = MonotonicClock.seconds() + timeout
    var left = count
    while true {
      let taken = min(left, pending.count)
      pending.removeFirst(taken)
      left -= taken
      if left == 0 { return true }
      guard let more = try? read(timeout: max(0, end - MonotonicClock.seconds())), more else { return false }
    }
  }

  /// False at the end of the stream.
  private mutating func read(timeout: Double) throws(StreamEnd) -> Bool {
    let count = try stream.read(into: buffer, timeout: timeout)
    pending.append(contentsOf: buffer[..<count])
    return count > 0
  }
}
