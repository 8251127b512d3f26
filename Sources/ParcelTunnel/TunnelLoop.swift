import Glibc
import ParcelCore
import ParcelSystem

/// The tunnel's thread: it alone starts, hears, ends and buries the program.
final class TunnelLoop {
  /// Seconds that a failed transfer waits for the program's words about it, which may come a little after the end of its
  /// connection.
  private static let hearing = 0.25
  /// The same for one that may have ended too early. Rare, and half a file for a whole one would be worse than a wait.
  private static let longHearing = 1.0

  private struct Held {
    var pending: TunnelBoard.Pending
    var until: Instant
  }

  private var supervisor: Supervisor
  private let relay: Endpoint
  private let program: String?
  private let listener: PrivateListener
  private let board: TunnelBoard
  private let now: @Sendable () -> Instant
  private let log: (@Sendable (String) -> Void)?
  private var child: RelayChild?
  private var reports = SupervisorLines()
  private var errorLines = SupervisorLines()
  private var held: [Held] = []

  init(
    _ supervisor: Supervisor, relay: Endpoint, program: String?, listener: PrivateListener,
    board: TunnelBoard, now: @escaping @Sendable () -> Instant, log: (@Sendable (String) -> Void)?
  ) {
    self.supervisor = supervisor
    self.relay = relay
    self.program = program
    self.listener = listener
    self.board = board
    self.now = now
    self.log = log
  }

  func run() {
    handle(.start)
    while true {
      let news = board.take()
      held += news.pending.map {
        Held(pending: $0, until: now() + ($0.original == nil ? Self.longHearing : Self.hearing))
      }
      if news.stop { handle(.stop) }
      hear()
      handle(.tick)
      settle(all: false)
      if news.stop, supervisor.state == .stopped { break }
      wait()
    }
    settle(all: true)
    close(listener.descriptor)
    for pending in board.finish() { deliver(pending) }
  }

  private func handle(_ event: Supervisor.Event) {
    var events = [event]
    while !events.isEmpty {
      for effect in supervisor.handle(events.removeFirst(), now: now()) {
        switch effect {
        case .launch: if let failure = launch() { events.append(.launchFailed(failure)) }
        case .askToStop: child?.askToStop()
        case .kill: child?.kill()
        case .log(let line): log?(line)
        }
      }
    }
    board.publish(supervisor.facts)
  }

  private func launch() -> Failure? {
    reports = SupervisorLines()
    errorLines = SupervisorLines()
    do throws(Failure) {
      let path: String
      if let program { path = program } else { path = try RelayProgram.find() }
      child = try RelayChild(
        program: path, relay: relay, listener: listener.descriptor,
        wantsErrors: log != nil)
      return nil
    } catch {
      return error
    }
  }

  // MARK: What the program says

  private func hear() {
    guard let child else { return }
    if let errors = child.errors {
      var lines: [String] = []
      if !SocketPair.drain(errors, { lines += errorLines.take($0) }) { child.closeErrors() }
      for line in lines { log?("\(RelayProgram.name): \(Printable.text(line))") }
    }
    var lines: [String] = []
    let isOpen = SocketPair.drain(child.control) { lines += reports.take($0) }
    for report in lines.compactMap(RelayReport.init(line:)) { handle(.report(report)) }
    if !isOpen {
      self.child = nil
      handle(.exited(child.collect()))
    }
  }

  // MARK: Transfers that wait for an explanation

  private func settle(all: Bool) {
    let time = now()
    var waiting: [Held] = []
    for item in held {
      let isExplained = explanation(item.pending) != nil
      if all || isExplained || time >= item.until { deliver(item.pending) } else { waiting.append(item) }
    }
    held = waiting
  }

  private func explanation(_ pending: TunnelBoard.Pending) -> Failure? {
    supervisor.facts.failure(relay: relay, opened: pending.opened, original: pending.original)
  }

  private func deliver(_ pending: TunnelBoard.Pending) { pending.deliver(explanation(pending)) }

  // MARK: Waiting

  private func wait() {
    var pollers = [pollfd(fd: board.wakeSocket, events: Int16(POLLIN), revents: 0)]
    func add(_ descriptor: Int32) {
      pollers.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
    }
    if let child {
      add(child.control)
      if let errors = child.errors { add(errors) }
    }
    let turnsAway = supervisor.turnsAway
    if turnsAway {
      listener.turnAway()
      add(listener.descriptor)
    }
    _ = poll(&pollers, nfds_t(pollers.count), milliseconds)
    if turnsAway { listener.turnAway() }
  }

  private var milliseconds: Int32 {
    let moments = held.map(\.until) + [supervisor.deadline].compactMap { $0 }
    guard let next = moments.min() else { return -1 }
    return Int32(min(max(0, (next - now()) * 1000 + 1), 60_000))
  }
}
