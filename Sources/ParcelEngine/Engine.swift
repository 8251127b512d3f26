import ParcelCore

/// The queue: which downloads run, how many connections each gets, and what the screen is told.
///
/// An actor over values: each download's machine says what to do, the host budget says what is allowed, this type does
/// it through the store and the transport. Nothing here blocks; bytes never pass through here.
package actor Engine {
  let store: any DownloadStore
  let transport: any Transport
  /// Through relays; nil: none in this run.
  let tunnel: (any Transport)?
  private let clock: @Sendable () -> Instant
  let wallClock: @Sendable () -> String
  /// Seconds since 1970, for dates in answers.
  let epoch: @Sendable () -> Int
  private let publish: @Sendable (Snapshot) -> Void
  /// Seconds between ticks while something runs; nil: the owner calls `tick` (tests).
  private let tickInterval: Double?

  var options: EngineOptions
  /// What the session's header shows for the manifests.
  var title = ""
  var firstTitle = ""
  var manifests = 0

  // Rows, index = DownloadID.index.
  var specs: [DownloadSpec] = []
  var infos: [DownloadInfo] = []
  var statuses: [DownloadStatus] = []
  var isRemoved: [Bool] = []
  /// The check before its start is still to come (`add(_:title:unchecked:)`).
  var isUnchecked: [Bool] = []
  var uncheckedRows = 0

  /// Downloads with a choice of their own.
  var choices: [DownloadID: TransportChoice] = [:]
  /// In the order of first use.
  var routes: [Route] = []
  var routeOf: [String: Route] = [:]
  /// Open transfers.
  var openHTTP = 0
  var openUDT = 0

  var live: [DownloadID: Live] = [:]
  /// Downloads with something open that needs looking after, ascending: few, and looked at in every turn.
  var working: [DownloadID] = []
  /// Small files that are complete and wait for their batch to be safe on disk: many, and not looked at.
  var settling = 0
  /// Files with at least one open transfer.
  var filesWithTransfers = 0
  var queue = WaitingQueue()
  var budget: HostBudget
  var names = UniqueNames()
  /// Servers that get no token although there is one: said once for each.
  var withoutToken: [String] = []
  var nextTransfer: UInt64 = 0
  /// File systems and folders that could not be written to, and servers that refused the token, in the order of their first trouble.
  var volumeWaits: [VolumeWait] = []
  var tokenWaits: [TokenWait] = []
  /// Which file system folders are on, and which folder stands for them, as far as somebody had to know.
  var homes: [String: Home] = [:]
  /// Folders whose home was asked for and not told yet.
  var asking: Set<String> = []
  /// Downloads that could not write and do not know yet what the place looks like.
  var asksSpace = 0
  /// Counts the tokens of this run, from 0.
  var tokenNumber = 0
  /// Only held downloads were left, and the run does not wait for ever.
  var hasGivenUp = false
  var holdChanges: [HoldChange] = []
  var lastHolds: [HoldStatus] = []
  var nextHoldCheck = Instant.zero
  package internal(set) var hasStarted: Bool
  var isPausedAll = false
  var isStopping = false

  /// Servers that answered in this run.
  var answered: Set<String> = []

  // What the next snapshot will say.
  var totals = Totals()
  var dirty: Set<DownloadID> = []
  var transitions: [Transition] = []
  var log: [LogLine] = []
  var routeChanges: [RouteChange] = []
  var repairs: [RepairChange] = []
  var newRemoved: [DownloadID] = []
  var tableChanged = false
  var isDirty = true
  var selected: DownloadID?
  private var generation: UInt64 = 0
  private var lastPublished: Instant?

  var incoming = 0
  var meter = SpeedMeter(timeConstant: 3)
  var forecast = SpeedMeter(timeConstant: 10)
  var history = RateHistory(capacity: 3600)

  private var ticker: Task<Void, Never>?
  private var stopWaiters: [CheckedContinuation<Void, Never>] = []
  private var finishWaiters: [CheckedContinuation<Void, Never>] = []

  private let wake: WakeBox
  var inbox: Inbox { wake.inbox }

  package init(
    options: EngineOptions, store: any DownloadStore, transport: any Transport,
    tunnel: (any Transport)? = nil,
    clock: @escaping @Sendable () -> Instant,
    wallClock: @escaping @Sendable () -> String, epoch: @escaping @Sendable () -> Int,
    tickInterval: Double? = 0.1,
    publish: @escaping @Sendable (Snapshot) -> Void
  ) {
    self.options = options
    self.store = store
    self.transport = transport
    self.tunnel = tunnel
    self.clock = clock
    self.wallClock = wallClock
    self.epoch = epoch
    self.publish = publish
    self.tickInterval = tickInterval
    hasStarted = !options.waits
    budget = HostBudget(perHost: options.perHost)
    let wake = WakeBox()
    self.wake = wake
    wake.engine = self
    store.onSpace {
      transport.resumePaused()
      tunnel?.resumePaused()
    }
  }

  // MARK: - Time

  var now: Instant { clock() }

  /// Reads counters, watches for silence, opens what may be opened, publishes. About ten times a second while
  /// something runs.
  package func tick() {
    let now = self.now
    for event in inbox.take() { handle(event, now: now) }
    readCounters(now: now)
    let slack = stallSlack
    for id in working {
      guard let entry = live[id] else { continue }
      run(entry.machine.tick(now: now, slack: slack), for: entry, now: now)
    }
    followRoutes(now: now)
    followHolds(now: now)
    fill(now: now)
    refreshStatuses(now: now)
    publishIfDue(now: now, force: false)
  }

  /// Seconds that our own rate limit may keep one of many connections waiting for its share.
  private var stallSlack: Double {
    guard let limit = options.rateLimit, limit > 0 else { return 0 }
    return 4 * Double(totals.connections * 65536) / Double(limit)
  }

  /// Handles what adapters posted.
  func drain() {
    let now = self.now
    for event in inbox.take() { handle(event, now: now) }
    fill(now: now)
    settle(now: now)
  }

  /// After any change: keep ticking while something runs, publish soon otherwise, wake who waits.
  func settle(now: Instant) {
    if hasNothingOpen {
      readCounters(now: now)
      refreshStatuses(now: now)
      publishIfDue(now: now, force: true)
      wakeWaiters()
    }
    // Rows may wait for nothing but time: their host asked to be left alone.
    guard ticker == nil, let tickInterval, !isIdle else { return }
    ticker = Task { [weak self] in
      while let self, await self.tickAndContinue() {
        try? await Task.sleep(for: .seconds(tickInterval))
      }
    }
  }

  private func tickAndContinue() -> Bool {
    tick()
    if isIdle {
      ticker = nil
      settle(now: now)
      return false
    }
    return true
  }

  // MARK: - Waiting for the end

  /// Returns when nothing runs and nothing waits: every download is done, failed, paused or needs the user.
  package func waitUntilFinished() async {
    settle(now: now)
    if isIdle { return }
    await withCheckedContinuation { finishWaiters.append($0) }
  }

  var hasNothingOpen: Bool { working.isEmpty && settling == 0 }

  private var isIdle: Bool {
    guard hasNothingOpen else { return false }
    if isStopping || isPausedAll || !hasStarted || hasGivenUp { return true }
    return queue.isEmpty && totals.held == 0
  }

  /// Stops everything, saves, and returns when every part file is closed.
  package func stop() async {
    isStopping = true
    isDirty = true
    let now = self.now
    for id in working {
      guard let entry = live[id] else { continue }
      run(entry.machine.rest(as: .waiting), for: entry, now: now)
      follow(entry, now: now)
    }
    refreshStatuses(now: now)
    publishIfDue(now: now, force: true)
    settle(now: now)
    if hasNothingOpen { return }
    await withCheckedContinuation { stopWaiters.append($0) }
  }

  private func wakeWaiters() {
    guard isIdle else { return }
    for waiter in stopWaiters + finishWaiters { waiter.resume() }
    stopWaiters = []
    finishWaiters = []
  }

  // MARK: - Snapshots

  var phase: Snapshot.Phase {
    if isStopping { return .stopping }
    if totals.files > 0, totals.done + totals.failed + totals.needsUser == totals.files { return .finished }
    let hasNothingToDo = hasNothingOpen && queue.isEmpty && uncheckedRows == 0
    if isPausedAll || (hasNothingToDo && totals.paused > 0) { return .paused }
    return hasStarted && !(hasNothingToDo && totals.held == 0) ? .running : .idle
  }

  func publishIfDue(now: Instant, force: Bool) {
    guard isDirty else { return }
    if !force, let lastPublished, now - lastPublished < 0.095 { return }
    lastPublished = now
    generation += 1
    var snapshot = Snapshot(time: now, generation: generation)
    snapshot.phase = phase
    totals.history = history.values
    snapshot.totals = totals
    snapshot.table = tableChanged ? infos : nil
    snapshot.removed = newRemoved
    snapshot.changed = dirty.sorted().map { StatusChange(id: $0, status: statuses[$0.index]) }
    snapshot.transitions = transitions
    snapshot.detail = selected.flatMap { detail(of: $0, now: now) }
    snapshot.log = log
    snapshot.settings = settings
    snapshot.routes = routes.prefix(16).map { routeStatus($0) }
    snapshot.routeChanges = routeChanges
    snapshot.repairs = repairs
    snapshot.holds = holds(now: now)
    snapshot.holdChanges = holdChanges
    lastHolds = snapshot.holds
    tableChanged = false
    newRemoved = []
    dirty = []
    transitions = []
    log = []
    routeChanges = []
    repairs = []
    holdChanges = []
    isDirty = false
    publish(snapshot)
  }

  package var settings: Settings {
    var settings = Settings()
    settings.title = title
    settings.folder = options.folder
    settings.server = options.server
    settings.tokenFile = options.tokenFile
    settings.hasOwnToken = options.token != nil && options.tokenFile == nil
    settings.connections = options.connections
    settings.files = options.files
    settings.rateLimit = options.rateLimit
    settings.insecure = options.insecure
    settings.verifies = options.verifies
    settings.transport = options.transport
    return settings
  }

  func note(_ level: LogLine.Level, _ text: String) {
    log.append(LogLine(clock: wallClock(), level: level, text: Printable.text(text)))
    isDirty = true
  }
}

/// Lets the inbox, made before the engine, wake it.
private final class WakeBox: @unchecked Sendable {
  // Set once, in the engine's initializer, before any adapter could post.
  weak var engine: Engine?
  lazy var inbox = Inbox { [weak self] in
    guard let engine = self?.engine else { return }
    Task { await engine.drain() }
  }
}
