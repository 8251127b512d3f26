/// Whether a young connection's large packets vanish on the way: the handshake was good, something was sent, and then nothing comes, or
/// nothing but a small packet or two, as an answer's head may be.
///
/// Silence alone proves nothing: a peer that has nothing to send says a word each 0.3 s when all is well, each 6 s or more when one of the two
/// machines is busy. So a peer of ours is asked what it has written. A stock peer can only be waited for.
package struct VanishingData: Sendable {
  package enum Verdict: Hashable, Sendable {
    case wait
    /// The peer is to be asked how much it has written.
    case ask
    case vanishes
    /// More came than fits into small packets.
    case passes
  }

  /// What is known of the connection now.
  package struct Signs: Sendable {
    package var peer = PeerProtocol.Peer.unknown
    /// Something was sent.
    package var hasWritten = false
    /// Bytes that were read here.
    package var read: UInt64 = 0
    /// Some came that nobody has read yet.
    package var hasUnread = false
    /// Packets of data that came, repeated ones too.
    package var packets = 0
    /// Bytes that the peer, one of ours, had written when it was last asked, and when its answer came.
    package var told: PeerProtocol.Told?
    /// Seconds without any sign of life, and for how long libudt waits for one at first.
    package var silence = 0.0
    package var timeout = 0.3

    package init() {}
  }

  /// Bytes: so much does not come in a small packet or two.
  private static let enough: UInt64 = 2800
  /// Seconds without data after which a peer of ours is asked, from one question to the next, and from the first to the last answer that
  /// proves something: a busy peer may have written before its UDT comes to send.
  private static let quiet = 1.0
  private static let pause = 2.0
  private static let proof = 1.8
  /// Seconds of a stock peer's silence, at least, and in its time-outs.
  private static let patience = (seconds: 5.0, timeouts: 6.0)

  private var packets = 0
  /// When data last came.
  private var quietSince: Instant
  private var asked: Instant?
  /// When the peer first said that it had written more than came, if it came to nothing since.
  private var claimed: Instant?

  package init(now: Instant) { quietSince = now }

  /// Some times a second.
  package mutating func look(_ signs: Signs, now: Instant) -> Verdict {
    if signs.read >= Self.enough { return .passes }
    if signs.packets != packets || signs.hasUnread {
      (packets, quietSince, claimed) = (signs.packets, now, nil)
    }
    guard signs.hasWritten else { return .wait }
    switch signs.peer {
    case .unknown: return .wait
    case .stock:
      let limit = max(Self.patience.seconds, Self.patience.timeouts * signs.timeout)
      return signs.silence >= limit ? .vanishes : .wait
    case .ours: return weigh(signs, now)
    }
  }

  private mutating func weigh(_ signs: Signs, _ now: Instant) -> Verdict {
    if let told = signs.told, told.at > quietSince {
      if told.written <= signs.read {
        claimed = nil
      } else if let claimed {
        if told.at - claimed >= Self.proof { return .vanishes }
      } else {
        claimed = told.at
      }
    }
    guard now - quietSince >= Self.quiet, asked.map({ now - $0 >= Self.pause }) ?? true else { return .wait }
    asked = now
    return .ask
  }
}
