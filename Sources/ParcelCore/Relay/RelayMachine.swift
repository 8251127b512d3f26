/// What becomes of one relayed connection: two streams, a direction each way, and how the end of one side reaches the other.
///
/// An end is passed on as an end only when it certainly was one; everything else becomes a reset on the other side, so that
/// nobody takes a cut stream for a whole one. A value: the two threads that copy share it behind a lock.
package struct RelayMachine: Sendable {
  /// The accepted stream and the one that was opened for it.
  package enum Side: Int, Sendable, CaseIterable {
    case near, far
    package var other: Side { self == .near ? .far : .near }
  }

  package enum Phase: Sendable, Hashable {
    case open
    /// The source has ended, the sink has not got everything yet.
    case draining
    /// The sink has everything and was told, if there is a word for it.
    case ended
    case failed
  }

  /// From one side to the other.
  package struct Direction: Sendable, Hashable {
    package fileprivate(set) var phase = Phase.open
    /// Bytes taken from the source, and handed to the sink.
    package fileprivate(set) var read = 0
    package fileprivate(set) var written = 0
    /// The source's end is believed only after the other direction has shown that its side is not broken: the error of a
    /// reset goes to one of two threads, and the other one sees what looks like an end.
    fileprivate var needsProof = false
    /// The sink knows that it was the end.
    fileprivate var isTold = true
    /// Unread bytes are being taken at once, as they would be destroyed otherwise.
    fileprivate var isKept = false
    fileprivate var progress: Instant

    package var buffered: Int { read - written }
  }

  /// Seconds.
  package struct Limits: Sendable {
    /// Without a byte in either direction; nil: for ever.
    package var idle: Double?
    /// How long the other direction may be silent once one has ended and the peer could not be told, or has closed.
    package var halfClose = 30.0

    package init(idle: Double? = nil, halfClose: Double = 30) {
      self.idle = idle
      self.halfClose = halfClose
    }
  }

  package enum Event: Sendable, Hashable {
    /// Bytes were taken from that side.
    case read(Side, Int)
    /// That side took bytes.
    case written(Side, Int)
    /// That side took none for a while, and is not broken.
    case waited(Side)
    /// That side sends no more. `isFinal`: and takes no more either.
    case end(Side, isFinal: Bool)
    /// The thread that copies from that side asks again, after its end.
    case again(Side)
    /// The answer to `endWriting`: whether that side has a word for it.
    case told(Side, Bool)
    case unreadable(Side, String)
    /// It takes nothing any more, as a write or a look at it has shown.
    case unwritable(Side, String)
    /// What that side has sent is to be destroyed soon.
    case expiring(Side)
    /// Time has passed.
    case tick
    /// The program ends.
    case stop
  }

  package enum Effect: Sendable, Hashable {
    /// By the thread that writes to that side.
    case endWriting(Side)
    /// Read everything from that side at once and keep it.
    case keep(Side)
    /// Break both streams.
    case abort
    /// Wake whoever still reads: it is over.
    case finish
  }

  /// How it ended.
  package enum Outcome: Sendable, Hashable {
    /// Both sides have ended.
    case ended
    /// One side has ended, the other could not be told and was silent, or was told and stayed.
    case halfClosed
    case broken(Side, String)
    /// Nothing moved for too long.
    case idle
    case stopped

    /// Whether it is as both sides wanted it.
    package var isClean: Bool { self == .ended || self == .halfClosed }
  }

  package let limits: Limits
  package private(set) var outcome: Outcome?
  private var near: Direction
  private var far: Direction

  package init(limits: Limits, now: Instant) {
    self.limits = limits
    near = Direction(progress: now)
    far = Direction(progress: now)
  }

  package var isOver: Bool { outcome != nil }

  /// What comes from that side.
  package subscript(from side: Side) -> Direction { side == .near ? near : far }

  /// Whether closing that side would tell its peer of an end that was none. To be asked when it is over.
  package func mustAbort(_ side: Side) -> Bool {
    guard let outcome, outcome.isClean else { return true }
    return self[from: side.other].phase != .ended
  }

  /// Whether that side learns of the end by the closing only.
  package func isUntold(_ side: Side) -> Bool { !self[from: side.other].isTold }

  package mutating func handle(_ event: Event, now: Instant) -> [Effect] {
    guard !isOver else { return [] }
    switch event {
    case .read(let side, let count):
      change(side) {
        $0.read += count
        $0.progress = now
      }
      return []
    case .written(let side, let count):
      change(side.other) {
        $0.written += count
        $0.progress = now
      }
      change(side) { $0.needsProof = false }
      return passOn(from: side.other)
    case .waited(let side):
      change(side) { $0.needsProof = false }
      return look(now)
    case .end(let side, let isFinal): return end(side, isFinal, now)
    case .again(let side):
      let effects = passOn(from: side)
      return effects.isEmpty ? look(now) : effects
    case .told(let side, let isTold): return told(side, isTold, now)
    case .unreadable(let side, let reason): return fail(.broken(side, reason))
    case .unwritable(let side, let reason): return unwritable(side, reason)
    case .expiring(let side):
      guard self[from: side].phase == .open, self[from: side].buffered > 0, !self[from: side].isKept else {
        return []
      }
      change(side) { $0.isKept = true }
      return [.keep(side)]
    case .tick: return look(now)
    case .stop: return fail(.stopped)
    }
  }

  private mutating func change(_ side: Side, _ body: (inout Direction) -> Void) {
    if side == .near { body(&near) } else { body(&far) }
  }

  private mutating func end(_ side: Side, _ isFinal: Bool, _ now: Instant) -> [Effect] {
    guard self[from: side].phase == .open else { return [] }
    let back = self[from: side.other]
    let isWriting = back.buffered > 0 && back.phase != .failed
    change(side) {
      $0.phase = .draining
      $0.needsProof = isWriting && !isFinal
      $0.progress = now
    }
    // Whoever has closed learns nothing more, and sends nothing that the other direction could wait for.
    if isFinal { change(side.other) { $0.isTold = false } }
    return passOn(from: side)
  }

  /// The end, if it is time for it.
  private func passOn(from side: Side) -> [Effect] {
    let direction = self[from: side]
    guard direction.phase == .draining, direction.buffered == 0, !direction.needsProof else { return [] }
    return [.endWriting(side.other)]
  }

  private mutating func told(_ side: Side, _ isTold: Bool, _ now: Instant) -> [Effect] {
    guard self[from: side.other].phase == .draining else { return [] }
    change(side.other) {
      $0.phase = .ended
      $0.isTold = $0.isTold && isTold
      $0.progress = now
    }
    return closeIfDone()
  }

  private mutating func unwritable(_ side: Side, _ reason: String) -> [Effect] {
    let there = self[from: side.other]
    // Everything was handed over: a side that is closed on both ways looks gone too.
    if there.phase != .open, there.buffered == 0 { return [] }
    let back = self[from: side]
    // It has said its last word and we have it all: that still has to arrive, whatever became of the side since.
    guard back.phase == .ended || (back.phase == .draining && !back.needsProof) else {
      return fail(.broken(side, reason))
    }
    change(side.other) { $0.phase = .failed }
    return closeIfDone()
  }

  private mutating func closeIfDone() -> [Effect] {
    let phases = [near.phase, far.phase]
    guard phases.allSatisfy({ $0 == .ended || $0 == .failed }) else { return [] }
    outcome = phases.contains(.failed) ? .halfClosed : .ended
    return [.finish]
  }

  private mutating func fail(_ why: Outcome) -> [Effect] {
    for side in Side.allCases where self[from: side].phase != .ended { change(side) { $0.phase = .failed } }
    outcome = why
    return [.abort]
  }

  /// Whether something took too long.
  private mutating func look(_ now: Instant) -> [Effect] {
    for side in Side.allCases where isSilent(side, now) {
      outcome = .halfClosed
      return [.finish]
    }
    if let idle = limits.idle, now - max(near.progress, far.progress) >= idle { return fail(.idle) }
    return []
  }

  /// Whether the other direction has ended, this side does not know or cannot go on, and nothing more comes from it.
  private func isSilent(_ side: Side, _ now: Instant) -> Bool {
    let here = self[from: side]
    let back = self[from: side.other]
    guard here.phase == .open, here.buffered == 0, back.phase == .ended else { return false }
    return (!back.isTold || !here.isTold) && now - max(here.progress, back.progress) >= limits.halfClose
  }
}
