import ParcelCore
import ParcelSystem
import ParcelUDT
import Synchronization

/// Finds paths that swallow large packets: the handshake was good, something was sent, and nothing came back for 3 s. Such a
/// connection is broken off, so that whoever uses it connects again, then with smaller packets; at most twice for a relay,
/// because it may just as well be a server that thinks for so long.
final class SegmentWatch: Sendable {
  private struct Young {
    weak var stream: UDTStream?
    var deadline: Double
  }

  private struct State {
    var young: [Young] = []
    var isLooking = false
  }

  /// Seconds.
  private static let patience = 3.0
  private static let interval = 0.25

  private let connector: UDTConnector
  private let state = Mutex(State())

  init(_ connector: UDTConnector) { self.connector = connector }

  /// Looks after a stream that was just connected. Any thread.
  func add(_ stream: UDTStream) {
    let young = Young(stream: stream, deadline: MonotonicClock.seconds() + Self.patience)
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
      let now = MonotonicClock.seconds()
      let silent: [UDTStream]? = state.withLock { state in
        var silent: [UDTStream] = []
        state.young.removeAll { young in
          guard let stream = young.stream, !stream.hasRead else { return true }
          guard now >= young.deadline else { return false }
          if stream.hasWritten { silent.append(stream) }
          return true
        }
        if state.young.isEmpty, silent.isEmpty {
          state.isLooking = false
          return nil
        }
        return silent
      }
      guard let silent else { return }
      for stream in silent where connector.noData(from: stream) { stream.abort() }
    }
  }
}
