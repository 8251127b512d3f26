import ParcelCore
import ParcelSystem
import ParcelUDT
import Synchronization

/// Finds paths that swallow large packets: the handshake was good, something was sent, and then nothing, or nothing but a small packet or two, came for 3 s, not even the
/// keep-alives of a peer that has nothing to send yet: it sends, again and again, what does not get through. Such a
/// connection is broken off, so that whoever uses it connects again, then with smaller packets.
final class SegmentWatch: Sendable {
  private struct Young {
    weak var stream: UDTStream?
    var deadline: Double
  }

  private struct State {
    var young: [Young] = []
    var isLooking = false
  }

  /// Bytes: so much does not come in a small packet or two, as an answer's head may.
  private static let packet = 2800
  /// Seconds without any sign of life.
  private static let patience = 3.0
  /// Seconds for which a connection without data is watched; after them its peer's time-out decides.
  private static let youth = 12.0
  private static let interval = 0.25

  private let connector: UDTConnector
  private let state = Mutex(State())

  init(_ connector: UDTConnector) { self.connector = connector }

  /// Looks after a stream that was just connected. Any thread.
  func add(_ stream: UDTStream) {
    let young = Young(stream: stream, deadline: MonotonicClock.seconds() + Self.youth)
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
          guard let stream = young.stream, stream.readCount < Self.packet else { return true }
          if stream.hasWritten, stream.silence >= Self.patience {
            silent.append(stream)
            return true
          }
          return now >= young.deadline
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
