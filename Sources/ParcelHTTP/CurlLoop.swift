import CCurl
import ParcelCore
import ParcelSystem

/// The transport's thread: it alone uses the multi handle, the easy handles and the open transfers.
final class CurlLoop {
  /// Connections kept for the next request.
  private static let idleConnections = 256
  /// Easy handles kept for the next transfer.
  private static let idleHandles = 64
  /// The rate limit's shortest wait in milliseconds: longer costs smoothness, shorter costs CPU.
  private static let shortestWait = 10
  private static let longestWait = 10_000

  let options: TransportOptions
  let inbox: Inbox
  var limiter = RateLimiter()
  /// Connections go to a relay.
  var usesRelay: Bool { setup.settings.connectThrough != nil }

  private let setup: CurlSetup
  private let multi: UnsafeMutableRawPointer
  private var handles: [EasyHandle] = []
  private var transfers: [TransferID: CurlTransfer] = [:]
  private var byHandle: [UnsafeMutableRawPointer: CurlTransfer] = [:]
  /// Paused by their receivers, in that order.
  private var full: [CurlTransfer] = []
  private var nameless = NamelessTransfers()

  static let isLibraryReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  /// Carries the loop to its thread: nothing but `inbox` is used anywhere else.
  struct Start: @unchecked Sendable {
    private let loop: CurlLoop
    let inbox: Inbox
    init(_ loop: CurlLoop) {
      self.loop = loop
      inbox = loop.inbox
    }
    func run() { loop.run() }
  }

  static func make(options: TransportOptions, settings: CurlSettings) -> Start {
    Start(CurlLoop(options: options, settings: settings))
  }

