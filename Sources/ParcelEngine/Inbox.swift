import ParcelCore
import Synchronization

/// What adapters tell the engine. Times are the engine's, read when it looks.
enum EngineEvent: Sendable {
  case opened(DownloadID, Result<OpenResult, Failure>)
  case audited(DownloadID, Result<AuditResult, Failure>)
  case answered(DownloadID, TransferID, ResponseHead, ResponseVerdict)
  case ended(DownloadID, TransferID, TransferEnd, ResponseVerdict?, position: Int)
  case part(DownloadID, PartEvent)
  case finished(DownloadID, Result<Finished, Failure>)
  case partDigested(DownloadID, ByteRange, Result<[UInt8], Failure>)
  case dropped(DownloadID, Failure?)
  case comparisonPrepared(DownloadID, Failure?)
  case comparisonSettled(DownloadID, Failure?)
  case closed(DownloadID, Failure?, kept: ByteRangeSet?)
  /// What the place looks like where a download could not write.
  case refused(DownloadID, Result<VolumeSpace, Failure>)
  /// A look at a file system, or at a folder of it, that downloads wait for.
  case looked(VolumeID, folder: String?, Result<VolumeSpace, Failure>)
  /// Where a folder of waiting downloads is.
  case folder(String, VolumeSpace?)
  case discarded(DownloadID, Failure?)
}

/// Events from any thread, handed to the engine in batches: one hop for all that came meanwhile, because a hop costs
/// more than most events.
final class Inbox: Sendable {
  private struct State {
    var events: [EngineEvent] = []
    var isWoken = false
  }

  private let state = Mutex(State())
  private let wake: @Sendable () -> Void

  /// `wake` is called once after the first event that follows a `take`.
  init(wake: @escaping @Sendable () -> Void) { self.wake = wake }

  func post(_ event: EngineEvent) {
    let first = state.withLock { state in
      state.events.append(event)
      defer { state.isWoken = true }
      return !state.isWoken
    }
    if first { wake() }
  }

  func take() -> [EngineEvent] {
    state.withLock { state in
      state.isWoken = false
      let events = state.events
      state.events = []
      return events
    }
  }
}
