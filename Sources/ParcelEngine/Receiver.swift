import ParcelCore
import Synchronization

/// Where one transfer's answer goes: the rules judge its head on the transport's thread, before any byte is written;
/// then its bytes go to the segment's writer. The engine only reads counters.
final class Receiver: TransferReceiver {
  let id: TransferID
  let host: String
  private let download: DownloadID
  private let asked: ResponseExpectation
  private let epoch: @Sendable () -> Int
  private let start: Int
  private let mayBeWhole: Bool
  private let inbox: Inbox

  private struct State {
    var writer: (any SegmentWriter)?
    var verdict: ResponseVerdict?
  }
  private let state: Mutex<State>

  init(
    id: TransferID, download: DownloadID, host: String, asked: ResponseExpectation, start: Int,
    mayBeWhole: Bool,
    writer: (any SegmentWriter)?, inbox: Inbox, epoch: @escaping @Sendable () -> Int
  ) {
    self.id = id
    self.host = host
    self.download = download
    self.asked = asked
    self.epoch = epoch
    self.start = start
    self.mayBeWhole = mayBeWhole
    self.inbox = inbox
    state = Mutex(State(writer: writer))
  }

  /// First byte not yet received. Any thread.
  var position: Int { state.withLock { $0.writer?.position ?? start } }

  var writer: (any SegmentWriter)? { state.withLock { $0.writer } }

  /// The file is open: bytes that waited may come.
  func attach(_ writer: any SegmentWriter) {
    state.withLock { $0.writer = writer }
  }

  func begin(_ head: ResponseHead) -> BodyDecision {
    let verdict = ResponseRule.check(head, asked: asked, now: epoch())
    state.withLock { $0.verdict = verdict }
    switch verdict {
    case .redirect, .refused: return .reject
    case .wholeInsteadOfPart(let identity):
      guard mayBeWhole else { return .reject }
      // Here and not in the engine: its bytes may be through before the engine has looked.
      state.withLock { $0.writer }?.extend(to: identity.size ?? .max)
      inbox.post(.answered(download, id, head, verdict))
      return .receive
    case .empty:
      // What follows, if anything, is a page about the refused range.
      inbox.post(.answered(download, id, head, verdict))
      return .reject
    case .whole, .part:
      inbox.post(.answered(download, id, head, verdict))
      return .receive
    }
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer {
    guard let writer = state.withLock({ $0.writer }) else { return .pause }
    return writer.write(bytes)
  }

  func end(_ end: TransferEnd) {
    let (writer, verdict) = state.withLock { ($0.writer, $0.verdict) }
    writer?.close()
    inbox.post(.ended(download, id, end, verdict, position: writer?.position ?? start))
  }
}
