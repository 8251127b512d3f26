import Glibc
import ParcelCore
import Synchronization

/// Hands snapshots from the engine to a thread that may wait (a slow terminal, a full pipe). Nothing is dropped.
final class SnapshotQueue: @unchecked Sendable {
  // Guarded by `mutex`; a condition variable needs a POSIX mutex beside it.
  private var waiting: [Snapshot] = []
  private var isClosed = false
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  func post(_ snapshot: Snapshot) {
    pthread_mutex_lock(mutex)
    waiting.append(snapshot)
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// `next` gives nil once all is taken.
  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Waits for the next snapshots; nil when the queue is closed and empty. One thread calls it.
  func next() -> [Snapshot]? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while waiting.isEmpty, !isClosed { pthread_cond_wait(condition, mutex) }
    guard !waiting.isEmpty else { return nil }
    let taken = waiting
    waiting = []
    return taken
  }
}
