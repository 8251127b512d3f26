import ParcelCore

/// One direction of a simulated path: a bottleneck with a tail-drop queue, then a delay, then losses.
package struct LinkConditions: Sendable {
  /// Bits per second of IP packets.
  package var rate = 10e6
  /// Seconds, one way.
  package var delay = 0.010
  /// Bytes that wait at most.
  package var buffer = 25_000
  /// Share of packets lost at random, 0 ... 1.
  package var loss = 0.0
  /// Packets lost in a row at each loss event; the mean share stays `loss`.
  package var burst = 1
  /// Gilbert and Elliott: mean packets in the bad state, in which half of all are lost; 0 for independent losses.
  package var badRun = 0.0
  /// Seconds of random extra delay at most; packets keep their order.
  package var jitter = 0.0
  /// Share of packets that come `reorderDelay` seconds late, behind others.
  package var reorder = 0.0
  package var reorderDelay = 0.002

  package init() {}
}

/// Carries packets in virtual time. The queue is not stored: when a packet enters, its departure is known at once.
struct SimulatedLink {
  var conditions: LinkConditions
  /// When the last queued packet will have left, nanoseconds.
  private var busyUntil: Int64 = 0
  private var lastArrival: Int64 = 0
  private var burstLeft = 0
  private var isBad = false
  private var random: SeededRandom
  /// Packets refused by a full queue, and lost behind it.
  private(set) var dropped = 0
  private(set) var lost = 0

  init(_ conditions: LinkConditions, seed: UInt64) {
    self.conditions = conditions
    random = SeededRandom(seed: seed)
  }

  /// Nanoseconds that a packet entering now would wait.
  func queue(at time: Int64) -> Int64 { max(0, busyUntil - time) }

  /// The rate changes now; what is queued leaves at the new rate. (Packets already in the queue keep their arrival.)
  mutating func change(rate: Double, at time: Int64) {
    let waiting = Double(queue(at: time)) * conditions.rate / rate
    busyUntil = time + Int64(waiting)
    conditions.rate = rate
  }

  /// When a packet of `bytes` that enters at `time` arrives; nil when it does not.
  mutating func carry(_ bytes: Int, at time: Int64) -> Int64? {
    let waiting = Double(queue(at: time)) * conditions.rate / 8e9
    guard waiting + Double(bytes) <= Double(conditions.buffer) else {
      dropped += 1
      return nil
    }
    busyUntil = max(busyUntil, time) + Int64(Double(bytes) * 8e9 / conditions.rate)
    guard !isLost() else {
      lost += 1
      return nil
    }
    var arrival = busyUntil + Int64(conditions.delay * 1e9)
    if conditions.jitter > 0 { arrival += Int64(random.unit() * conditions.jitter * 1e9) }
    arrival = max(arrival, lastArrival)
    if conditions.reorder > 0, random.unit() < conditions.reorder {
      return arrival + Int64(conditions.reorderDelay * 1e9)
    }
    lastArrival = arrival
    return arrival
  }

  private mutating func isLost() -> Bool {
    guard conditions.loss > 0 else { return false }
    if conditions.badRun > 0 { return isLostInBadRun() }
    if burstLeft > 0 {
      burstLeft -= 1
      return true
    }
    guard random.unit() < conditions.loss / Double(conditions.burst) else { return false }
    burstLeft = conditions.burst - 1
    return true
  }

  /// Two states; in the bad one half of the packets are lost, in the good one none.
  private mutating func isLostInBadRun() -> Bool {
    let badShare = min(0.9, conditions.loss * 2)
    let leave = 1 / conditions.badRun
    let enter = leave * badShare / (1 - badShare)
    if random.unit() < (isBad ? leave : enter) { isBad.toggle() }
    return isBad && random.unit() < 0.5
  }
}
