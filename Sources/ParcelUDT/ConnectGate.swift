import ParcelCore
import ParcelSystem

/// Lets some connects run at a time and others wait: a listener of libudt makes one connection after the other, and of a
/// thousand handshakes at once it loses most, each until its time is over.
final class ConnectGate: @unchecked Sendable {
  /// Connects at a time. Each takes two round trips, so this is no limit that a person would notice.
  private static let width = 32

  private let monitor = Monitor()
  // Only inside `monitor`.
  private var running = 0
  /// When somebody last found that nobody answers, and how that was said. Nil once somebody got through.
  private var silence: (at: Instant, failure: UDTStream.ConnectFailure)?
  /// When somebody last got through: one handshake that was lost meanwhile says nothing about the others.
  private var lastSuccess: Instant?

  /// Runs `connect`, after a wait perhaps. When it turned out meanwhile that nobody answers, that is the answer at once: a
  /// thousand that wait would learn it in minutes else.
  func enter(
    _ connect: () throws(UDTStream.ConnectFailure) -> UDTStream
  ) throws(UDTStream.ConnectFailure) -> UDTStream {
    let came = MonotonicClock.now()
    let known: UDTStream.ConnectFailure? = monitor.locked {
      while running >= Self.width { monitor.wait() }
      if let silence, silence.at > came { return silence.failure }
      running += 1
      return nil
    }
    if let known {
      // The place that woke this one is another's.
      monitor.locked { monitor.wakeOne() }
      throw known
    }
    let entered = MonotonicClock.now()
    do throws(UDTStream.ConnectFailure) {
      let stream = try connect()
      leave(nil, entered: entered)
      return stream
    } catch {
      leave(error, entered: entered)
      throw error
    }
  }

  private func leave(_ failure: UDTStream.ConnectFailure?, entered: Instant) {
    monitor.locked {
      running -= 1
      if failure == nil {
        (silence, lastSuccess) = (nil, MonotonicClock.now())
      } else if let failure, failure.isSilent, lastSuccess.map({ $0 < entered }) ?? true {
        silence = (MonotonicClock.now(), failure)
      }
      monitor.wakeOne()
    }
  }
}
