import Glibc
import ParcelCLI
import ParcelCore
import ParcelEngine
import ParcelHTTP
import ParcelStorage
import ParcelTunnel

/// The composition root of both clients: store, transport and engine, introduced to each other here and nowhere else.
struct ClientRun: Sendable {
  let store: FileStore
  let transport: CurlTransport
  /// Over UDT.
  let tunnel: any Transport
  let engine: Engine
  /// `--verify-only`: nothing is written, so nothing is locked either.
  private let readsOnly: Bool

  /// `debug` gets each line of each head with `--debug`, on the transport's thread. `publish` gets every snapshot, in order, on a thread of the engine's; it must not wait.
  init(
    _ options: ClientOptions, token: (value: String?, file: String?), waits: Bool, isSession: Bool,
    debug: @escaping @Sendable (String) -> Void, publish: @escaping @Sendable (Snapshot) -> Void
  ) {
    let settings = Self.engineOptions(options, token: token, waits: waits, isSession: isSession)
    let connections = max(settings.perHost, settings.connections ?? 0)
    var files = FileStore.Options(root: settings.folder)
    files.buffers = max(16, connections + 2)
    files.verifies = settings.verifies
    files.rehashes = options.target.rehash
    let remarks = LedgerRemarks()
    if settings.verifies, !settings.verifyOnly, let folder = Ledger.standardFolder {
      files.ledger = Ledger(folder: folder, onRemark: remarks.say)
    }
    readsOnly = settings.verifyOnly
    store = FileStore(files)
    var curl = CurlSettings()
    if options.output.debug { curl.log = debug }
    let overNetwork = Self.transportOptions(options)
    transport = CurlTransport(options: overNetwork, settings: curl)
    tunnel = Self.tunnel(options.route, overNetwork, curl)
    engine = Engine(
      options: settings, store: store, transport: transport, tunnel: tunnel, clock: Clocks.now,
      wallClock: Clocks.wallClock,
      epoch: Clocks.epoch, publish: publish)
    remarks.connect(engine)
  }

  /// How a new token can come in this run; nil: it cannot.
  static func renewal(_ file: String?, isSession: Bool) -> String? {
    if isSession { return "N gives it" }
    return file.map { "put it into \(Printable.text($0))" }
  }

  /// Through the embedded relay program, or through one that others started (`-e`).
  private static func tunnel(
    _ route: RouteOptions, _ options: TransportOptions, _ settings: CurlSettings
  ) -> any Transport {
    var settings = settings
    settings.kind = .udt
    if let external = route.external {
      settings.connectThrough = .endpoint(external)
      return CurlTransport(options: options, settings: settings)
    }
    return TunnelTransport(
      version: ParcelVersion.text,
      makeTransport: { [settings] path in
        var settings = settings
        settings.connectThrough = .path(path)
        return CurlTransport(options: options, settings: settings)
      }, log: settings.log)
  }

  private static func engineOptions(
    _ options: ClientOptions, token: (value: String?, file: String?), waits: Bool, isSession: Bool
  ) -> EngineOptions {
    var settings = EngineOptions()
    settings.server = options.server
    settings.folder = Documents.absolute(options.target.folder)
    settings.token = token.value
    settings.tokenFile = token.file
    settings.headers = options.access.requestHeaders
    settings.connections = options.pace.connections
    settings.files = options.pace.files
    settings.perHost = options.pace.perHost ?? max(16, options.pace.connections ?? 0)
    settings.overwrite = options.target.overwrite
    settings.verifies = !options.target.noVerify
    settings.verifyOnly = options.target.verifyOnly
    settings.waits = waits
    settings.keepsTransitions = options.output.events != nil || options.output.verbosity != .quiet
    settings.insecure = options.access.insecure
    settings.transport = options.route.choice
    settings.relay = options.route.relayRule
    settings.rateLimit = options.pace.rate?.bytesPerSecond
    settings.policy.retry = options.pace.retry
    settings.policy.repairs = !options.target.noRepair
    settings.waitsForEver = isSession || options.pace.untilDone
    settings.tokenRenewal = Self.renewal(token.file, isSession: isSession)
    settings.policy.followsDowngrades = options.access.allowHTTPRedirects
    settings.policy.restartsChanged = options.target.restart
    settings.seed = UInt64(Clocks.now().nanoseconds) ^ UInt64(getpid()) << 32
    return settings
  }

  static func transportOptions(_ options: ClientOptions) -> TransportOptions {
    var settings = TransportOptions()
    settings.certificateAuthorities = options.access.cacert
    settings.insecure = options.access.insecure
    settings.proxy = options.access.proxy?.url
    settings.netrc = options.access.netrc
    settings.rateLimit = options.pace.rate?.bytesPerSecond
    settings.userAgent = "parcel/\(ParcelVersion.text)"
    settings.debug = options.output.debug
    return settings
  }

  /// Makes the target folder and takes its lock. Throws what would stop every single file.
  func prepare() async throws(Failure) {
    if readsOnly { return }
    let store = store
    let failure: Failure? = await withCheckedContinuation { continuation in
      Thread.start("parcel-open") {
        do throws(Failure) {
          try store.prepare()
          continuation.resume(returning: nil)
        } catch {
          continuation.resume(returning: error)
        }
      }
    }
    if let failure { throw failure }
  }

  /// Stops what runs, saves everything and frees all threads. Waits until done.
  func close() async {
    await engine.stop()
    transport.shutDown()
    tunnel.shutDown()
    // The store waits for its threads: not on a thread that tasks share.
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let (store, tunnel) = (store, tunnel)
      Thread.start("parcel-close") {
        store.shutDown()
        if let tunnel = tunnel as? TunnelTransport { _ = tunnel.waitUntilGone(seconds: 4) }
        continuation.resume()
      }
    }
  }
}
