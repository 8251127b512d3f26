/// One download from "wanted" to "done", as a state machine: events in, effects out, nothing done by itself.
///
///     idle ─ start ─► probing ─ answered ─► opening ─ opened ─► fetching ─► finishing ─► resting(done)
///       └─ start, name known ───────────────►┘                   ▲   │         │
///                                                                └─ lost ──────┘
///     any of them ─ pause, failure, remove ─► closing(rest) ─ last transfer ended, part closed ─► resting(rest)
///     resting(not done) ─ start, retry ─► as from idle
///
/// `probing`: the name is not known before the first answer, so the first transfer's bytes wait for the file.
/// Times are arguments; the driver calls `tick` a few times a second. Late events of ended transfers are ignored.
package struct DownloadMachine: Sendable {
  /// What a download rests as.
  package enum Rest: Hashable, Sendable {
    case waiting
    case paused
    case failed(Failure)
    case done(verified: Digest?)
  }

  package enum Phase: Sendable {
    case idle
    /// The first transfer is open or about to be; no file yet.
    case probing
    /// The store looks at the target; `then` is set when the download is to rest as soon as that is over.
    case opening(then: Rest?)
    case fetching
    case finishing
    /// The digest was wrong; the server is asked for digests of parts.
    case asking
    /// Parts that differ go out of the journal.
    case dropping
    /// The store gets ready to compare what arrives with what is on disk.
    case preparing
    /// The last compared bytes are written.
    case settling
    /// The file is emptied to start over.
    case discarding
    /// Waiting for transfers to end and for the part file to close.
    case closing(Rest)
    case resting(Rest)
  }

  /// What the machine remembers of an open transfer.
  package struct Attempt: Sendable {
    package var id: TransferID
    package var kind: TransportKind
    package var range: ByteRange
    package var opened: Instant
    package var lastMoved: Instant
    package var position: Int
    package var retries: Int
    package var answered = false
    package var stopping = false
    /// It was stopped for silence, which counts as a failure when it ends.
    package var stalled = false
    /// It ends at its next block: the download uses the other transport now.
    package var leaving = false
  }

  /// How a machine is set up; the same for all downloads of a run.
  package struct Policy: Sendable {
    package var retry = RetryPolicy()
    package var sizing = SegmentSizing()
    /// Seconds without a byte after which a transfer is ended and tried again.
    package var stallTimeout = 30.0
    /// Seconds without a byte after which a free connection may take a segment's place.
    package var suspicion = 5.0
    /// An object that changed is fetched anew without asking (`--restart`), once in a run.
    package var restartsChanged = false
    /// A file whose digest is wrong is repaired (not `--no-repair`).
    package var repairs = true
    /// Redirects in a row.
    package var redirects = 10
    /// From https to plain http (`--allow-http-redirects`).
    package var followsDowngrades = false

    package init() {}
  }

  package let url: String
  package let spec: DownloadSpec
  package let policy: Policy

  package internal(set) var phase = Phase.idle
  package internal(set) var planner: SegmentPlanner?
  package internal(set) var attempts: [Attempt] = []
  package internal(set) var identity: ObjectIdentity?
  /// False: one segment, no resume. Nil before the first answer of this run.
  package internal(set) var rangesSupported: Bool?
  /// The URL that answered, after redirects; forgotten at the first failure (signed URLs expire).
  package internal(set) var resolvedURL: String?
  /// The last failure, until a byte arrives.
  package internal(set) var failure: Failure?
  /// No transfer is opened before this moment.
  package internal(set) var notBefore: Instant?
  /// Digests the server gave, used when the spec has none.
  package internal(set) var serverDigests: [Digest] = []

  /// Set from the first wrong digest of this run on.
  package internal(set) var repair: Repair?
  /// Transfers are compared with the disk.
  var comparing = false
  /// Blocks that went bad on the disk in this run.
  var damaged = ByteRangeSet()
  /// Those blocks are on their way again.
  var mendsDamage = false
  var damageFetched = 0
  var damageRounds = 0
  var hasPart = false
  var redirectsLeft: Int
  var failures = 0
  var lastFailure: Instant?
  /// How often everything was forgotten and begun again.
  var restarts = 0
  var notBeforeRestart: Instant?
  var saidNoRanges = false
  /// The server gives ranges, and not how long the object is: a part tells nothing, so the whole is asked for.
  var asksWhole = false
  var retriesAt: [Int: Int] = [:]
  var startOver = false
  /// Why nothing new is asked for although transfers are open; they may end in peace.
  package internal(set) var heldBack: Failure?
  /// The file system wants the bytes in order.
  var wantsOrder = false
  var random: SeededRandom
  /// Seconds of one round trip, as far as a connect has shown it.
  package internal(set) var roundTrip = 0.0

  package init(spec: DownloadSpec, url: String, policy: Policy, seed: UInt64) {
    self.spec = spec
    self.url = url
    self.policy = policy
    redirectsLeft = policy.redirects
    random = SeededRandom(seed: seed)
  }

  // MARK: - What the driver asks

  /// Bytes, as far as known.
  package var size: Int? {
    if let size = identity?.size ?? spec.size { return size }
    return planner.flatMap { $0.size == .max ? nil : $0.size }
  }

  package var received: Int {
    if case .resting(.done) = phase { return size ?? 0 }
    // The bytes are all here; what is compared does not count a second time.
    if let repair, isComparing || phase.isRepairStep { return repair.size }
    return planner?.received ?? 0
  }

  /// The manifest's, else the server's.
  var knownDigests: [Digest] { spec.digests.isEmpty ? serverDigests : spec.digests }

  /// Small files travel whole and may share connections.
  package var isSmall: Bool { spec.size.map { $0 < smallFileLimit } ?? false }

  /// Whether the next call of `openNext` could open a transfer, as far as can be said without trying.
  ///
  /// `target`: transfers of that kind at once.
  package func wantsTransfer(now: Instant, target: Int, kind: TransportKind = .http) -> Bool {
    if let notBefore, now < notBefore { return false }
    if heldBack != nil { return false }
    switch phase {
    case .probing: return attempts.isEmpty
    case .asking: return repair?.mayAsk == true
    case .fetching:
      // The first answer of a run shows whether ranges work and whether the object is still the same.
      if rangesSupported != true || isSmall || wantsOrder { return attempts.isEmpty }
      return attempts.count { $0.kind == kind && !$0.leaving } < target
    default: return false
    }
  }

  /// The state as a person sees it.
  package func state(now: Instant) -> DownloadState {
    switch phase {
    case .idle: return .waiting
    case .probing, .fetching:
      if attempts.isEmpty, let notBefore, now < notBefore { return .retrying }
      return isRepairing ? .repairing : .running
    case .asking, .dropping, .preparing, .settling: return .repairing
    case .opening, .discarding: return .opening
    case .finishing: return .verifying
    case .closing(let rest), .resting(let rest):
      switch rest {
      case .waiting: return .waiting
      case .paused: return .paused
      case .failed(let failure): return Self.state(failure)
      case .done(let verified): return verified == nil ? .complete : .verified
      }
    }
  }

  /// Why it rests, or is on its way to a rest; bytes that still arrive do not change that.
  package var restFailure: Failure? {
    switch phase {
    case .closing(.failed(let failure)), .resting(.failed(let failure)): failure
    default: nil
    }
  }

  private static func state(_ failure: Failure) -> DownloadState {
    switch failure.retry {
    case .held: .held
    case .needsUser: .needsUser
    case .now, .later, .never: .failed
    }
  }

  /// Nothing is open and nothing will happen without an event from outside.
  package var isResting: Bool {
    switch phase {
    case .idle, .resting: true
    default: false
    }
  }

  /// Transfers are open, or may be.
  package var isFetching: Bool {
    switch phase {
    case .probing, .fetching, .asking: true
    default: false
    }
  }

  /// All bytes are here; the store verifies, syncs and renames.
  package var isFinishing: Bool {
    if case .finishing = phase { true } else { false }
  }

  // MARK: - Commands

  /// Begin, or go on after a rest. A download that runs or is done ignores it.
  package mutating func start(now: Instant) -> [DownloadEffect] {
    switch phase {
    case .resting(.done): return []
    case .idle, .resting: break
    default: return []
    }
    failures = 0
    failure = nil
    heldBack = nil
    notBefore = notBeforeRestart
    notBeforeRestart = nil
    resolvedURL = nil
    rangesSupported = nil
    redirectsLeft = policy.redirects
    planner = nil
    comparing = false
    guard spec.name != nil else {
      phase = .probing
      return []
    }
    phase = .opening(then: nil)
    return [.openStore(nameFrom: nil)]
  }

  /// The same as `start`, asked for by the user after a failure: where the object changed or its digest was wrong,
  /// going on would end in the same place, so everything is fetched anew.
  package mutating func retry(now: Instant) -> [DownloadEffect] {
    if case .resting(.failed(let failure)) = phase, [.changed, .digest, .size].contains(failure.code) {
      startOver = true
      repair = nil
    }
    restarts = 0
    if case .fetching = phase {  // waiting for a retry: do not wait
      notBefore = nil
      heldBack = nil
      return []
    }
    return start(now: now)
  }

  /// Stop and rest. Bytes are saved; a verification that runs is given up and done again later.
  package mutating func rest(as rest: Rest) -> [DownloadEffect] {
    switch phase {
    case .idle:
      // Left out before it began: its reason is what its row shows.
      if case .failed(let failure) = rest { self.failure = failure }
      phase = .resting(rest)
      return []
    case .resting(.done): return []
    case .finishing:
      phase = .closing(rest)
      return [.suspend]
    case .resting:
      phase = .resting(rest)
      return []
    case .opening:
      phase = .opening(then: rest)
      return attempts.map { .stopTransfer($0.id) }
    case .probing, .fetching, .discarding, .asking, .dropping, .preparing, .settling: return close(rest)
    case .closing:
      phase = .closing(rest)
      return []
    }
  }

  // MARK: - Time

  /// Watches for silent transfers. `slack` is added to the allowed silence: seconds that a rate limit of our own may
  /// keep a transfer waiting.
  package mutating func tick(now: Instant, slack: Double) -> [DownloadEffect] {
    var effects: [DownloadEffect] = []
    switch phase {
    case .fetching, .asking: break
    default: return []
    }
    for i in attempts.indices where !attempts[i].stopping {
      guard now - attempts[i].lastMoved > policy.stallTimeout + slack else { continue }
      attempts[i].stopping = true
      attempts[i].stalled = true
      effects.append(.stopTransfer(attempts[i].id))
    }
    return effects
  }
}

extension DownloadMachine.Phase {
  /// Part of a repair in which nothing is fetched.
  var isRepairStep: Bool {
    switch self {
    case .asking, .dropping, .preparing, .settling: true
    default: false
    }
  }
}
