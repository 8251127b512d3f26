import ParcelCore
import ParcelSystem

/// Lets some connects run at a time and others wait: a listener of libudt makes one connection after the other, and of a
/// thousand handshakes at once it loses most, each until its time is over.
final class ConnectGate: @unchecked Sendable {
  /// Connects at a time. Each takes two round trips, so this is no limit that a person would notice.
  private static let width = 32
  /// Seconds after which none begins anew.
  private static let patience = 30.0
  /// Seconds for which a peer that let somebody through counts as there: busy rather than gone.
  private static let trust = 6.0

  private let monitor = Monitor()
  // Only inside `monitor`.
  private var running = 0
  /// When somebody last found that nobody answers, and how that was said. Nil once somebody got through.
  private var silence: (at: Instant, failure: UDTStream.ConnectFailure)?
  /// When somebody last got through: one handshake that was lost since says nothing about the others.
  private var lastSuccess: Instant?

  /// Runs `connect`, after a wait perhaps. When it turned out meanwhile that nobody answers, that is the answer at once: a
  /// thousand that wait would learn it in minutes else. When nobody answers this one while others get through, one of the two machines is
  /// busy, and it is tried again.
  func enter<Stream>(
    _ connect: () throws(UDTStream.ConnectFailure) -> Stream
  ) throws(UDTStream.ConnectFailure) -> Stream {
    let came = MonotonicClock.now()
    while true {
      let entered = try take(came)
      do throws(UDTStream.ConnectFailure) {
        let stream = try connect()
        _ = leave(nil, entered: entered)
        return stream
      } catch {
        let isAnswered = leave(error, entered: entered)
        guard error.isSilent, isAnswered, MonotonicClock.now() - came < Self.patience else { throw error }
      }
    }
  }

  /// Waits for a place, for one that came at `came`; when it got it. Throws what is known of the peer instead.
  private func take(_ came: Instant) throws(UDTStream.ConnectFailure) -> Instant {
    let known: UDTStream.ConnectFailure? = monitor.locked {
      while running >= Self.width { monitor.wait() }
      if let silence, silence.at > came { return silence.failure }
      running += 1
      return nil
    }
    guard let known else { return MonotonicClock.now() }
    // The place that woke this one is another's.
    monitor.locked { monitor.wakeOne() }
    throw known
  }

  /// True: somebody got through since `entered`, or shortly before.
  private func leave(_ failure: UDTStream.ConnectFailure?, entered: Instant) -> Bool {
    monitor.locked {
      running -= 1
      defer { monitor.wakeOne() }
      guard let failure else {
        (silence, lastSuccess) = (nil, MonotonicClock.now())
        return true
      }
      let isAnswered = lastSuccess.map { entered - $0 < Self.trust } ?? false
      if failure.isSilent, !isAnswered { silence = (MonotonicClock.now(), failure) }
      return isAnswered
    }
  }
}
