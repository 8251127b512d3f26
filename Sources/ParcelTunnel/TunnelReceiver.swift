import ParcelCore

/// Stands between an inner transport and a transfer's receiver, to say why a transfer broke when the tunnel knows.
final class TunnelReceiver: TransferReceiver {
  private let receiver: any TransferReceiver
  private let tunnel: Tunnel
  private let opened: Instant
  /// Called once, before the receiver's `end`. True: everything is being shut down.
  private let leave: @Sendable () -> Bool

  init(
    _ receiver: any TransferReceiver, tunnel: Tunnel, opened: Instant, leave: @escaping @Sendable () -> Bool
  ) {
    self.receiver = receiver
    self.tunnel = tunnel
    self.opened = opened
    self.leave = leave
  }

  func begin(_ head: ResponseHead) -> BodyDecision { receiver.begin(head) }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer { receiver.write(bytes) }

  func end(_ end: TransferEnd) {
    var end = end
    // To the socket of this machine it took no time; what is meant is about a round trip.
    if end.connectSeconds != nil { end.connectSeconds = tunnel.facts.path?.roundTrip }
    switch end.reason {
    case .failed(let failure) where Self.mayBeTheTunnel(failure, end): explain(end, failure)
    case .completed where Self.endsWithTheConnection(end): explain(end, nil)
    case .completed, .stopped, .rejected, .failed: finish(end)
    }
  }

  private func explain(_ end: TransferEnd, _ original: Failure?) {
    tunnel.settle(opened: opened, original: original) { [self] failure in
      var end = end
      if let failure { end.reason = .failed(failure) }
      finish(end)
    }
  }

  private func finish(_ end: TransferEnd) {
    var end = end
    if leave(), case .failed = end.reason { end.reason = .stopped }
    receiver.end(end)
  }

  /// Certificates, proxies of the user's and refused requests are none of the tunnel's doing.
  private static func mayBeTheTunnel(_ failure: Failure, _ end: TransferEnd) -> Bool {
    switch failure.code {
    case .network, .stalled, .proxy: true
    case .server: end.head == nil
    default: false
    }
  }

  /// The body's end was nothing but the connection's end, and to an AF_UNIX socket a connection that broke looks like one
  /// that ended: without a look at what the relay says, half a file would pass for a whole one.
  private static func endsWithTheConnection(_ end: TransferEnd) -> Bool {
    guard let head = end.head, head.contentLength == nil, end.httpVersion != "2" else { return false }
    let coding = ASCII.lowercased(head["transfer-encoding"] ?? "")
    return !coding.contains("chunked") && head.status != 204 && head.status != 304
  }
}
