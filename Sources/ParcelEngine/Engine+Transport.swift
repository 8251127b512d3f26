import ParcelCore

/// What a person asks about transports, and what their failures mean.
extension Engine {
  // MARK: - Commands

  func setTransport(_ ids: [DownloadID], _ choice: TransportChoice, now: Instant) {
    for id in ids {
      choices[id] = choice == options.transport ? nil : choice
      choiceChanged(id)
      guard !statuses[id.index].state.isSettled else { continue }
      let route = route(to: address(of: specs[id.index]), now: now)
      route.saidNoRelay = false
      warnWithoutRelay(route, choice: choice)
    }
    for route in routes { decided(route.policy.choose(policyChoice), route, now: now) }
    followRoutes(now: now)
  }

  /// For all, also those that come later; choices of single downloads are forgotten.
  func setTransportAll(_ choice: TransportChoice, now: Instant) {
    options.transport = choice
    choices = [:]
    for index in statuses.indices where !isRemoved[index] && statuses[index].choice != choice {
      choiceChanged(DownloadID(index))
    }
    for route in routes {
      decided(route.policy.choose(choice), route, now: now)
      route.saidNoRelay = false
      warnWithoutRelay(route, choice: choice)
    }
    followRoutes(now: now)
  }

  private func choiceChanged(_ id: DownloadID) {
    statuses[id.index].choice = choice(of: id)
    dirty.insert(id)
    live[id]?.avoidsUDT = false
    live[id]?.brokenAnswers = 0
  }

  /// Says once that udt was asked for and cannot be had.
  func warnWithoutRelay(_ route: Route, choice: TransportChoice) {
    guard choice == .udt, !route.saidNoRelay, tunnel == nil || route.relay == nil else { return }
    route.saidNoRelay = true
    let text =
      route.relay == nil
      ? "No relay is known for \(route.origin): give --relay HOST. It is fetched over http."
      : "UDT is not available in this run: \(route.origin) is fetched over http."
    note(.warning, text)
  }

  // MARK: - Failures

  /// What a udt transfer's end says about the way there. With `auto`, whatever the relay breaks costs the download
  /// nothing: http is asked, and what it answers counts.
  func judge(
    _ outcome: inout TransferOutcome, _ receiver: Receiver, of entry: Live, answered: Bool, now: Instant
  ) {
    guard let failure = outcome.failure, failure.code != .busy else { return }
    // The token's fault, whichever way it went.
    if failure.retry == .held(.token) { return }
    let isAuto = choice(of: entry.id) == .auto
    let hasBroken = outcome.position == receiver.start && !answered
    let isLasting =
      switch failure.retry {
      case .never, .needsUser, .held: true
      case .now, .later: false
      }
    if hasBroken, failure.code == .proxy || !isLasting {
      noAnswer(failure, receiver, of: entry, now: now)
    }
    if failure.code == .proxy {
      // A tunnel that broke is no reason to stop.
      outcome.reason = .failed(
        Failure(.proxy, retry: .later(after: nil), failure.sentence, remedy: failure.remedy))
    } else if isLasting || receiver.isUnframed {
      if isAuto { entry.avoidsUDT = true }
    } else if outcome.position == receiver.start, answered {
      entry.brokenAnswers += 1
      if isAuto, entry.brokenAnswers > 1 { entry.avoidsUDT = true }
    }
    outcome.isFree =
      isAuto && (failure.code == .proxy || entry.avoidsUDT || outcome.position == receiver.start)
  }

  private func noAnswer(_ failure: Failure, _ receiver: Receiver, of entry: Live, now: Instant) {
    guard let route = entry.route else { return }
    let silence = route.policy.rules.silence
    // A program that is not there is no matter of UDP, and will not be there at a second try.
    let isMissing = failure.code == .proxy && failure.retry == .needsUser
    let words =
      isMissing
      ? "the program for UDT cannot be started"
      : failure.code == .proxy ? TransportPolicy.noAnswer : "nothing comes through the relay"
    let changes = route.policy.failed(
      opened: receiver.opened, words: words, isCertain: isMissing, now: now, until: later(silence))
    decided(changes, route, now: now)
  }
}
