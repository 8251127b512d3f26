/// The sender's repair: which packets to send again without being asked.
///
/// A stock receiver reports a loss once. When that report, or what is sent for it, is lost too, its acknowledgement stands still before
/// the hole and says nothing of what lies beyond. So a packet that was reported, sent again and is not acknowledged a round trip
/// later is sent once more on suspicion, a few times, and the packet the acknowledgement stands at (certainly missing) as often
/// as it takes. What libudt sent again unasked, a whole window after a silence, is suspected of nothing. With a receiver of
/// ours, which repeats its reports, only the tail is left to do: the last packets of a burst, whose loss opens no gap at the
/// receiver.
package struct SenderRepair: Sendable {
  package enum Scope: Sendable {
    /// The receiver reports each loss once.
    case everything
    /// The receiver repeats its reports.
    case tail
  }

  private struct Suspect: Sendable {
    var position = 0
    var sentAt: UInt32 = 0
  }

  /// Retransmissions of one packet, while it is not the one that the acknowledgement stands at.
  private static let tries = 6

  package var scope: Scope
  /// Packets sent again without being asked.
  package private(set) var resent = 0

  private var sequences: SequenceUnwrapper
  private var acknowledged: Int
  private var next: Int
  private var ledger: PacketLedger
  /// Retransmissions in the order of their time.
  private var suspects: GrowingRing<Suspect>
  private var lastProgress: UInt32 = 0
  /// How often the tail was sent again without progress: the wait doubles each time.
  private var tailTries: UInt32 = 0
  private let start: Instant

  package init(scope: Scope, first: PacketSequence, window: Int, now: Instant) {
    self.scope = scope
    sequences = SequenceUnwrapper(first: first)
    acknowledged = Int(first.value)
    next = acknowledged
    ledger = PacketLedger(limit: window)
    suspects = GrowingRing(capacity: 64, limit: 16_384, blank: Suspect())
    start = now
  }

  /// A data packet left, the ones that `resend` asked for included.
  package mutating func sent(_ sequence: PacketSequence, isRetransmission: Bool, now: Instant) {
    let position = sequences.position(sequence)
    let clock = microseconds(now)
    if position >= next {
      if next == acknowledged { lastProgress = clock }
      ledger.reserve(span: position + 2 - acknowledged, from: acknowledged)
      ledger[position] = PacketLedger.Record(sentAt: clock)
      next = position + 1
      sequences.advance(to: position)
      tailTries = 0
    } else if position >= acknowledged {
      ledger[position].sentAt = clock
      // `point` counts transmissions here.
      ledger[position].point &+= 1
      if scope == .everything, ledger[position].marks.contains(.hole) {
        suspects.append(Suspect(position: position, sentAt: clock))
      }
    }
  }

  /// The receiver reports what is missing.
  package mutating func lost(_ ranges: UnsafeBufferPointer<SequenceRange>) {
    guard scope == .everything else { return }
    for range in ranges {
      let first = max(sequences.position(range.first), acknowledged)
      let last = min(sequences.position(range.last), next - 1)
      guard first <= last else { continue }
      for position in first...last { ledger[position].marks.insert(.hole) }
    }
  }

  package mutating func acknowledged(upTo sequence: PacketSequence, now: Instant) {
    let position = sequences.position(sequence)
    guard position > acknowledged, position <= next else { return }
    acknowledged = position
    sequences.advance(to: position)
    lastProgress = microseconds(now)
    tailTries = 0
  }

  /// Packets to send again now, into `packets`; returns how many. Each counts as sent only when `sent` is told so.
  ///
  /// Call after acknowledgements and every 5 to 10 ms while data is unacknowledged. `roundTrip` (with the queue) and `variance` in
  /// seconds.
  package mutating func resend(
    now: Instant, roundTrip: Double, variance: Double,
    into packets: UnsafeMutableBufferPointer<PacketSequence>
  ) -> Int {
    guard next > acknowledged, !packets.isEmpty else { return 0 }
    let clock = microseconds(now)
    // After a queue has grown or shrunk the variance is as large as the round trip for long: a hole must not wait for that.
    let wait = RepairWait.microseconds(1.3 * roundTrip + min(2 * variance, roundTrip / 2) + 0.015)
    var count = 0
    takeSuspects(clock: clock, wait: wait, into: packets, count: &count)
    if count == 0, let position = stuck(clock: clock, wait: wait) {
      packets[0] = PacketSequence(position: position)
      count = 1
    }
    resent += count
    return count
  }

  private mutating func takeSuspects(
    clock: UInt32, wait: UInt32, into packets: UnsafeMutableBufferPointer<PacketSequence>, count: inout Int
  ) {
    while !suspects.isEmpty, clock &- suspects.first.sentAt >= wait, count < packets.count {
      let suspect = suspects.first
      suspects.removeFirst()
      guard suspect.position >= acknowledged else { continue }
      let record = ledger[suspect.position]
      // Sent once more since: that transmission has its own entry.
      guard record.sentAt == suspect.sentAt else { continue }
      guard record.point < Self.tries || suspect.position == acknowledged else { continue }
      packets[count] = PacketSequence(position: suspect.position)
      count += 1
    }
  }

  /// The packet that the silence is about: with a stock receiver the one before which the acknowledgement stands, at once when
  /// that came so late that the packet must have been lost; the newest when nothing was sent after it for so long that its loss
  /// would have gone unnoticed.
  private mutating func stuck(clock: UInt32, wait: UInt32) -> Int? {
    let age = Int32(bitPattern: lastProgress &- ledger[acknowledged].sentAt)
    if scope == .everything, age >= Int32(clamping: wait) { return acknowledged }
    let patience = (wait + 10_000) << min(tailTries, 5)
    guard clock &- lastProgress >= patience else { return nil }
    if clock &- ledger[next - 1].sentAt >= patience {
      tailTries += 1
      return next - 1
    }
    guard scope == .everything, clock &- ledger[acknowledged].sentAt >= wait + 10_000 else { return nil }
    return acknowledged
  }

  private func microseconds(_ now: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: (now.nanoseconds - start.nanoseconds) / 1000)
  }
}
