import ParcelCore

/// How one server is reached: its policy, its relay and what came over each transport. Lives inside the engine's actor.
final class Route {
  /// "https://host:port"
  let origin: String
  var policy: TransportPolicy
  var relay: Endpoint?
  /// The relay was named by the server and not by the user.
  var isLearned = false
  var counters = TransportCounters()
  /// Bytes a second through the relay.
  var history = RateHistory(capacity: 600)
  var since: Instant
  /// Time of day of `since`, "14:02".
  var clock: String
  var saidNoRelay = false

  init(origin: String, policy: TransportPolicy, relay: Endpoint?, since: Instant, clock: String) {
    self.origin = origin
    self.policy = policy
    self.relay = relay
    self.since = since
    self.clock = clock
  }

  func open(_ kind: TransportKind) -> Int { kind == .udt ? counters.openUDT : counters.openHTTP }

  /// While one transport is measured the other one is idle.
  func mayOpen(_ kind: TransportKind) -> Bool {
    !policy.isExclusive || kind == policy.wanted && open(kind.other) == 0
  }

  func received(_ bytes: Int, over kind: TransportKind) {
    if kind == .udt { counters.udt += bytes } else { counters.http += bytes }
  }

  /// The rate of the moment says nothing about the number of connections.
  var isDisturbed: Bool { policy.isMeasuring }
}