  private init(options: TransportOptions, settings: CurlSettings) {
    precondition(Self.isLibraryReady, "libcurl does not start")
    guard let multi = curl_multi_init(), let ownConnections = parcel_curl_connection_share() else {
      preconditionFailure("no memory for libcurl")
    }
    self.multi = multi
    self.options = options
    setup = CurlSetup(options: options, settings: settings, ownConnections: ownConnections)
    inbox = Inbox(waking: multi)
    parcel_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.idleConnections)
    limiter.setLimit(options.rateLimit, now: now())
  }

  func now() -> Instant { MonotonicClock.now() }

  // MARK: The loop

  private func run() {
    while true {
      let batch = inbox.take()
      for command in batch.commands { apply(command) }
      if batch.shutDown { break }
      if batch.resumePaused { resumeFull() }
      releaseThrottled()
      var running: Int32 = 0
      curl_multi_perform(multi, &running)
      collectEnds()
      curl_multi_poll(multi, nil, 0, waitMilliseconds(), nil)
    }
    endAll()
  }

  private func waitMilliseconds() -> Int32 {
    guard let seconds = limiter.secondsUntilNext(now: now()) else { return Int32(Self.longestWait) }
    let milliseconds = seconds * 1000
    guard milliseconds < Double(Self.longestWait) else { return Int32(Self.longestWait) }
    return Int32(max(Self.shortestWait, Int(milliseconds) + 1))
  }

  private func apply(_ command: Inbox.Command) {
    switch command {
    case .open(let opening): open(opening)
    case .stop(let id):
      if let transfer = transfers[id] { finish(transfer, nil) }
      if let waiting = nameless.take(id) { refuse(waiting.opening, .stopped) }
    case .lookedUp(let host, let answer): lookedUp(host, answer)
    case .setRateLimit(let limit): limiter.setLimit(limit, now: now())
    }
  }

  private func endAll() {
    for id in transfers.keys.sorted() {
      if let transfer = transfers[id] { finish(transfer, nil) }
    }
    for waiting in nameless.takeAll() { refuse(waiting.opening, .stopped) }
    for case .open(let opening) in inbox.close().commands {
      opening.receiver.end(TransferEnd(reason: .stopped))
    }
    handles = []
    curl_multi_cleanup(multi)
    curl_share_cleanup(setup.ownConnections)
  }

  // MARK: Transfers

  private func open(_ opening: Opening) {
    if opening.stopFlag.isSet { return refuse(opening, .stopped) }
    guard let handle = handles.popLast() ?? EasyHandle() else {
      return refuse(opening, .failed(noMemory(opening.request)))
    }
    handle.reset()
    do {
      try setup.apply(opening.request, to: handle)
    } catch {
      handles.append(handle)
      return refuse(opening, .failed(error))
    }
    let transfer = CurlTransfer(opening, handle: handle, loop: self)
    let log = options.debug ? setup.settings.log : nil
    CurlCallbacks.connect(transfer, debug: log.map(DebugLog.init))
    transfers[opening.request.id] = transfer
    byHandle[handle.raw] = transfer
    guard curl_multi_add_handle(multi, handle.raw) == CURLM_OK else {
      return finish(transfer, CURLE_OUT_OF_MEMORY)
    }
  }

  private func refuse(_ opening: Opening, _ reason: TransferEnd.Reason) {
    inbox.forget(opening.request.id)
    opening.receiver.end(TransferEnd(reason: reason))
  }

  private func noMemory(_ request: TransferRequest) -> Failure {
    Failure(
      .network, retry: .later(after: nil), "Could not fetch \(Redaction.url(request.url)): out of memory.")
  }

  private func collectEnds() {
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle,
        let transfer = byHandle[raw]
      else { continue }
      finish(transfer, message.pointee.data.result)
    }
  }

  /// Takes the transfer out of libcurl and tells its receiver. `result` nil: ended by us.
  private func finish(_ transfer: CurlTransfer, _ result: CURLcode?) {
    let handle = transfer.handle
    let end = transfer.end(result)
    curl_multi_remove_handle(multi, handle.raw)
    byHandle[handle.raw] = nil
    transfers[transfer.request.id] = nil
    limiter.forget(transfer)
    full.removeAll { $0 === transfer }
    handle.reset()
    if handles.count < Self.idleHandles { handles.append(handle) }
    if result == CURLE_COULDNT_RESOLVE_HOST, case .failed = end.reason {
      return askName(transfer.opening, end)
    }
    inbox.forget(transfer.request.id)
    transfer.receiver.end(end)
  }

  // MARK: Names

  /// The end waits until it is known whether another try makes sense.
  private func askName(_ opening: Opening, _ end: TransferEnd) {
    let host = URLReference(opening.request.url)?.host ?? ""
    guard nameless.add(NamelessTransfers.Waiting(opening: opening, end: end), host: host) else { return }
    do {
      try OwnThread.start(stackSize: 256 << 10, blocking: .all) { [inbox, ask = setup.settings.lookUp] in
        inbox.lookedUp(host, ask(host))
      }
    } catch {
      lookedUp(host, .unclear)
    }
  }

  private func lookedUp(_ host: String, _ answer: NameLookup) {
    for waiting in nameless.take(host: host) {
      var end = waiting.end
      if answer == .denied { end.reason = .failed(CurlFailure.noSuchHost(waiting.opening.request)) }
      inbox.forget(waiting.opening.request.id)
      waiting.opening.receiver.end(end)
    }
  }

  // MARK: Pauses

  /// The receiver has no room: the transfer waits for `resumePaused`.
  func isFull(_ transfer: CurlTransfer) { full.append(transfer) }

  private func resumeFull() {
    let waiting = full
    full = []
    for transfer in waiting { goOn(transfer) }
  }

  private func releaseThrottled() {
    // Who goes on may come back to the queue at once: each gets at most one turn before libcurl gets its own.
    var turns = limiter.waitingCount
    while turns > 0, let transfer = limiter.next(now: now()) {
      turns -= 1
      goOn(transfer)
    }
  }

  /// Offers what libcurl held back, within this call; its error is not reported anywhere else.
  private func goOn(_ transfer: CurlTransfer) {
    let result = curl_easy_pause(transfer.handle.raw, CURLPAUSE_CONT)
    if result != CURLE_OK { finish(transfer, result) }
  }
}
