import CUDT
import ParcelCore
import ParcelSystem

/// What is known of one connection's peer, shared by the stream, libudt's receive thread and the ticker.
///
/// libudt makes it with the connection, before anybody has accepted that, so messages that come early are not lost.
final class PeerLink: @unchecked Sendable {
  let connection: OpaquePointer
  /// How fast is sent, and what is sent or asked for again.
  let congestion: CongestionBridge
  /// Woken when something was learnt.
  private let monitor = Monitor()
  // Only inside `monitor`.
  private var words = PeerProtocol()
  private var liveness = Liveness(now: MonotonicClock.now())
  private var facts = parcel_udt_facts()
  private var started: Instant?
  private var isDead = false
  private var isGone = false
  private var forOurs: (@Sendable () -> Void)?

  init(_ connection: OpaquePointer) {
    self.connection = connection
    congestion = CongestionBridge(connection)
    parcel_udt_retain(connection)
  }

  deinit { parcel_udt_release(connection) }

  private var roundTrip: Double { Double(facts.round_trip) / 1e6 }

  /// Runs `body` inside the monitor and sends what it answers.
  private func saying(_ body: (inout PeerProtocol, Instant) -> [PeerMessage]) {
    send(monitor.locked { body(&words, MonotonicClock.now()) })
  }

  private func send(_ messages: [PeerMessage]) {
    for message in messages {
      let words = message.words
      parcel_udt_tell(connection, words, Int32(words.count))
    }
  }

  /// The stream has taken over: says hello.
  func start() {
    congestion.limitBacklog()
    look()
    let now = MonotonicClock.now()
    monitor.locked {
      started = now
      liveness = Liveness(now: now)
    }
    saying { words, now in words.start(now: now) }
  }

  /// libudt's receive thread: a message came.
  func received(_ message: PeerMessage) {
    congestion.heard()
    if message.kind == .arrived { return congestion.peerHas(newest: message.count) }
    var isNews = false
    saying { words, now in
      let before = (words.isAtEnd, words.wasReset)
      let answers = words.receive(message, now: now)
      isNews = (words.isAtEnd, words.wasReset) != before
      monitor.wakeAll()
      return answers
    }
    congestion.know(peerIsOurs: peerIsOurs)
    if isNews { wake() }
    let body = monitor.locked {
      defer { forOurs = nil }
      return forOurs
    }
    body?()
  }

  /// Makes the reading thread look again. Any thread.
  func wake() { parcel_udt_wake(connection) }

  @discardableResult private func look() -> parcel_udt_facts {
    var now = parcel_udt_facts()
    let isClosed = parcel_udt_look(connection, &now) != 0
    monitor.locked {
      facts = now
      isGone = isGone || isClosed
    }
    return now
  }

  /// By the ticker, every `Ticker.period`.
  func tick(now: Instant) {
    let facts = look()
    var died = false
    saying { words, _ in
      guard started != nil, !isGone else { return [] }
      // libudt counts no more once it knows that the peer has closed.
      if !isDead, facts.is_broken == 0 {
        isDead = liveness.isDead(packets: facts.heard, expirations: Int(facts.expirations), now: now)
        died = isDead
      }
      monitor.wakeAll()
      return isDead ? [] : words.tick(now: now, isAcknowledged: facts.unacknowledged == 0)
    }
    if died { wake() }
    congestion.know(peerIsOurs: peerIsOurs)
  }

  /// By the pacer. Nil: libudt has closed the connection.
  func pace(now: Instant) -> CongestionBridge.Turn? {
    var facts = parcel_udt_facts()
    guard parcel_udt_look(connection, &facts) == 0, facts.is_broken == 0 else { return nil }
    let turn = congestion.tick(
      now: now, roundTrip: Double(facts.round_trip) / 1e6, variance: Double(facts.round_trip_variance) / 1e6)
    if let newest = turn.newest, peerIsOurs { send([PeerMessage(.arrived, count: UInt64(newest))]) }
    return turn
  }
}

// MARK: - For the stream

extension PeerLink {
  enum ReadState {
    case open
    /// The peer has said where its bytes end, and they were all read.
    case ended
    case broken(String)
  }

  /// What is known beside libudt's own state; a reader that finds nothing more in libudt looks here.
  var readState: ReadState {
    monitor.locked {
      if words.wasReset { return .broken("the peer reset the connection") }
      if words.isAtEnd { return .ended }
      return isDead ? .broken(Self.deadText) : .open
    }
  }

  var wasReset: Bool { monitor.locked { words.wasReset } }

