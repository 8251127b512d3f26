import ParcelCore
import Synchronization

/// Where one transfer's answer goes: the rules judge its head on the transport's thread, before any byte is written;
/// then its bytes go to the segment's writer. The engine only reads counters.
final class Receiver: TransferReceiver {
  let id: TransferID
  let kind: TransportKind
  /// Whose budget it was taken from.
  let host: String
  let opened: Instant
  private let download: DownloadID
  private let asked: ResponseExpectation
  private let epoch: @Sendable () -> Int
  let start: Int
  /// Number of the token that was sent; nil for none.
  let token: Int?
  private let mayBeWhole: Bool
  /// Only its head is wanted.
  private let isQuestion: Bool
  private let inbox: Inbox

  private struct State {
    var writer: (any SegmentWriter)?
    var verdict: ResponseVerdict?
    var isUnframed = false
  }
  private let state: Mutex<State>

  init(
    plan: TransferPlan, download: DownloadID, host: String, asked: ResponseExpectation, opened: Instant,
    writer: (any SegmentWriter)?, token: Int? = nil, inbox: Inbox, epoch: @escaping @Sendable () -> Int
  ) {
    id = plan.id
    kind = plan.kind
    self.host = host
    self.download = download
    self.asked = asked
    self.opened = opened
    self.epoch = epoch
    start = plan.range.start
    mayBeWhole = plan.mayBeWhole
    isQuestion = plan.question != nil
    self.token = token
    self.inbox = inbox
    state = Mutex(State(writer: writer))
  }

  /// First byte not yet received. Any thread.
  var position: Int { state.withLock { $0.writer?.position ?? start } }

  var url: String { asked.url }

  /// The answer was refused because a broken tunnel would look like its end.
  var isUnframed: Bool { state.withLock { $0.isUnframed } }

  var writer: (any SegmentWriter)? { state.withLock { $0.writer } }

  /// The file is open: bytes that waited may come.
  func attach(_ writer: any SegmentWriter) {
    state.withLock { $0.writer = writer }
  }

  func begin(_ head: ResponseHead) -> BodyDecision {
    let verdict = judge(head)
    if isQuestion { return .reject }
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

  private func judge(_ head: ResponseHead) -> ResponseVerdict {
    var verdict = ResponseRule.check(head, asked: asked, now: epoch())
    var isUnframed = false
    switch verdict {
    case .whole, .wholeInsteadOfPart:
      isUnframed =
        kind == .udt && Framing.endsWithConnection(head, size: asked.identity?.size ?? asked.size)
      if isUnframed { verdict = .refused(Framing.failure(url: asked.url)) }
    default: break
    }
    state.withLock {
      $0.verdict = verdict
      $0.isUnframed = isUnframed
    }
    return verdict
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
