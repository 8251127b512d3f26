import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// Transfers through UDT relays: for each relay a `Tunnel`, and an inner transport that connects to the tunnel's socket.
/// Both are made when a relay is first asked for.
///
/// A failure that is the tunnel's doing is named as such: `Failure(.proxy, …)`. Its receivers' `end` may come from the
/// tunnel's thread, after the last `write` has returned.
package final class TunnelTransport: Transport {
  package let kind = TransportKind.udt

  private struct Lane {
    let tunnel: Tunnel
    let inner: any Transport
    var open = 0
  }

  private struct State {
    var lanes: [Endpoint: Lane] = [:]
    /// The keys of `lanes` in the order they came.
    var order: [Endpoint] = []
    var relays: [TransferID: Endpoint] = [:]
    /// Nil until `setRateLimit`: the inner transports know a first limit from their options.
    var rateLimit: Int??
    var isShutDown = false

    var all: [Lane] { order.compactMap { lanes[$0] } }
  }

  private let program: String?
  private let version: String
  private let makeTransport: @Sendable (String) -> any Transport
  private let now: @Sendable () -> Instant
  private let log: (@Sendable (String) -> Void)?
  private let state = Mutex(State())

  /// `program`: path of the relay program; nil: beside the running program, else in PATH. `version`: ours, to be compared
  /// with the relay program's; empty: not compared. `makeTransport` gets the path of the AF_UNIX socket that everything is to
  /// connect to, and must not call this transport. `log` gets lines for the debug log, on threads of the tunnels'.
  package init(
    program: String? = nil, version: String = "",
    makeTransport: @escaping @Sendable (_ socketPath: String) -> any Transport,
    now: @escaping @Sendable () -> Instant = { MonotonicClock.now() },
    log: (@Sendable (String) -> Void)? = nil
  ) {
    self.program = program
    self.version = version
    self.makeTransport = makeTransport
    self.now = now
    self.log = log
  }

  deinit { shutDown() }

  // MARK: Transport

  package func open(_ request: TransferRequest, receiver: any TransferReceiver) {
    let lane: Lane
    switch enter(request) {
    case .success(let found): lane = found
    case .failure(let refusal):
      // The caller may hold a lock that `end` takes: not on its thread.
      let end = TransferEnd(reason: refusal.reason)
      if !ServiceThread.start({ receiver.end(end) }) { receiver.end(end) }
      return
    }
    let id = request.id
    let wrapped = TunnelReceiver(receiver, tunnel: lane.tunnel, opened: now()) { [weak self] in
      // True when a broken connection is nothing but the consequence of `shutDown`.
      self?.leave(id) ?? true
    }
    lane.inner.open(request, receiver: wrapped)
  }

  package func stop(_ id: TransferID) {
    let lane = state.withLock { state in state.relays[id].flatMap { state.lanes[$0] } }
    lane?.inner.stop(id)
  }

  package func resumePaused() {
    for lane in lanes { lane.inner.resumePaused() }
  }

  package func setRateLimit(_ bytesPerSecond: Int?) {
    state.withLock { state in
      state.rateLimit = .some(bytesPerSecond)
      Self.share(state)
    }
  }

  package func path(to relay: Endpoint) -> PathStatistics? { facts(of: relay)?.path }

  package func shutDown() {
    let lanes = state.withLock { state in
      state.isShutDown = true
      return state.all
    }
    for lane in lanes { lane.inner.shutDown() }
    for lane in lanes { lane.tunnel.shutDown() }
  }

  // MARK: Beyond the contract

  /// What is known about the program and the path to a relay; nil when none of its transfers was opened yet. Never waits.
  package func facts(of relay: Endpoint) -> SupervisorFacts? {
    state.withLock { $0.lanes[relay]?.tunnel }?.facts
  }

  /// Waits until the programs are gone, at most `seconds` for each. True when they are. After `shutDown`.
  package func waitUntilGone(seconds: Double) -> Bool {
    lanes.map { $0.tunnel.waitUntilGone(seconds: seconds) }.allSatisfy { $0 }
  }

  // MARK: Lanes

  private struct Refusal: Error {
    var reason: TransferEnd.Reason
  }

  private var lanes: [Lane] { state.withLock { $0.all } }

  /// The lane of a transfer that is about to be opened, made when there is none.
  private func enter(_ request: TransferRequest) -> Result<Lane, Refusal> {
    guard let relay = request.relay else {
      let failure = Failure(
        .input, retry: .never,
        "Could not fetch \(Printable.text(Redaction.url(request.url))) over UDT: no relay is given.",
        remedy: "Name one with --relay, or use --transport http.")
      return .failure(Refusal(reason: .failed(failure)))
    }
    return state.withLock { state in
      if state.isShutDown { return .failure(Refusal(reason: .stopped)) }
      do throws(Failure) {
        var lane: Lane
        if let known = state.lanes[relay] { lane = known } else { lane = try makeLane(relay, &state) }
        lane.open += 1
        state.lanes[relay] = lane
        state.relays[request.id] = relay
        if lane.open == 1 { Self.share(state) }
        return .success(lane)
      } catch {
        return .failure(Refusal(reason: .failed(error)))
      }
    }
  }

  private func makeLane(_ relay: Endpoint, _ state: inout State) throws(Failure) -> Lane {
    let tunnel = try Tunnel(relay: relay, program: program, version: version, now: now, log: log)
    state.order.append(relay)
    return Lane(tunnel: tunnel, inner: makeTransport(tunnel.path))
  }

  /// A transfer has ended. True when everything is being shut down.
  private func leave(_ id: TransferID) -> Bool {
    state.withLock { state in
      if let relay = state.relays.removeValue(forKey: id) {
        state.lanes[relay]?.open -= 1
        if state.lanes[relay]?.open == 0 { Self.share(state) }
      }
      return state.isShutDown
    }
  }

  /// The limit is for all together: lanes with open transfers get equal parts. An idle lane gets what would be its part if
  /// it woke up, for the moment until it is told.
  private static func share(_ state: State) {
    guard let limit = state.rateLimit else { return }
    let lanes = state.all
    let busy = lanes.count { $0.open > 0 }
    for lane in lanes {
      let parts = lane.open > 0 ? busy : busy + 1
      lane.inner.setRateLimit(limit.map { max(1, $0 / parts) })
    }
  }
}
