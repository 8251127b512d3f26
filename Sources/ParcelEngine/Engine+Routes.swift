import ParcelCore

/// Transports: which one a download uses, and moving between them.
extension Engine {
  func carrier(_ kind: TransportKind) -> any Transport {
    kind == .udt ? tunnel ?? transport : transport
  }

  func choice(of id: DownloadID) -> TransportChoice { choices[id] ?? options.transport }

  /// What new segments of the download use.
  func kind(of entry: Live) -> TransportKind {
    guard tunnel != nil, let route = entry.route, route.relay != nil, !entry.leavesRelay else { return .http }
    switch choice(of: entry.id) {
    case .http: return .http
    case .udt: return .udt
    case .auto: return entry.avoidsUDT ? .http : route.policy.wanted
    }
  }

  /// The same for one that has not begun.
  func expectedKind(of id: DownloadID, now: Instant) -> TransportKind {
    guard tunnel != nil else { return .http }
    let route = route(to: address(of: specs[id.index]), now: now)
    guard route.relay != nil else { return .http }
    switch choice(of: id) {
    case .http: return .http
    case .udt: return .udt
    case .auto: return route.policy.wanted
    }
  }

  /// Downloads set to a transport do not ask the policy; it serves those that are left to `auto`.
  var policyChoice: TransportChoice {
    choices.values.contains(.auto) ? .auto : options.transport
  }

  // MARK: - Routes

  func route(of entry: Live, now: Instant) -> Route {
    if let route = entry.route { return route }
    let route = route(to: entry.machine.url, now: now)
    entry.route = route
    return route
  }

  func route(to url: String, now: Instant) -> Route {
    let origin = Address.origin(of: url)
    if let route = routeOf[origin] { return route }
    let relay = options.relay.endpoint(for: url)
    let policy = TransportPolicy(choice: policyChoice, relayKnown: tunnel != nil && relay != nil)
    let route = Route(
      origin: origin, policy: policy, relay: relay, since: now, clock: String(wallClock().prefix(5)))
    routes.append(route)
    routeOf[origin] = route
    return route
  }

  /// A server may name its relay, unless the user did.
  func learnRelay(_ head: ResponseHead, _ transfer: TransferID, of entry: Live, now: Instant) {
    guard tunnel != nil, options.relay == .unknown, let route = entry.route,
      route.relay == nil || route.isLearned,
      let url = entry.receivers[transfer]?.url, Address.sameOrigin(url, entry.machine.url),
      let word = AltSvc.word(in: head, url: url)
    else { return }
    switch word {
    case .relay(let relay):
      guard route.relay != relay else { return }
      route.relay = relay
      route.isLearned = true
      note(.info, "\(route.origin) names a relay: \(relay.text)")
    case .clear:
      guard route.relay != nil else { return }
      route.relay = nil
      note(.info, "\(route.origin) takes its relay back")
    }
    decided(route.policy.setRelayKnown(route.relay != nil), route, now: now)
  }

  /// Counts open transfers, and shares the rate limit when that changes who uses it.
  func opened(_ kind: TransportKind, for entry: Live, _ sign: Int) {
    let before = (openHTTP > 0, openUDT > 0)
    if kind == .udt {
      openUDT += sign
      entry.route?.counters.openUDT += sign
    } else {
      openHTTP += sign
      entry.route?.counters.openHTTP += sign
    }
    if options.rateLimit != nil, before != (openHTTP > 0, openUDT > 0) { shareRateLimit() }
  }

  /// Each transport limits itself: with both in use each gets half.
  func shareRateLimit() {
    let limit = options.rateLimit
    let share = openHTTP > 0 && openUDT > 0 ? limit.map { max(1, $0 / 2) } : limit
    transport.setRateLimit(share)
    tunnel?.setRateLimit(share)
  }

  /// Takes a connection of the host's budget, or a flow of the relay's; the name to give it back under.
  func takeBudget(_ entry: Live, _ route: Route, _ kind: TransportKind, now: Instant) -> String? {
    guard kind == .udt, let relay = route.relay else {
      let host = entry.origin(of: entry.machine.resolvedURL ?? entry.machine.url)
      return budget.take(host, now: now) ? host : nil
    }
    guard !budget.isHeld(route.origin, now: now) else { return nil }
    // One flow for a large file, unless the user gave a number; a few for small ones, which wait more than they run.
    let isSmall = entry.machine.isSmall
    let name = "udt \(isSmall ? "small" : "large") \(relay.text)"
    return budget.take(name, limit: isSmall ? 4 : options.connections ?? 1, now: now) ? name : nil
  }

