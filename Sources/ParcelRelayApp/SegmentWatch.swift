import ParcelCore
import ParcelSystem
import ParcelUDT
import Synchronization

/// Finds paths that swallow large packets. Such a connection is broken off, so that whoever uses it connects again, then with smaller
/// packets.
final class SegmentWatch: Sendable {
  private struct Young {
    weak var stream: UDTStream?
    var data: VanishingData
    let deadline: Instant
  }

  private struct State {
    var young: [Young] = []
    var isLooking = false
  }

  /// Seconds for which a connection without data is watched; after them its peer's time-out decides.
  private static let youth = 12.0
  private static let interval = 0.25

  private let connector: UDTConnector
  private let state = Mutex(State())

  init(_ connector: UDTConnector) { self.connector = connector }

  /// Looks after a stream that was just connected. Any thread.
  func add(_ stream: UDTStream) {
    let now = MonotonicClock.now()
    let young = Young(stream: stream, data: VanishingData(now: now), deadline: now + Self.youth)
    let isFirst = state.withLock { state in
      state.young.append(young)
      defer { state.isLooking = true }
      return !state.isLooking
    }
    guard isFirst else { return }
    // Without a thread the path is not looked after, which only costs the help.
    let started = ServiceThread.start(stackSize: 128 << 10) { [self] in look() }
    if !started { state.withLock { $0.isLooking = false } }
  }

  /// Until no young stream is left.
  private func look() {
    while true {
      MonotonicClock.sleep(seconds: Self.interval)
      let now = MonotonicClock.now()
      var hopeless: [UDTStream] = []
      let isOver = state.withLock { state in
        var rest: [Young] = []
        for var young in state.young {
          guard let stream = young.stream, now < young.deadline else { continue }
          let verdict = young.data.look(stream.signs, now: now)
          if verdict == .ask { stream.askHowMuchIsWritten() }
          if verdict == .vanishes { hopeless.append(stream) }
          if verdict == .ask || verdict == .wait { rest.append(young) }
        }
        state.young = rest
        state.isLooking = !rest.isEmpty
        return rest.isEmpty
      }
      for stream in hopeless where connector.noData(from: stream) { stream.abort() }
      if isOver { return }
    }
  }
}
