/// How many connections each host gets over all files, and when a host asked to be left alone.
///
/// Hosts are named by origin ("https://host:port"). Kept in order of first use.
package struct HostBudget: Sendable {
  private struct Host: Sendable {
    var name: String
    var open = 0
    var limit: Int
    var notBefore: Instant?
    var lastChange: Instant?
  }

  /// Connections a host, from 1.
  package var perHost: Int {
    didSet { for i in hosts.indices { hosts[i].limit = perHost } }
  }
  private var hosts: [Host] = []

  /// Seconds without trouble after which a host that was busy gets one connection more.
  private let recovery = 10.0

  package init(perHost: Int) { self.perHost = max(1, perHost) }

  private mutating func index(_ name: String) -> Int {
    if let i = hosts.firstIndex(where: { $0.name == name }) { return i }
    hosts.append(Host(name: name, limit: perHost))
    return hosts.count - 1
  }

  /// Takes one connection of the host's budget, or of `limit` where something else than the host sets it (flows over
  /// one relay); false when there is none now.
  package mutating func take(_ name: String, limit: Int? = nil, now: Instant) -> Bool {
    let i = index(name)
    if let limit { hosts[i].limit = max(1, limit) }
    if let notBefore = hosts[i].notBefore, now < notBefore { return false }
    if limit == nil, hosts[i].limit < perHost, let last = hosts[i].lastChange, now - last >= recovery {
      hosts[i].limit += 1
      hosts[i].lastChange = now
    }
    guard hosts[i].open < hosts[i].limit else { return false }
    hosts[i].open += 1
    return true
  }

  /// The host asked to be left alone, and that time is not over.
  package func isHeld(_ name: String, now: Instant) -> Bool {
    hosts.first { $0.name == name }?.notBefore.map { now < $0 } ?? false
  }

  package mutating func give(back name: String) {
    let i = index(name)
    hosts[i].open = max(0, hosts[i].open - 1)
  }

  /// The host said 429 or 503: half the connections, none before `retryAfter` seconds are over.
  package mutating func busy(_ name: String, retryAfter: Double?, now: Instant) {
    let i = index(name)
    // Answers to requests that were on their way together count once.
    if let last = hosts[i].lastChange, now - last < 1 { return }
    hosts[i].limit = max(1, min(hosts[i].limit, hosts[i].open + 1) / 2)
    hosts[i].lastChange = now
    if let retryAfter { hosts[i].notBefore = now + retryAfter }
  }

  /// Connections that are open to the host.
  package func open(_ name: String) -> Int { hosts.first { $0.name == name }?.open ?? 0 }
}
