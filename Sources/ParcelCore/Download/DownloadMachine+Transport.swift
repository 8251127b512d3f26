/// Changing the transport of a download that runs.
extension DownloadMachine {
  /// Segments of the other kind end at their next block; what they give up is missing again, and nothing is lost. What
  /// cannot be cut (no ranges, a small file that has begun) stays where it is. Call it as often as you like.
  package mutating func move(to kind: TransportKind) -> [DownloadEffect] {
    guard case .fetching = phase, isSmall || rangesSupported == true else { return [] }
    var effects: [DownloadEffect] = []
    for i in attempts.indices where attempts[i].kind != kind && !attempts[i].stopping && !attempts[i].leaving
    {
      if !attempts[i].answered, attempts[i].position == attempts[i].range.start {
        attempts[i].stopping = true
        attempts[i].leaving = true
        effects.append(.stopTransfer(attempts[i].id))
      } else if !isSmall {
        effects.append(.release(attempts[i].id))
      }
    }
    return effects
  }

  /// The writer of `id` now ends at `limit` and has come to `position`.
  package mutating func released(_ id: TransferID, limit: Int, position: Int) -> [DownloadEffect] {
    guard let i = attempts.firstIndex(where: { $0.id == id }) else { return [] }
    attempts[i].leaving = true
    if limit < attempts[i].range.end {
      attempts[i].range.end = limit
      planner?.shrink(id, to: limit)
    }
    guard position >= limit else { return [] }
    attempts[i].stopping = true
    return [.stopTransfer(id)]
  }
}