  // MARK: - Time

  /// Feeds the policies, and moves segments of downloads whose transport changed. In every tick.
  func followRoutes(now: Instant) {
    guard tunnel != nil else { return }
    countWhatIsLeft(now: now)
    for route in routes where route.relay != nil {
      route.history.observe(count: route.counters.udt, now: now)
      route.counters.path = route.relay.flatMap { tunnel?.path(to: $0) }
      if let seconds = route.counters.path?.roundTrip {
        route.counters.roundTrip = max(seconds, route.counters.roundTrip ?? 0)
      }
      let silence = route.policy.rules.silence
      let changes = route.policy.observe(route.counters, now: now, until: later(silence))
      decided(changes, route, now: now)
      if route.policy.isMeasuring { isDirty = true }
    }
    moveSegments(now: now)
  }

  private func moveSegments(now: Instant) {
    for id in working {
      guard let entry = live[id], !entry.receivers.isEmpty else { continue }
      run(entry.machine.move(to: kind(of: entry)), for: entry, now: now)
    }
  }

  /// What each route still has to fetch, and whether a measurement would be disturbed.
  private func countWhatIsLeft(now: Instant) {
    for route in routes {
      route.counters.left = 0
      route.counters.canMeasure = !isPausedAll && !isStopping
      route.counters.isTuning = false
      route.counters.roundTrip = nil
    }
    for id in working {
      guard let entry = live[id], let route = entry.route else { continue }
      let machine = entry.machine
      let isPinned = choice(of: id) != .auto || entry.avoidsUDT || entry.leavesRelay
      let isFixed = machine.rangesSupported == false && !machine.isSmall
      // One that waits for the measurement to end so that it may go its own way disturbs it too.
      let isBusy =
        !entry.receivers.isEmpty || machine.wantsTransfer(now: now, target: 1, kind: kind(of: entry))
      if isPinned || isFixed, isBusy { route.counters.canMeasure = false }
      guard !isPinned, !isFixed, !machine.isSmall, machine.isFetching else { continue }
      route.counters.left += max(0, (machine.size ?? 1 << 30) - machine.received)
      if machine.roundTrip > route.counters.roundTrip ?? 0 { route.counters.roundTrip = machine.roundTrip }
      if options.connections == nil, entry.tuner.isGrowing { route.counters.isTuning = true }
    }
    for route in routes where route.counters.left == 0 { route.counters.canMeasure = false }
    for id in queue.next(32) where !isRemoved[id.index] && choice(of: id) == .auto {
      guard let size = specs[id.index].size, size >= smallFileLimit,
        let route = routeOf[origin(of: id)]
      else { continue }
      route.counters.left += min(size, 1 << 50)
    }
  }

  func later(_ seconds: Double) -> String { ClockText.later(wallClock(), by: seconds) }

  /// Tells decisions: the log all of them, the events those that change something.
  func decided(_ changes: [TransportPolicy.Change], _ route: Route, now: Instant) {
    for change in changes {
      note(.info, "\(route.origin): over \(change.to.rawValue): \(change.reason)")
      guard change.from != change.to else { continue }
      route.since = now
      route.clock = String(wallClock().prefix(5))
      routeChanges.append(
        RouteChange(
          time: now, origin: route.origin, from: change.from, to: change.to, reason: change.reason))
    }
    if !changes.isEmpty { isDirty = true }
  }

  // MARK: - Snapshots

  func routeStatus(_ route: Route) -> RouteStatus {
    var status = RouteStatus(origin: route.origin, choice: options.transport, since: route.since)
    status.relay = route.relay
    status.current = route.policy.wanted
    status.clock = route.clock
    status.reason = route.policy.reason
    status.isMeasuring = route.policy.isMeasuring
    status.path = route.relay.flatMap { tunnel?.path(to: $0) }
    status.history = route.history.values
    return status
  }
}
