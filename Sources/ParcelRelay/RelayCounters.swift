import ParcelCore
import Synchronization

/// What a relay has done since it started, with what its open connections have done so far.
package struct RelayCounters: Hashable, Sendable {
  package var open = 0
  /// Accepted, those that were turned away included.
  package var total = 0
  /// Turned away: not allowed, or too many.
  package var refused = 0
  /// The other stream could not be opened.
  package var connectFailures = 0
  /// Connections that broke, stood still for too long or were broken off.
  package var failed = 0
  /// Of those, how many because a stream broke.
  package var resets = 0
  /// Bytes from accepted streams to opened ones, and back.
  package var sent = 0
  package var received = 0
  package var spooled = 0
  /// Of the open connections.
  package var path = PathStatistics()
  /// Of the connections that have ended: to be added to `path` where counters must never fall.
  package var past = PathStatistics()

  package init() {}
}

extension PathStatistics {
  /// Adds another connection's figures: counts and rates are summed, the round trip is the mean over those that have one.
  /// `sharesSocket`: both come through one UDP socket, whose drops each of them names.
  mutating func add(_ other: PathStatistics, sharesSocket: Bool, measured: inout Int) {
    if let trip = other.roundTrip {
      roundTrip = ((roundTrip ?? 0) * Double(measured) + trip) / Double(measured + 1)
      measured += 1
    }
    // The share of lost packets is that of the connections that move something.
    let rate = receiveRate + other.receiveRate
    loss = rate > 0 ? (loss * receiveRate + other.loss * other.receiveRate) / rate : max(loss, other.loss)
    connections += other.connections
    receiveRate += other.receiveRate
    sendRate += other.sendRate
    received += other.received
    sent += other.sent
    receiveLost += other.receiveLost
    sendLost += other.sendLost
    retransmitted += other.retransmitted
    receiveRepaired += other.receiveRepaired
    window += other.window
    drops = sharesSocket ? max(drops, other.drops) : drops + other.drops
  }
}

/// The open connections' paths, asked at most twice a second however many want to know.
package final class PathSampler: Sendable {
  private struct State {
    var ends: [Int: RelayEnd] = [:]
    var latest = PathStatistics()
    var past = PathStatistics()
    var taken = -Double.infinity
    /// Accepted UDT connections come through the listener's socket, opened ones each have their own.
    var sharesSocket = false
  }

  private let state = Mutex(State())

  package init() {}

  /// `far` nil: there is only the accepted one.
  package func add(_ number: Int, near: RelayEnd, far: RelayEnd? = nil) {
    guard near.path != nil || far?.path != nil else { return }
    state.withLock {
      $0.ends[number] = near.path != nil ? near : far
      $0.sharesSocket = near.path != nil
      $0.taken = -.infinity
    }
  }

  /// The last figures of a connection, whose path is not asked again.
  @discardableResult package func remove(_ number: Int) -> PathStatistics? {
    state.withLock { state in
      guard let path = state.ends.removeValue(forKey: number)?.path?() else { return nil }
      var measured = 0
      var ended = path
      (ended.connections, ended.receiveRate, ended.sendRate, ended.window) = (0, 0, 0, 0)
      state.past.add(ended, sharesSocket: state.sharesSocket, measured: &measured)
      state.taken = -.infinity
      return path
    }
  }

  /// Sums over the open connections, and over those that have ended.
  package func sums(now: Double) -> (open: PathStatistics, past: PathStatistics) {
    state.withLock { state in
      if now - state.taken >= 0.4 {
        var sum = PathStatistics()
        var measured = 0
        for number in state.ends.keys.sorted() {
          if let path = state.ends[number]?.path?() {
            sum.add(path, sharesSocket: state.sharesSocket, measured: &measured)
          }
        }
        state.latest = sum
        state.taken = now
      }
      var past = state.past
      if state.sharesSocket { past.drops = max(0, past.drops - state.latest.drops) }
      return (state.latest, past)
    }
  }
}
