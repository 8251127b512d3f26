import ParcelCore
import ParcelHTTP
import ParcelSystem
import Synchronization

/// The first byte of an object, fetched the way downloads are. Everything here blocks.
struct AnswerCheck {
  let options: TransportOptions
  private static let limit = 10.0
  private static let redirects = 5

  func measure(_ url: String) -> AnswerMeasurement {
    let transport = CurlTransport(options: options)
    defer { transport.shutDown() }
    var result = AnswerMeasurement(url: url, now: Clocks.epoch())
    var next = url
    let start = MonotonicClock.seconds()
    while true {
      // All redirects together get as long as one answer may take.
      let left = max(1, start + Self.limit - MonotonicClock.seconds())
      let step = Self.fetch(next, transport, seconds: left)
      result.now = Clocks.epoch()
      result.seconds = MonotonicClock.seconds() - start
      result.httpVersion = step.httpVersion
      guard let head = step.head else {
        result.failure = step.failure
        return result
      }
      let location = (300..<400).contains(head.status) ? head["location"] : nil
      guard let location, let target = Address.resolve(location, against: next),
        result.redirects.count < Self.redirects, !Address.isDowngrade(from: next, to: target)
      else {
        result.head = head
        return result
      }
      result.redirects.append(target)
      next = target
    }
  }

  private struct Step {
    var head: ResponseHead?
    var failure: Failure?
    var httpVersion: String?
  }

  private static func fetch(_ url: String, _ transport: CurlTransport, seconds: Double) -> Step {
    let receiver = FirstByte()
    let id = TransferID(1)
    transport.open(
      TransferRequest(id: id, url: url, range: ByteRange(0, 1), headers: [], shared: false),
      receiver: receiver)
    if let end = receiver.wait(seconds: seconds) { return step(end) }
    transport.stop(id)
    if let end = receiver.wait(seconds: 1), end.head != nil { return step(end) }
    let failure = Failure(
      .stalled, retry: .later(after: nil), "no answer within \(Int(limit)) s",
      remedy: "Check the network, and whether the server is overloaded.")
    return Step(failure: failure)
  }

  private static func step(_ end: TransferEnd) -> Step {
    var step = Step(head: end.head, httpVersion: end.httpVersion)
    if end.head == nil {
      if case .failed(let failure) = end.reason { step.failure = failure }
      step.failure = step.failure ?? Failure(.server, retry: .later(after: nil), "no answer")
    }
    return step
  }
}

/// Wants an answer's head and one byte.
private final class FirstByte: TransferReceiver {
  private let outcome = Mutex<TransferEnd?>(nil)
  private let countdown = Countdown()

  init() { countdown.enter() }

  func begin(_ head: ResponseHead) -> BodyDecision { head.status == 206 ? .receive : .reject }
  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer { .enough }

  func end(_ end: TransferEnd) {
    outcome.withLock { $0 = end }
    countdown.leave()
  }

  /// Nil: not yet.
  func wait(seconds: Double) -> TransferEnd? {
    _ = countdown.wait(seconds: seconds)
    return outcome.withLock { $0 }
  }
}
