import ParcelCore
import ParcelNet
import ParcelSystem
import Synchronization

/// Asks a server for one byte of a file, the way its download will: same headers, same redirects, same rules, and through
/// the same transport, so that the connection is there for the download. Blocks.
struct ServerProbe: Sendable {
  /// Seconds for everything about one server.
  static let limit = 5.0
  private static let redirects = 10
  /// Numbers that the engine, which counts from 1, never comes to.
  private static let numbers = Atomic(UInt64.max)

  let transport: any Transport
  /// Sent to the URL's own origin only.
  let credentials: [HTTPHeader]

  /// `size`: what the manifest says.
  func ask(_ url: String, size: Int?) -> ServerFacts.Outcome {
    let start = MonotonicClock.seconds()
    var next = url
    var left = Self.redirects
    while true {
      let receiver = ProbeReceiver(
        ResponseExpectation(url: next, range: ByteRange(0, 1), size: size), now: Clocks.epoch())
      let id = TransferID(Self.numbers.subtract(1, ordering: .relaxed).oldValue)
      let isTrusted = Address.sameOrigin(next, url)
      transport.open(
        TransferRequest(
          id: id, url: next, range: ByteRange(0, 1), headers: isTrusted ? credentials : [], shared: false,
          mayUseNetrc: isTrusted),
        receiver: receiver)
      guard let end = receiver.wait(seconds: start + Self.limit - MonotonicClock.seconds()) else {
        transport.stop(id)
        let isConnected = receiver.wait(seconds: 0.5).map { $0.connectSeconds != nil } ?? false
        return .silent(seconds: Self.limit, connected: isConnected || next != url)
      }
      guard let head = end.head, let verdict = receiver.verdict else { return .failed(Self.failure(end)) }
      guard case .redirect(let location, _) = verdict, left > 0,
        let target = Address.resolve(location, against: next), !Address.isDowngrade(from: next, to: target)
      else { return .answered(head, verdict, body: end.errorBody) }
      left -= 1
      next = target
    }
  }

  private static func failure(_ end: TransferEnd) -> Failure {
    if case .failed(let failure) = end.reason { return failure }
    return Failure(.server, retry: .later(after: nil), "no answer came")
  }

  /// When everything goes over udt: whether something that speaks UDT answers there.
  static func greet(_ relay: Endpoint) -> ServerFacts.Outcome {
    let (names, addresses) = ConnectionCheck.lookUp(relay, isProxy: false)
    guard !addresses.isEmpty else { return .noRelay(relay, names.failure ?? "no answer in time") }
    let answers = DatagramCheck.probe(addresses)
    let best = answers.first { $0.roundTrip != nil } ?? answers.first
    return .relay(relay, best?.outcome ?? .silent)
  }
}

/// Judges an answer's head and takes one byte.
private final class ProbeReceiver: TransferReceiver {
  private struct State {
    var verdict: ResponseVerdict?
    var end: TransferEnd?
  }
  private let state = Mutex(State())
  private let countdown = Countdown()
  private let asked: ResponseExpectation
  private let now: Int

  init(_ asked: ResponseExpectation, now: Int) {
    self.asked = asked
    self.now = now
    countdown.enter()
  }

  var verdict: ResponseVerdict? { state.withLock { $0.verdict } }

  func begin(_ head: ResponseHead) -> BodyDecision {
    let verdict = ResponseRule.check(head, asked: asked, now: now)
    state.withLock { $0.verdict = verdict }
    if case .part = verdict { return .receive }
    return .reject
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer { .enough }

  func end(_ end: TransferEnd) {
    state.withLock { $0.end = end }
    countdown.leave()
  }

  /// Nil: not yet.
  func wait(seconds: Double) -> TransferEnd? {
    if seconds > 0 { _ = countdown.wait(seconds: seconds) }
    return state.withLock { $0.end }
  }
}
