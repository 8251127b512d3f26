import ParcelCore
import ParcelNet

/// One stream of a relayed connection, with what its transport knows besides.
package struct RelayEnd: Sendable {
  package let stream: any ByteStream
  /// The path's figures, by a UDT stream; rates over the time since the last call. One caller at a time.
  package let path: (@Sendable () -> PathStatistics)?
  /// Whether a peer that sends no more takes no more either: a UDT peer that is none of ours.
  package let endsForGood: @Sendable () -> Bool

  package init(
    _ stream: any ByteStream, path: (@Sendable () -> PathStatistics)? = nil,
    endsForGood: @escaping @Sendable () -> Bool = { false }
  ) {
    self.stream = stream
    self.path = path
    self.endsForGood = endsForGood
  }

  /// The peer's address in numbers, without the port; nil for a local peer, which has none.
  var source: String? {
    let peer = stream.peer
    return peer == "local" ? nil : Endpoint(peer)?.host ?? peer
  }
}

/// Why the other stream could not be opened.
package struct RelayRefusal: Error {
  package var failure: Failure
  /// Nobody answered at all, as opposed to a refusal or an unknown name.
  package var isSilent: Bool

  package init(_ failure: Failure, isSilent: Bool = false) {
    self.failure = failure
    self.isSilent = isSilent
  }
}

/// How a relay works.
package struct RelaySettings: Sendable {
  /// Connections at a time; more are reset at once.
  package var maxConnections = 1000
  /// Of one address; nil: as many as there may be.
  package var maxPerSource: Int?
  /// Who may connect; empty: everybody.
  package var allowed: [AddressRange] = []
  package var limits = RelayMachine.Limits(idle: 3600)
  /// Bytes that one call reads at most: a multiple of 64 UDT packets, as each call's last packet is not full.
  package var chunk = 4 * 64 * 1456
  /// Bytes of one direction that are kept in memory when a peer has closed and the reader is slow; more goes to the spool.
  package var memory = 8 << 20
  /// Bytes of all such connections together that go to the disk.
  package var spool = 1 << 30

  package init() {}
}

/// What one connection was.
package struct RelayRecord: Sendable {
  package var peer: String
  package var target: String
  /// Bytes from the peer to the target, and back: those that were handed on.
  package var sent = 0
  package var received = 0
  package var seconds = 0.0
  package var spooled = 0
  package var outcome = RelayMachine.Outcome.ended
  /// False when a peer is known not to have got everything.
  package var isDelivered = true
  package var path: PathStatistics?

  package init(peer: String, target: String, path: PathStatistics? = nil) {
    (self.peer, self.target, self.path) = (peer, target, path)
  }

  /// "ended", "half-closed", "idle", "stopped", "broken".
  package var how: String {
    switch outcome {
    case .ended: isDelivered ? "ended" : "broken"
    case .halfClosed: isDelivered ? "half-closed" : "broken"
    case .broken: "broken"
    case .idle: "idle"
    case .stopped: "stopped"
    }
  }

  /// Why it did not end well.
  package var reason: String? {
    switch outcome {
    case .broken(let side, let cause): (side == .near ? peer : target) + ": " + cause
    case .idle: "nothing moved for too long"
    case .stopped: "the relay ended"
    case .ended, .halfClosed: isDelivered ? nil : "not everything was acknowledged"
    }
  }

  package var isClean: Bool { outcome.isClean && isDelivered }
}

/// What happens in a relay, for logs and reports. Told on the connection's thread.
package enum RelayNotice: Sendable {
  /// The other stream was opened, after that many seconds.
  case connected(peer: String, target: String, seconds: Double)
  case refused(peer: String, RelayRefusal)
  /// Not allowed, or too many.
  case denied(peer: String, reason: String)
  case ended(RelayRecord)
}
