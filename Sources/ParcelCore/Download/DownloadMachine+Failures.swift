/// Retrying, giving up and coming to rest.
extension DownloadMachine {
  mutating func retryAt(
    _ position: Int, _ failure: Failure, of attempt: Attempt, progressed: Bool, now: Instant
  )
    -> [DownloadEffect]
  {
    retriesAt[position] = (retriesAt[position] ?? 0) + 1
    return register(failure, opened: attempt.opened, progressed: progressed, now: now)
  }

  /// Waits, or gives up, after a failure of one transfer.
  mutating func register(_ failure: Failure, opened: Instant, progressed: Bool, now: Instant)
    -> [DownloadEffect]
  {
    let after: Double?
    switch failure.retry {
    case .needsUser, .never:
      guard policy.retry.outlasts(failure) else { return fail(failure, now: now) }
      after = nil
    case .held:
      // What is open was granted before and goes on; nothing new is asked for.
      if !attempts.isEmpty {
        heldBack = failure
        return []
      }
      return fail(failure, now: now)
    case .now: after = nil
    case .later(let seconds): after = seconds
    }
    self.failure = failure
    resolvedURL = nil
    redirectsLeft = policy.redirects
    // Connections that were open together and break are one failure, not as many as there were.
    let isOne = lastFailure.map({ opened > $0 }) ?? true || failures == 0
    if isOne {
      failures += 1
      lastFailure = now
    }
    if policy.retry.givesUp(after: failures) {
      var last = failure
      last.remedy =
        "Given up after \(failures) \(failures == 1 ? "failure" : "failures in a row"). " + failure.remedy
      return fail(last, now: now)
    }
    let delay = policy.retry.delay(failures: failures, retryAfter: after, random: random.unit())
    if !progressed || after != nil { notBefore = now + delay }
    return isOne ? [.log(.warning, failure.text)] : []
  }

  /// A failure that does not count: the next try goes another way, or the same way soon.
  mutating func pass(over failure: Failure, progressed: Bool, now: Instant) -> [DownloadEffect] {
    self.failure = failure
    resolvedURL = nil
    redirectsLeft = policy.redirects
    if !progressed { notBefore = now + policy.retry.first }
    return [.log(.warning, failure.text)]
  }

  mutating func fail(_ failure: Failure, now: Instant) -> [DownloadEffect] {
    if failure.code == .changed, policy.restartsChanged, restarts == 0 {
      return restart([.log(.warning, failure.text + " Starting over, as --restart says.")], now: now)
    }
    self.failure = failure
    // Many wait for the same thing: whoever knows them all says it once.
    if case .held = failure.retry { return close(.failed(failure)) }
    return [.log(.error, failure.text)] + close(.failed(failure))
  }

  /// The last open transfer of a download that is held back has ended.
  mutating func holdIfDrained(now: Instant) -> [DownloadEffect] {
    guard let heldBack, attempts.isEmpty else { return [] }
    self.heldBack = nil
    guard isFetching, planner?.isComplete != true else { return [] }
    return fail(heldBack, now: now)
  }

  /// Why it rests, as far as others know better than its own last failure.
  package mutating func remember(_ failure: Failure) { self.failure = failure }

  /// On its way to a rest, for whatever reason.
  package var isComingToRest: Bool {
    switch phase {
    case .closing, .opening(then: .some), .resting: true
    default: false
    }
  }

  /// There is a new token: what was held back for the old one goes on.
  package mutating func goOn() { heldBack = nil }

  /// Begins again, or ends with `last` when that was tried as often as may be.
  mutating func restart(because failure: Failure, orEnd last: Failure, now: Instant) -> [DownloadEffect] {
    self.failure = failure
    if policy.retry.givesUp(after: restarts + 1) { return fail(last, now: now) }
    return restart([.log(.warning, failure.text)], now: now)
  }

  /// Forgets what is here and begins again, after a wait that grows.
  mutating func restart(_ effects: [DownloadEffect], now: Instant) -> [DownloadEffect] {
    restarts += 1
    startOver = true
    notBeforeRestart = now + policy.retry.delay(failures: restarts, retryAfter: nil, random: random.unit())
    return effects + close(.waiting)
  }

  mutating func close(_ rest: Rest) -> [DownloadEffect] {
    repair?.isInterrupted = true
    phase = .closing(rest)
    guard attempts.isEmpty else {
      for i in attempts.indices { attempts[i].stopping = true }
      return attempts.map { .stopTransfer($0.id) }
    }
    return suspend(rest)
  }

  mutating func suspend(_ rest: Rest) -> [DownloadEffect] {
    guard hasPart else {
      phase = .resting(rest)
      return []
    }
    return [.suspend]
  }

  mutating func finishIfComplete() -> [DownloadEffect] {
    guard case .fetching = phase, let planner, planner.isComplete, attempts.isEmpty else { return [] }
    mendsDamage = false
    if let instead = afterFetching() { return instead }
    phase = .finishing
    return [.finish(size: planner.size, digests: knownDigests)]
  }
}

extension Failure {
  static func stalled(_ title: String, seconds: Double) -> Failure {
    Failure(
      .stalled, retry: .later(after: nil),
      "Nothing arrived for '\(title)' in \(Int(seconds)) s, though the connection is open.")
  }
}
