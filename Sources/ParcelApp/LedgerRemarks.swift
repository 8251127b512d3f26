import ParcelEngine
import Synchronization

/// Brings what the ledger of verified files has to say into the run's log. Any thread.
final class LedgerRemarks: Sendable {
  private let engine = Mutex<Engine?>(nil)

  func connect(_ engine: Engine) { self.engine.withLock { $0 = engine } }

  var say: @Sendable (String) -> Void {
    { text in
      guard let engine = self.engine.withLock({ $0 }) else { return }
      Task { await engine.report(.warning, text) }
    }
  }
}
