import ParcelCore

/// A token that servers do not take any more: what needs it waits, and goes on at the same byte with a new one.
extension Engine {
  /// A new token, for all servers that the user named. Downloads that waited for one go on.
  package func setToken(_ token: String?, file: String?) {
    let isNew = token != options.token
    options.token = token
    options.tokenFile = file
    isDirty = true
    if isNew { tokenNumber += 1 }
    let now = self.now
    for index in tokenWaits.indices where isNew {
      let rows = heldRows(of: tokenWaits[index].origin)
      let status = tokenWaits[index].status(files: rows.count, renewal: "")
      let wasOn = tokenWaits[index].isOn
      tokenWaits[index].renewed()
      guard wasOn else { continue }
      let files = rows.count == 1 ? "1 file goes on" : "\(Grouped.text(rows.count)) files go on"
      changed(.ended, status, "a new token for \(status.place): \(files)", now: now)
      goOn(rows, now: now)
    }
    for entry in live.values where isNew && entry.machine.heldBack?.retry == .held(.token) {
      entry.machine.goOn()
    }
    for index in statuses.indices
    where statuses[index].failure?.code == .credentials && statuses[index].state.isSettled {
      retry(DownloadID(index), now: now)
    }
    continueWork()
  }

  func heldRows(of origin: String) -> [DownloadID] {
    held { id, hold in hold == .token && live[id]?.origin == origin }
  }

  /// An answer came with the token.
  func tokenWorked(_ transfer: TransferID, of entry: Live) {
    guard let number = entry.receivers[transfer]?.token else { return }
    entry.provenToken = number
    guard number == tokenNumber, !tokenWaits.isEmpty else { return }
    let origin = entry.origin
    for index in tokenWaits.indices where tokenWaits[index].origin == origin { tokenWaits[index].answered() }
  }

  /// What a refused answer means when a token was sent: perhaps that it has to be a new one.
  func aboutToken(
    _ failure: Failure, _ receiver: Receiver, _ end: TransferEnd, of entry: Live, now: Instant
  ) -> Failure {
    guard let number = receiver.token, let status = end.head?.status else { return failure }
    let words = FailureText.message(in: end.errorBody, type: end.head?["content-type"] ?? "") ?? ""
    let worked = entry.provenToken != nil
    guard TokenRule.isAboutToken(failure, status: status, words: words, worked: worked) else {
      return failure
    }
    var failure = failure
    if number != tokenNumber {
      // It was asked for with the token before.
      failure.retry = .now
      return failure
    }
    guard let renewal = options.tokenRenewal else { return failure }
    failure.retry = .held(.token)
    failure.remedy =
      "It goes on at the same byte with a new token" + (renewal.isEmpty ? "." : ": \(renewal).")
    // Several connections of one download are one refusal.
    if entry.machine.heldBack == nil, !entry.machine.isComingToRest {
      refused(entry.origin, number, renewal, now: now)
    }
    return failure
  }

  private func refused(_ origin: String, _ number: Int, _ renewal: String, now: Instant) {
    if !tokenWaits.contains(where: { $0.origin == origin }) { tokenWaits.append(TokenWait(origin: origin)) }
    guard let index = tokenWaits.firstIndex(where: { $0.origin == origin }) else { return }
    let news = tokenWaits[index].refused(number)
    guard news != .nothing else { return }
    let status = tokenWaits[index].status(files: 1, renewal: renewal)
    changed(news == .expired ? .began : .again, status, status.text, now: now)
  }
}
