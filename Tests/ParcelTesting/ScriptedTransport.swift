import ParcelCore
import Synchronization

/// A transport whose server is a script: each opened transfer is looked up by what it asks for, and the test decides
/// when bytes come. Everything happens on the thread of the caller.
package final class ScriptedTransport: Transport {
  /// One open transfer as the test sees it.
  package struct Open: Sendable {
    package var request: TransferRequest
    package var receiver: any TransferReceiver
  }

  private struct State {
    var open: [Open] = []
    var requests: [TransferRequest] = []
    /// Bytes of its body that each begun transfer has got.
    var served: [TransferID: Int] = [:]
    var limit: Int?
    var resumes = 0
    var path: PathStatistics?
  }
  private let state = Mutex(State())
  /// True: `stop` ends the transfer at once.
  private let endsOnStop: Bool

  package let kind: TransportKind

  package init(endsOnStop: Bool = true, kind: TransportKind = .http) {
    self.endsOnStop = endsOnStop
    self.kind = kind
  }

  /// What `path(to:)` says of every relay.
  package func setPath(_ path: PathStatistics?) { state.withLock { $0.path = path } }
  package func path(to relay: Endpoint) -> PathStatistics? { state.withLock { $0.path } }

  /// Transfers that are open now, in the order they were opened.
  package var open: [Open] { state.withLock { $0.open } }
  /// All requests so far.
  package var requests: [TransferRequest] { state.withLock { $0.requests } }
  package var rateLimit: Int? { state.withLock { $0.limit } }

  package func open(_ request: TransferRequest, receiver: any TransferReceiver) {
    state.withLock { state in
      state.open.append(Open(request: request, receiver: receiver))
      state.requests.append(request)
    }
  }

  package func stop(_ id: TransferID) {
    guard endsOnStop else { return }
    end(id, .stopped)
  }

  package func resumePaused() { state.withLock { $0.resumes += 1 } }
  package func setRateLimit(_ bytesPerSecond: Int?) { state.withLock { $0.limit = bytesPerSecond } }

  package func shutDown() {
    for transfer in open { end(transfer.request.id, .stopped) }
  }

  /// Ends a transfer; does nothing when it is not open.
  package func end(
    _ id: TransferID, _ reason: TransferEnd.Reason, head: ResponseHead? = nil, errorBody: [UInt8] = []
  ) {
    let transfer: Open? = state.withLock { state in
      guard let i = state.open.firstIndex(where: { $0.request.id == id }) else { return nil }
      return state.open.remove(at: i)
    }
    transfer?.receiver.end(TransferEnd(reason: reason, head: head, errorBody: errorBody))
  }
}

/// An object on a pretended server, and how that server answers.
package struct ScriptedObject: Sendable {
  package var bytes: [UInt8]
  package var etag: String?
  package var ranges = true
  /// False: no Content-Length, the body ends with the connection.
  package var announcesLength = true
  /// True: parts are sent as "bytes 0-99/*".
  package var hidesSize = false
  package var extraHeaders: [HTTPHeader] = []

  package init(bytes: [UInt8], etag: String? = "\"v1\"") {
    self.bytes = bytes
    self.etag = etag
  }

  /// The answer's head to a request: 206, 200, or 416, as RFC 9110 has it.
  package func head(for request: TransferRequest) -> ResponseHead {
    var headers = extraHeaders
    if let etag { headers.append(HTTPHeader("ETag", etag)) }
    let ifRange = request.headers.first { $0.name == "If-Range" }?.value
    guard ranges, let range = request.range, ifRange == nil || ifRange == etag else {
      if announcesLength { headers.append(HTTPHeader("Content-Length", "\(bytes.count)")) }
      return ResponseHead(status: 200, headers: headers)
    }
    guard range.start < bytes.count else {
      headers.append(HTTPHeader("Content-Range", "bytes */\(bytes.count)"))
      return ResponseHead(status: 416, headers: headers)
    }
    let end = min(range.end, bytes.count)
    headers.append(
      HTTPHeader("Content-Range", "bytes \(range.start)-\(end - 1)/\(hidesSize ? "*" : "\(bytes.count)")"))
    headers.append(HTTPHeader("Content-Length", "\(end - range.start)"))
    return ResponseHead(status: 206, headers: headers)
  }

  /// The body that belongs to that head.
  package func body(for request: TransferRequest, head: ResponseHead) -> ArraySlice<UInt8> {
    guard head.status == 206, let range = request.range else { return head.status == 200 ? bytes[...] : [] }
    return bytes[range.start..<min(range.end, bytes.count)]
  }
}

extension ScriptedTransport {
  /// Goes on with one open transfer as a server without faults would, `piece` bytes a call: to its end, or until `upTo`
  /// more bytes are sent (then it stays open). False when the receiver paused.
  @discardableResult
  package func serve(_ transfer: Open, _ object: ScriptedObject, upTo: Int = .max, piece: Int = 16384) -> Bool
  {
    let head = object.head(for: transfer.request)
    let id = transfer.request.id
    if served(id) == nil {
      setServed(id, 0)
      guard transfer.receiver.begin(head) == .receive else {
        end(id, .rejected, head: head)
        return true
      }
    }
    let body = object.body(for: transfer.request, head: head)
    var sent = served(id) ?? 0
    let stop = upTo < body.count - sent ? sent + upTo : body.count
    defer { setServed(id, sent) }
    while sent < stop {
      let chunk = body.dropFirst(sent).prefix(min(piece, stop - sent))
      switch chunk.withUnsafeBytes({ transfer.receiver.write($0) }) {
      case .more: sent += chunk.count
      case .enough:
        end(id, .completed, head: head)
        return true
      case .pause: return false
      case .stop:
        end(id, .stopped, head: head)
        return true
      }
    }
    if sent == body.count { end(id, .completed, head: head) }
    return true
  }

  private func served(_ id: TransferID) -> Int? { state.withLock { $0.served[id] } }
  private func setServed(_ id: TransferID, _ count: Int) { state.withLock { $0.served[id] = count } }
}
