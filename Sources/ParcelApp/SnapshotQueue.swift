import ParcelCore
import ParcelSystem

/// Hands snapshots from the engine to a thread that may wait (a slow terminal, a full pipe). Nothing is dropped.
final class SnapshotQueue: @unchecked Sendable {
  private let monitor = Monitor()
  // Only inside `monitor`.
  private var waiting: [Snapshot] = []
  private var isClosed = false

  func post(_ snapshot: Snapshot) {
    monitor.locked {
      waiting.append(snapshot)
      monitor.wakeOne()
    }
  }

  /// `next` gives nil once all is taken.
  func close() {
    monitor.locked {
      isClosed = true
      monitor.wakeOne()
    }
  }

  /// Waits for the next snapshots; nil when the queue is closed and empty. One thread calls it.
  func next() -> [Snapshot]? {
    monitor.locked {
      while waiting.isEmpty, !isClosed { monitor.wait() }
      guard !waiting.isEmpty else { return nil }
      let taken = waiting
      waiting = []
      return taken
    }
  }
}
