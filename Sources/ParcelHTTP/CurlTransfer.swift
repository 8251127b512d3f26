import CCurl
import ParcelCore

/// One transfer while it is open. Used on the transport's thread only.
final class CurlTransfer {
  /// How the transfer will end whatever libcurl says, once that is decided.
  enum Verdict {
    case undecided, stopped, enough, rejected
  }

  /// What a write callback tells libcurl.
  enum Answer {
    case taken, pause, end
  }

  /// Bytes kept of a rejected answer.
  private static let errorBodyLimit = 4 << 10
  /// Bytes of a rejected answer that are read and dropped so that the connection can be used again.
  private static let drainLimit = 16 << 10

  let opening: Opening
  let handle: EasyHandle
  var request: TransferRequest { opening.request }
  var receiver: any TransferReceiver { opening.receiver }
  var stopFlag: StopFlag { opening.stopFlag }
  unowned let loop: CurlLoop

  /// Where header lines go, nil for nowhere.
  var debug: DebugLog?
  /// Bytes taken in this turn of the rate limit.
  var turn = 0
  private(set) var verdict = Verdict.undecided
  private(set) var errorBody: [UInt8] = []
  /// Bytes of the body so far.
  private(set) var received = 0
  private var parser = HeadParser()
  private(set) lazy var secrets = Redaction.secrets(in: request.headers, url: request.url)

  init(_ opening: Opening, handle: EasyHandle, loop: CurlLoop) {
    self.opening = opening
    self.handle = handle
    self.loop = loop
  }

  /// The final answer, once it is complete.
  var head: ResponseHead? { parser.head }

  /// True when every byte the server announced has come.
  private var hasWholeBody: Bool { head?.contentLength == received }

  // MARK: Answer

  /// One line of a head, or of the trailers, as libcurl gives it. False: end the transfer.
  func take(headLine line: UnsafeRawBufferPointer) -> Bool {
    if stopFlag.isSet {
      verdict = .stopped
      return false
    }
    guard let head = parser.take(line) else { return true }
    switch receiver.begin(head) {
    case .receive: return true
    case .reject:
      verdict = .rejected
      return request.headOnly || head.status >= 400 || (head.contentLength ?? .max) <= Self.drainLimit
    }
  }

  // MARK: Body

  func take(body bytes: UnsafeRawBufferPointer) -> Answer {
    if stopFlag.isSet {
      verdict = .stopped
      return .end
    }
    guard verdict == .undecided else { return drop(bytes) }
    guard loop.limiter.admit(self, now: loop.now()) else { return .pause }
    let answer = receiver.write(bytes)
    switch answer {
    case .more, .enough:
      received += bytes.count
      loop.limiter.spend(bytes.count, by: self)
    case .pause:
      loop.isFull(self)
      return .pause
    case .stop:
      verdict = .stopped
      return .end
    }
    guard answer == .enough else { return .taken }
    verdict = .enough
    // With the body's last byte, libcurl finishes by itself and keeps the connection.
    return hasWholeBody ? .taken : .end
  }

  /// Bytes that nobody wants: the beginning of an error's text, and a short rest to keep the connection.
  private func drop(_ bytes: UnsafeRawBufferPointer) -> Answer {
    guard verdict == .rejected, let head else { return .end }
    received += bytes.count
    if head.status >= 400 {
      errorBody += bytes.prefix(Self.errorBodyLimit - errorBody.count)
    }
    if hasWholeBody { return .taken }
    let isEnough = errorBody.count >= Self.errorBodyLimit || received > Self.drainLimit
    let isLong = (head.contentLength ?? .max) > Self.drainLimit
    return isEnough && isLong ? .end : .taken
  }

  // MARK: End

  /// What the receiver is told. `result` is libcurl's, nil when the loop ends the transfer by itself.
  func end(_ result: CURLcode?) -> TransferEnd {
    TransferEnd(
      reason: reason(result), head: head, errorBody: errorBody, connectSeconds: connectSeconds,
      httpVersion: httpVersion)
  }

  private func reason(_ result: CURLcode?) -> TransferEnd.Reason {
    switch verdict {
    case .stopped: return .stopped
    case .enough: return .completed
    case .rejected where result != nil: return .rejected
    case .rejected, .undecided: break
    }
    guard let result else { return .stopped }
    if result == CURLE_OK, head != nil { return .completed }
    return .failed(CurlFailure(result, transfer: self, options: loop.options).failure)
  }

  private var connectSeconds: Double? {
    guard handle.long(CURLINFO_NUM_CONNECTS) > 0 else { return nil }
    let connected = handle.microseconds(CURLINFO_CONNECT_TIME_T)
    guard connected > 0 else { return nil }
    return Double(max(0, connected - handle.microseconds(CURLINFO_NAMELOOKUP_TIME_T))) / 1e6
  }

  private var httpVersion: String? {
    switch handle.long(CURLINFO_HTTP_VERSION) {
    case CURL_HTTP_VERSION_1_0: "1.0"
    case CURL_HTTP_VERSION_1_1: "1.1"
    case CURL_HTTP_VERSION_2_0: "2"
    default: nil
    }
  }
}
