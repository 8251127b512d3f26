/// One end's side of the messages between two of our own ends: who is there, where the bytes end, how far they were read,
/// and that something broke.
///
/// UDT itself says an end in one packet that may be lost, and counts bytes as delivered that wait in a buffer the peer
/// destroys a minute later. A value: events in, messages to send out; whatever is sent may be lost. Repetitions leave silences
/// of more than UDT's shortest time-out (300 ms, else about 3 round trips) between them: every packet that a peer hears puts
/// off its resending of what was lost.
package struct PeerProtocol: Sendable {
  package enum Peer: Sendable {
    /// Not known yet.
    case unknown
    /// It speaks these messages.
    case ours
    /// It was asked for 3 s and said nothing.
    case stock
  }

  package private(set) var peer = Peer.unknown
  /// What a peer answered when it was asked: bytes that its application had written, and when the answer came.
  package struct Told: Hashable, Sendable {
    package var written: UInt64
    package var at: Instant

    package init(written: UInt64, at: Instant) { (self.written, self.at) = (written, at) }
  }

  /// Bytes that the application has written here.
  package private(set) var written: UInt64 = 0
  /// The peer's last answer.
  package private(set) var told: Told?
  /// Bytes that the application has read here.
  package private(set) var readCount: UInt64 = 0
  /// How many bytes the peer writes in all, once it has said so.
  package private(set) var peerTotal: UInt64?
  /// The peer says that it broke.
  package private(set) var wasReset = false
  /// How far the peer's application has read, as far as it said.
  package private(set) var peerReadCount: UInt64?
  /// The peer will read no more than that.
  package private(set) var peerStoppedReading = false
  /// How many bytes are written here in all, once that is so.
  package private(set) var total: UInt64?
  /// Nobody reads here any more.
  package private(set) var hasStoppedReading = false

  private var hello: Repeated?
  private var end: Repeated?
  private var reset: Repeated?
  private var hasToldTotal = false

  /// Seconds after which a question that nobody answers is given up.
  package static let patience = 3.0

  package init() {}

  /// All bytes that the peer writes were read.
  package var isAtEnd: Bool { peerTotal == readCount }
  /// The peer's application has read all that was written here.
  package var isEverythingRead: Bool {
    guard let total, let peerReadCount else { return false }
    return peerReadCount >= total
  }
  /// The reset was answered, or has been told for long enough; false without a reset.
  package private(set) var isResetDone = false
}

// MARK: - Events

extension PeerProtocol {
  /// Connected: the first hello.
  package mutating func start(now: Instant) -> [PeerMessage] {
    // Silences from the third on: see above.
    hello = Repeated(at: now, period: 0.25, growth: 2, longest: 1)
    return [PeerMessage(.hello)]
  }

  package mutating func receive(_ message: PeerMessage, now: Instant) -> [PeerMessage] {
    peer = .ours
    switch message.kind {
    case .hello: return [PeerMessage(.helloAnswer, count: written)]
    case .helloAnswer:
      hello = nil
      told = Told(written: message.count, at: now)
      return []
    case .end: return ended(message.count)
    case .read:
      peerReadCount = max(peerReadCount ?? 0, message.count)
      if message.isFinal { peerStoppedReading = true }
      if isEverythingRead || peerStoppedReading { end = nil }
      return []
    case .reset:
      wasReset = true
      return [PeerMessage(.resetAnswer)]
    case .resetAnswer:
      if reset != nil { isResetDone = true }
      reset = nil
      return []
    case .arrived: return []
    }
  }

  private mutating func ended(_ count: UInt64) -> [PeerMessage] {
    if peerTotal == nil { peerTotal = count }
    if isAtEnd { hasToldTotal = true }
    return [progress]
  }

  /// How far was read: also to be said unasked before closing.
  package var progress: PeerMessage {
    PeerMessage(.read, count: readCount, isFinal: hasStoppedReading)
  }

  /// The application has handed over `count` more bytes.
  package mutating func didWrite(_ count: Int) { written += UInt64(count) }

  /// How much has the peer written? `told` is the answer.
  package var question: PeerMessage { PeerMessage(.hello) }

  /// The application took `count` more bytes.
  package mutating func didRead(_ count: Int) -> [PeerMessage] {
    readCount += UInt64(count)
    guard isAtEnd, !hasToldTotal else { return [] }
    hasToldTotal = true
    return [progress]
  }

  /// The application will read no more.
  package mutating func stopReading() -> [PeerMessage] {
    guard !hasStoppedReading else { return [] }
    hasStoppedReading = true
    return [progress]
  }

  /// `total` bytes were written, and no more come.
  package mutating func endWriting(total: UInt64, now: Instant, roundTrip: Double) -> [PeerMessage] {
    guard self.total == nil else { return [] }
    self.total = total
    end = Repeated(at: now, period: max(0.1, roundTrip), growth: 1.5, longest: max(1, 4 * roundTrip))
    return [PeerMessage(.end, count: total)]
  }

  /// Something broke here: the peer shall not take what it has for all.
  package mutating func breakOff(now: Instant, roundTrip: Double) -> [PeerMessage] {
    guard reset == nil, !isResetDone else { return [] }
    reset = Repeated(at: now, period: max(0.1, roundTrip), growth: 1.5, longest: 1)
    end = nil
    return [PeerMessage(.reset)]
  }

  /// To be called every 100 ms or so. `isAcknowledged`: the peer's UDT has all bytes that were written; before that it
  /// cannot have read them, and asking would only put off UDT's own resending.
  package mutating func tick(now: Instant, isAcknowledged: Bool) -> [PeerMessage] {
    var messages: [PeerMessage] = []
    if let isDue = hello?.tick(now) {
      if isDue { messages.append(PeerMessage(.hello)) }
      if hello?.isOver(now) == true {
        hello = nil
        if peer == .unknown { peer = .stock }
      }
    }
    if isAcknowledged, peer != .stock, let total, end?.tick(now) == true {
      messages.append(PeerMessage(.end, count: total))
    }
    if let isDue = reset?.tick(now) {
      if isDue { messages.append(PeerMessage(.reset)) }
      if reset?.isOver(now) == true {
        reset = nil
        isResetDone = true
      }
    }
    return messages
  }
}

/// Something said again and again, at growing intervals.
private struct Repeated: Sendable {
  let started: Instant
  private var next: Instant
  private var period: Double
  private let growth: Double
  private let longest: Double

  /// Said first at `now`, then after `period` seconds.
  init(at now: Instant, period: Double, growth: Double, longest: Double) {
    started = now
    next = now + period
    self.period = period
    self.growth = growth
    self.longest = longest
  }

  /// Whether it is to be said now.
  mutating func tick(_ now: Instant) -> Bool {
    guard now >= next else { return false }
    period = min(longest, period * growth)
    next = now + period
    return true
  }

  func isOver(_ now: Instant) -> Bool { now - started >= PeerProtocol.patience }
}
