import ParcelCore

/// One budget of bytes for all transfers, shared in turns: who has had its turn waits behind the others.
struct RateLimiter {
  /// Bytes a transfer may take in one turn while others wait.
  private static let turnBytes = 64 << 10

  private var bucket: TokenBucket?
  /// Paused for the limit, first come first served.
  private var queue: [CurlTransfer] = []

  var waitingCount: Int { queue.count }

  mutating func setLimit(_ bytesPerSecond: Int?, now: Instant) {
    guard let bytesPerSecond else {
      bucket = nil
      return
    }
    if bucket != nil {
      bucket?.setRate(bytesPerSecond, now: now)
    } else {
      bucket = TokenBucket(bytesPerSecond: bytesPerSecond, now: now)
    }
  }

  /// True: the transfer may take its bytes (and says with `spend` how many). False: it was put in the queue.
  mutating func admit(_ transfer: CurlTransfer, now: @autoclosure () -> Instant) -> Bool {
    guard bucket != nil else { return true }
    let hadItsTurn = transfer.turn >= Self.turnBytes && !queue.isEmpty
    if !hadItsTurn, bucket?.isReady(now: now()) == true { return true }
    queue.append(transfer)
    return false
  }

  mutating func spend(_ bytes: Int, by transfer: CurlTransfer) {
    guard bucket != nil else { return }
    transfer.turn += bytes
    bucket?.spend(bytes)
  }

  /// The next transfer that may go on now, with a new turn; nil when there is none.
  mutating func next(now: Instant) -> CurlTransfer? {
    guard !queue.isEmpty else { return nil }
    if bucket != nil, bucket?.isReady(now: now) == false { return nil }
    let transfer = queue.removeFirst()
    transfer.turn = 0
    return transfer
  }

  mutating func forget(_ transfer: CurlTransfer) { queue.removeAll { $0 === transfer } }

  /// Seconds until `next` has something; nil when nobody waits.
  mutating func secondsUntilNext(now: Instant) -> Double? {
    guard !queue.isEmpty else { return nil }
    return bucket?.secondsUntilReady(now: now) ?? 0
  }
}
