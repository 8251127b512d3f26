import Glibc
import ParcelCore
import ParcelEngine
import ParcelTesting
import Synchronization
import Testing

/// An engine between a scripted server and a store in memory, under a clock that the test moves.
final class EngineLab: Sendable {
  let store = MemoryStore()
  let transport: ScriptedTransport
  /// The way through a relay, for labs that have one.
  let tunnel: ScriptedTransport
  let clock = ManualClock()
  let engine: Engine
  private let snapshots = Mutex([Snapshot]())
  private let states: StateBox

  init(_ change: (inout EngineOptions) -> Void = { _ in }, endsOnStop: Bool = true, udt: Bool = false) {
    transport = ScriptedTransport(endsOnStop: endsOnStop)
    tunnel = ScriptedTransport(endsOnStop: endsOnStop, kind: .udt)
    var options = EngineOptions()
    options.folder = "/out"
    options.server = "https://data.example/files/"
    options.keepsTransitions = true
    change(&options)
    let states = StateBox()
    self.states = states
    let clock = clock
    engine = Engine(
      options: options, store: store, transport: transport, tunnel: udt ? tunnel : nil, clock: { clock.now },
      wallClock: { "12:00:00" }, epoch: { 1_000_000 }, tickInterval: nil, publish: { states.take($0) })
  }

  /// Latest status of each row, and everything that was ever said.
  final class StateBox: Sendable {
    struct State {
      var rows: [DownloadID: DownloadStatus] = [:]
      var transitions: [Transition] = []
      var log: [LogLine] = []
      var totals = Totals()
      var phase = Snapshot.Phase.idle
      var detail: DownloadDetail?
      var mostConnections = 0
      var routes: [RouteStatus] = []
      var routeChanges: [RouteChange] = []
      var holds: [HoldStatus] = []
      var holdChanges: [HoldChange] = []
      var settings = Settings()
      var repairs: [RepairChange] = []
    }
    let state = Mutex(State())
    func take(_ snapshot: Snapshot) {
      state.withLock { state in
        for change in snapshot.changed { state.rows[change.id] = change.status }
        state.transitions += snapshot.transitions
        state.log += snapshot.log
        state.totals = snapshot.totals
        state.phase = snapshot.phase
        state.detail = snapshot.detail
        state.routes = snapshot.routes
        state.routeChanges += snapshot.routeChanges
        state.holds = snapshot.holds
        state.holdChanges += snapshot.holdChanges
        state.settings = snapshot.settings
        state.repairs += snapshot.repairs
        state.mostConnections = max(state.mostConnections, snapshot.totals.connections)
      }
    }
  }

  var seen: StateBox.State { states.state.withLock { $0 } }
  func status(_ index: Int) -> DownloadStatus? { seen.rows[DownloadID(index)] }
  /// Records an issue unless the final file is there and right. (`#expect` would print both arrays.)
  func expect(_ name: String, _ object: ScriptedObject, _ place: SourceLocation = #_sourceLocation) {
    if has(name, object) { return }
    Issue.record(
      "'\(name)' is not there or not right: \(seen.rows.values) \(transport.requests.suffix(4).map { "\($0.range?.description ?? "whole")" }) \(seen.log.suffix(5))",
      sourceLocation: place)
  }

  func has(_ name: String, _ object: ScriptedObject) -> Bool {
    guard let bytes = store.file(path(name)), bytes.count == object.bytes.count else { return false }
    return memcmp(bytes, object.bytes, bytes.count) == 0
  }
  func path(_ name: String) -> String { "/out/" + name }

  /// Lets events through and time pass: `ticks` tenths of a second.
  func run(_ ticks: Int = 3) async {
    for _ in 0..<ticks {
      clock.advance(by: 0.1)
      await engine.tick()
    }
  }

  /// Serves every open transfer from `object` until nothing is open for a few ticks. `step` may do something else to a
  /// transfer and return true.
  func serveAll(
    _ object: ScriptedObject, limit: Int = 2000, step: (ScriptedTransport.Open) -> Bool = { _ in false }
  ) async {
    var quiet = 0
    for _ in 0..<limit where quiet < 3 {
      let open = transport.open
      quiet = open.isEmpty ? quiet + 1 : 0
      for transfer in open where !step(transfer) { transport.serve(transfer, object) }
      await run(1)
    }
  }
}

/// Bytes of which no two places look alike.
func pattern(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var random = SeededRandom(seed: seed)
  var words: [UInt64] = []
  words.reserveCapacity(count / 8 + 1)
  while words.count * 8 < count { words.append(random.next()) }
  return words.withUnsafeBytes { Array($0.prefix(count)) }
}

let mega = 1 << 20

func spec(_ name: String?, size: Int? = nil, id: String = "abc") -> DownloadSpec {
  DownloadSpec(
    source: .id(id), name: name, folder: "", size: size,
    digests: Digest(.md5, bytes: [UInt8](repeating: 7, count: 16), source: .manifest).map { [$0] } ?? [])
}