  /// Why nothing can be written any more.
  var writeTrouble: String? {
    monitor.locked {
      words.wasReset ? "the peer reset the connection" : isDead ? Self.deadText : nil
    }
  }

  private static let deadText = "no sign of life from the peer for 15 s"

  func whenOurs(_ body: @escaping @Sendable () -> Void) {
    let isKnown = monitor.locked {
      if words.peer != .ours { forOurs = body }
      return words.peer == .ours
    }
    if isKnown { body() }
  }

  var peerIsOurs: Bool { monitor.locked { words.peer == .ours } }

  /// The peer has closed, as far as libudt was told; fresh.
  var peerHasClosed: Bool { look().is_shut_down != 0 }

  var current: parcel_udt_facts { look() }

  var byteCounts: (read: UInt64, written: UInt64) { monitor.locked { (words.readCount, words.written) } }

  /// Asks a peer of ours how much it has written.
  func ask() { saying { words, _ in [words.question] } }

  /// Fresh.
  var signs: VanishingData.Signs {
    let facts = look()
    return monitor.locked {
      var signs = VanishingData.Signs()
      (signs.peer, signs.read, signs.told) = (words.peer, words.readCount, words.told)
      signs.hasWritten = words.written > 0
      signs.hasUnread = facts.readable != 0
      signs.packets = Int(clamping: facts.received)
      signs.silence = liveness.silence(now: MonotonicClock.now())
      signs.timeout = (Double(facts.round_trip) + 4 * Double(facts.round_trip_variance)) / 1e6
      return signs
    }
  }

  func didRead(_ count: Int) { saying { words, _ in words.didRead(count) } }

  func didWrite(_ count: Int) { monitor.locked { words.didWrite(count) } }

  func stopReading() {
    saying { words, _ in words.stopReading() }
    wake()
  }

  /// Tells the peer that all is written. True when it is one of ours; waits a moment when that is not known yet.
  func endWriting() -> Bool {
    saying { words, now in words.endWriting(total: words.written, now: now, roundTrip: roundTrip) }
    return monitor.locked {
      let deadline = MonotonicClock.now() + max(0.25, 2 * roundTrip)
      while words.peer == .unknown, !isGone, !isDead, monitor.wait(until: deadline.nanoseconds) {}
      return words.peer == .ours
    }
  }

  func breakOff() {
    saying { words, now in words.breakOff(now: now, roundTrip: roundTrip) }
    wake()
  }

  /// Nobody needs to be told about the reset any more.
  var isResetDone: Bool { monitor.locked { words.isResetDone || isGone || isDead || words.peer == .stock } }

  /// Waits until the peer has read everything (one of ours) or acknowledged everything (others), at most `linger` seconds.
  /// False: it did not, or it is not there any more.
  func waitUntilDelivered(linger: Double) -> Bool {
    let deadline = MonotonicClock.now() + linger
    while true {
      let facts = look()
      let verdict: Bool? = monitor.locked {
        if words.wasReset || isDead { return false }
        if words.peer == .ours {
          if words.isEverythingRead { return true }
          if words.peerStoppedReading { return false }
        } else if facts.unacknowledged == 0 {
          return true
        }
        if isGone || facts.is_broken != 0 { return false }
        let now = MonotonicClock.now()
        if now >= deadline { return false }
        // Acknowledgements come without a word: look again soon.
        monitor.wait(until: min(deadline, now + 0.01).nanoseconds)
        return nil
      }
      if let verdict { return verdict }
    }
  }

  /// Says once more what the peer must not miss, before libudt closes without waiting for anything.
  func sayGoodbye() {
    saying { words, _ in words.peer == .ours ? [words.progress, words.progress] : [] }
    parcel_udt_say_goodbye(connection)
  }
}

/// What both ends agreed on when they connected.
struct Attached {
  let link: PeerLink
  let segment: Int
  let window: Int

  /// Nil: `socket` is gone already.
  init?(_ socket: Int32) {
    var connection: OpaquePointer?
    var negotiated = parcel_udt_negotiated()
    guard let context = parcel_udt_attach(socket, &connection, &negotiated) else { return nil }
    link = Unmanaged<PeerLink>.fromOpaque(context).takeUnretainedValue()
    segment = Int(negotiated.segment)
    window = Int(negotiated.window)
  }

  /// The packet filter lets nothing else in; libudt would work with anything.
  func isPlausible(offered: Int) -> Bool {
    PacketFilter.segments.contains(segment) && segment <= offered && PacketFilter.windows.contains(window)
  }
}
