import CUDT
import ParcelCore
import ParcelSystem

/// The thread that repeats messages and notices dead peers, for all connections of a library. It sleeps while there are none.
final class Ticker: Sendable {
  /// Seconds.
  private static let period = 0.1

  fileprivate final class State: @unchecked Sendable {
    let monitor = Monitor()
    // Only inside `monitor`.
    var links: [Int32: PeerLink] = [:]
    /// Sockets that were aborted and closed, whose peer is still being told.
    var dying: [Int32: PeerLink] = [:]
    var isStopped = false
  }

  private let state: State
  private let thread: OwnThread

  init() throws(Errno) {
    let state = State()
    self.state = state
    thread = try OwnThread.startJoinable(stackSize: 256 << 10, blocking: .all) { Ticker.run(state) }
  }

  func add(_ link: PeerLink, socket: Int32) {
    state.monitor.locked {
      state.links[socket] = link
      state.monitor.wakeAll()
    }
  }

  func remove(socket: Int32) {
    state.monitor.locked { state.links[socket] = nil }
  }

  /// Takes over an aborted socket and drops it when the peer knows.
  func bury(socket: Int32) {
    state.monitor.locked {
      if let link = state.links.removeValue(forKey: socket) { state.dying[socket] = link }
      state.monitor.wakeAll()
    }
  }

  /// Ends the thread, and what was still dying. No connection is left by then.
  func stop() {
    state.monitor.locked {
      state.isStopped = true
      state.monitor.wakeAll()
    }
    thread.join()
    for socket in state.dying.keys { parcel_udt_drop(socket) }
  }

  private static func run(_ state: State) {
    while let (links, dying) = state.next(after: period) {
      let now = MonotonicClock.now()
      for link in links { link.tick(now: now) }
      for (socket, link) in dying {
        link.tick(now: now)
        guard link.isResetDone else { continue }
        parcel_udt_drop(socket)
        state.monitor.locked { state.dying[socket] = nil }
      }
    }
  }
}

extension Ticker.State {
  /// Waits a period, longer while there is nothing to do. Nil: stop.
  fileprivate func next(after period: Double) -> (links: [PeerLink], dying: [(Int32, PeerLink)])? {
    monitor.locked {
      while links.isEmpty, dying.isEmpty, !isStopped { monitor.wait() }
      let deadline = (MonotonicClock.now() + period).nanoseconds
      while !isStopped, monitor.wait(until: deadline) {}
      return isStopped ? nil : (Array(links.values), dying.map { ($0.key, $0.value) })
    }
  }
}
