import ParcelCore

@testable import ParcelCLI

/// Makes snapshots step by step, as an engine would publish them.
struct Script {
  private var generation: UInt64 = 0
  private var statuses: [DownloadStatus]
  private var table: [DownloadInfo]?
  private var pending = Snapshot(time: .zero, generation: 0)
  var totals = Totals()
  var settings = Settings()
  var phase = Snapshot.Phase.running
  var routes: [RouteStatus] = []

  static let names = [
    "TCGA.BRCA.mutect.995c0111-d90b-4140-bee7-3845436c3b42.DR-10.0.somatic.maf.gz",
    "TCGA.CESC.mutect.5ffa70b1.maf.gz",
    "small.txt", "Proben-Übersicht 試料.tsv",
  ]
  static let sizes = [1_210_000_000, 812_440_000, 16_000, 644_100_000]

  init(names: [String] = names, sizes: [Int?] = sizes) {
    statuses = sizes.map {
      var status = DownloadStatus()
      status.size = $0
      return status
    }
    table = names.enumerated().map {
      DownloadInfo(id: DownloadID($0), name: $1, source: .url("https://data.example/\($0)"))
    }
    totals.files = names.count
    totals.bytes = sizes.reduce(0) { $0 + ($1 ?? 0) }
  }

  /// A state change; `change` adjusts what else is new in the row.
  mutating func go(
    _ index: Int, _ state: DownloadState, at seconds: Double = 0, failure: Failure? = nil,
    fetched: Int? = nil,
    _ change: (inout DownloadStatus) -> Void = { _ in }
  ) {
    pending.transitions.append(
      Transition(
        id: DownloadID(index), time: Instant(seconds: seconds), from: statuses[index].state, to: state,
        failure: failure, fetched: fetched))
    statuses[index].state = state
    if let failure { statuses[index].failure = failure }
    row(index, change)
  }

  /// A row's new numbers.
  mutating func row(_ index: Int, _ change: (inout DownloadStatus) -> Void) {
    change(&statuses[index])
    pending.changed.removeAll { $0.id.index == index }
    pending.changed.append(StatusChange(id: DownloadID(index), status: statuses[index]))
    pending.changed.sort { $0.id < $1.id }
  }

  mutating func log(_ level: LogLine.Level, _ text: String, topic: LogLine.Topic = .other) {
    pending.log.append(LogLine(clock: "14:02:31", level: level, text: text, topic: topic))
  }

  /// `origin` is reached another way.
  mutating func reroute(
    _ to: TransportKind, at seconds: Double, _ reason: String, origin: String = "https://data.example"
  ) {
    let from: TransportKind = to == .udt ? .http : .udt
    pending.routeChanges.append(
      RouteChange(time: Instant(seconds: seconds), origin: origin, from: from, to: to, reason: reason))
    for index in routes.indices where routes[index].origin == origin { routes[index].current = to }
  }

  mutating func snapshot(at seconds: Double) -> Snapshot {
    generation += 1
    var next = pending
    next.time = Instant(seconds: seconds)
    next.generation = generation
    next.table = table
    next.totals = totals
    next.settings = settings
    next.phase = phase
    next.routes = routes
    table = nil
    pending = Snapshot(time: .zero, generation: 0)
    return next
  }
}

extension Script {
  static let route: RouteStatus = {
    var route = RouteStatus(origin: "https://data.example", choice: .auto, since: .zero)
    route.relay = Endpoint(host: "relay.example", port: 9000)
    route.path = PathStatistics()
    route.path?.roundTrip = 0.142
    route.path?.loss = 0.003
    return route
  }()

  static let reset = Failure(
    .network, retry: .later(after: nil), "Could not read 'small.txt' from data.example: connection reset.")
  static let denied = Failure(
    .credentials, retry: .needsUser,
    "Could not open 'TCGA.CESC.mutect.5ffa70b1.maf.gz': the server says 403.",
    remedy: "Get a new token and give it with -t.")

  /// Four files in the middle of a run.
  static func middle() -> (script: Script, snapshot: Snapshot) {
    var script = Script()
    script.go(0, .opening)
    script.go(0, .running) {
      $0.received = 726_000_000
      $0.rate = 50_250_000
      $0.secondsLeft = 9.6
      $0.connections = 8
    }
    script.go(1, .opening)
    script.go(2, .opening)
    script.go(2, .running)
    script.go(2, .retrying, failure: reset) { $0.note = "in 12 s" }
    script.go(3, .opening)
    script.go(3, .running) {
      $0.received = 77_000_000
      $0.rate = 425_000
      $0.secondsLeft = 1334
    }
    script.totals.received = 803_000_000
    script.totals.rate = 50_675_000
    script.totals.secondsLeft = 37
    let snapshot = script.snapshot(at: 5)
    return (script, snapshot)
  }
}
