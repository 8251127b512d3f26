import CUDT
import ParcelCore
import ParcelSystem

/// The thread that gives controllers and repair their time, and libudt's sending threads a finer clock. One per process; it sleeps while
/// no data is on its way anywhere.
///
/// libudt's sending thread waits for a packet's time in turns of up to 10 ms, which end early only when something comes in: left
/// alone it sends in bunches of 6 to 9 ms. Here it is woken about every half millisecond while it sends.
final class Pacer: @unchecked Sendable {
  static let shared = Pacer()

  /// Seconds between two turns of a connection.
  private static let period = 0.008
  /// The same once nothing has happened for long.
  private static let quietPeriod = 0.1
  /// Seconds between two beats: eight packets, within these.
  private static let beats = 0.0005...0.004

  private struct Active {
    var link: PeerLink
    var due: Instant
  }

  private let monitor = Monitor()
  // Only inside `monitor`.
  private var added: [PeerLink] = []
  private var isRunning = false

  /// `link` has data on its way. Any thread, whatever locks it holds.
  func add(_ link: PeerLink) {
    let mustStart = monitor.locked {
      added.append(link)
      monitor.wakeOne()
      defer { isRunning = true }
      return !isRunning
    }
    guard mustStart, !ServiceThread.start(stackSize: 256 << 10, { self.run() }) else { return }
    // Without a thread there is no repair and no fine clock; the next one tries again.
    monitor.locked { isRunning = false }
  }

  private func run() {
    var active: [Active] = []
    var sending: [OpaquePointer] = []
    var nextTurn = Instant.zero
    var beat = Self.period
    while true {
      take(into: &active)
      let now = MonotonicClock.now()
      if now >= nextTurn {
        beat = turn(&active, sending: &sending, now: now)
        nextTurn = now + Self.period
      }
      for connection in sending { _ = parcel_udt_beat(connection) }
      let left = max(0.0001, nextTurn - MonotonicClock.now())
      MonotonicClock.sleep(seconds: sending.isEmpty ? left : min(beat, left))
    }
  }

  /// Waits while there is nothing to do.
  private func take(into active: inout [Active]) {
    monitor.locked {
      while active.isEmpty, added.isEmpty { monitor.wait() }
      for link in added { active.append(Active(link: link, due: .zero)) }
      added.removeAll(keepingCapacity: true)
    }
  }

  /// All that are due have their turn. One connection of each sending thread goes into `sending`; returns the seconds to the next beat.
  private func turn(_ active: inout [Active], sending: inout [OpaquePointer], now: Instant) -> Double {
    sending.removeAll(keepingCapacity: true)
    var threads: [UnsafeRawPointer] = []
    var interval = Double.infinity
    for index in active.indices.reversed() where active[index].due <= now {
      let link = active[index].link
      guard let turn = link.pace(now: now), turn.isActive else {
        active.swapAt(index, active.count - 1)
        active.removeLast()
        continue
      }
      active[index].due = turn.isQuiet ? now + Self.quietPeriod : now
      guard turn.isSending, let thread = parcel_udt_beat(link.connection) else { continue }
      interval = min(interval, turn.interval)
      if threads.contains(thread) { continue }
      threads.append(thread)
      sending.append(link.connection)
    }
    return min(max(8e-6 * interval, Self.beats.lowerBound), Self.beats.upperBound)
  }
}
