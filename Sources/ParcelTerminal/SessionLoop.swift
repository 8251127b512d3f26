import CNcurses
import Glibc
import ParcelCore
import ParcelScreen
import ParcelSystem
import Synchronization

/// The full-screen session: owns the model, reads keys, takes snapshots, draws.
///
/// `run` blocks the thread that calls it (give it one of its own: `start`); everything else may be called from any thread and never waits.
/// Nothing is drawn when nothing changed, and at most 10 frames a second for snapshots; a key is answered at once.
package final class SessionLoop: Sendable {
  /// How a session ended.
  package enum Outcome: Sendable {
    /// `finish` was called.
    case finished
    /// The user would not wait for the state to be saved.
    case abandoned
  }

  /// What other threads leave for the loop.
  fileprivate struct Inbox {
    var snapshot: Snapshot?
    var completions: [(path: String, found: [Completion])] = []
    var checks: [(report: PreflightReport, check: PreflightCheck)] = []
    var isStopRequested = false
    var isFinished = false
    /// A byte is in the pipe and nobody has read it.
    var isWoken = false
  }

  private let options: TerminalOptions
  private let perform: @Sendable (Command) -> Void
  private let complete: @Sendable (String) -> [Completion]
  private let inbox = Mutex(Inbox())
  private let wakeRead: Int32
  private let wakeWrite: Int32

  /// Seconds between two frames that no key asked for.
  static let frameInterval = 0.1

  /// `perform` is called on the loop's thread and must not block. `complete` finds paths; it is called on a thread of its own.
  package init(
    options: TerminalOptions = TerminalOptions(),
    complete: @escaping @Sendable (String) -> [Completion] = PathCompletion.candidates,
    perform: @escaping @Sendable (Command) -> Void
  ) {
    self.options = options
    self.perform = perform
    self.complete = complete
    var ends: [Int32] = [-1, -1]
    pipe(&ends)
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    wakeRead = ends[0]
    wakeWrite = ends[1]
  }

  deinit {
    close(wakeRead)
    close(wakeWrite)
  }

  // MARK: From any thread

  /// Takes a snapshot. When several come before the loop looks, the newest totals count and no row, transition or log line is lost.
  package func post(_ snapshot: Snapshot) {
    leave { inbox in
      if inbox.snapshot == nil { inbox.snapshot = snapshot } else { inbox.snapshot?.absorb(snapshot) }
    }
  }

  /// Shows what a check before a start found.
  package func post(_ report: PreflightReport, _ check: PreflightCheck) {
    leave { $0.checks.append((report, check)) }
  }

  /// As if the user had asked to save and leave; the second time `run` returns at once.
  package func requestStop() { leave { $0.isStopRequested = true } }

  /// The engine has stopped: `run` restores the terminal and returns.
  package func finish() { leave { $0.isFinished = true } }

  private func leave(_ change: (inout Inbox) -> Void) {
    let mustWake = inbox.withLock { inbox in
      change(&inbox)
      defer { inbox.isWoken = true }
      return !inbox.isWoken
    }
    if mustWake {
      var letter: UInt8 = 0
      write(wakeWrite, &letter, 1)
    }
  }

  // MARK: The loop

  /// Runs the session on a thread of its own; `ended` is called there, with the terminal restored.
  package func start(_ ended: @escaping @Sendable (Result<Outcome, Failure>) -> Void) {
    detachThread {
      let result: Result<Outcome, Failure>
      do throws(Failure) { result = .success(try self.run()) } catch { result = .failure(error) }
      ended(result)
    }
  }

  /// Opens the screen and blocks until the session is over. Throws when the terminal cannot show it.
  package func run() throws(Failure) -> Outcome {
    let terminal = Terminal(options: options)
    try terminal.start()
    cn_signals_install(wakeWrite, options.catchesStopSignals ? 1 : 0)
    defer {
      terminal.stop()
      cn_signals_remove()
    }
    var turn = Turn(loop: self, terminal: terminal)
    return turn.runToEnd()
  }

  fileprivate func take() -> Inbox {
    inbox.withLock { inbox in
      defer {
        inbox.snapshot = nil
        inbox.completions = []
        inbox.checks = []
        inbox.isStopRequested = false
        inbox.isWoken = false
      }
      return inbox
    }
  }

  /// Letters that signal handlers left, and wake-ups (0).
  fileprivate func drainWake() -> [UInt8] {
    var letters: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 64)
    while true {
      let count = read(wakeRead, &block, block.count)
      if count <= 0 { return letters }
      letters += block[..<count]
    }
  }

  fileprivate func findCompletions(_ path: String) {
    let complete = self.complete
    detachThread {
      let found = complete(path)
      self.leave { $0.completions.append((path, found)) }
    }
  }

  /// The state of a running loop; lives on its thread.
  private struct Turn {
    let loop: SessionLoop
    let terminal: Terminal
    var model: Model
    var isDirty = true
    /// A frame is owed at once: a key was pressed, the size changed.
    var isUrgent = true
    var lastFrame = Instant.zero
    var isAbandoned = false
    var hasInput = true

    init(loop: SessionLoop, terminal: Terminal) {
      self.loop = loop
      self.terminal = terminal
      model = Model(size: terminal.size, charset: terminal.charset)
    }

    mutating func runToEnd() -> Outcome {
      while true {
        drawIfDue()
        wait()
        let letters = loop.drainWake()
        for letter in letters { take(letter) }
        if hasInput {
          for event in terminal.readInput() { apply(event, urgent: true) }
        }
        let inbox = loop.take()
        if inbox.isStopRequested { apply(.stopRequested, urgent: true) }
        for answer in inbox.completions { apply(.completions(for: answer.path, answer.found), urgent: true) }
        for one in inbox.checks { apply(.preflight(one.report, one.check), urgent: true) }
        if let snapshot = inbox.snapshot { apply(.snapshot(snapshot), urgent: false) }
        if let tick = model.nextTick, tick <= MonotonicClock.now() { apply(.tick, urgent: false) }
        if isAbandoned { return .abandoned }
        if inbox.isFinished { return .finished }
      }
    }

    private mutating func drawIfDue() {
      guard isDirty else { return }
      let now = MonotonicClock.now()
      guard isUrgent || now - lastFrame >= SessionLoop.frameInterval else { return }
      terminal.present(view(model))
      lastFrame = now
      isDirty = false
      isUrgent = false
    }

    /// Blocks until a key, a wake-up, or the moment when something must be drawn.
    private mutating func wait() {
      var deadline: Instant?
      if isDirty { deadline = lastFrame + SessionLoop.frameInterval }
      if let tick = model.nextTick { deadline = deadline.map { min($0, tick) } ?? tick }
      var timeout: Int32 = -1
      if let deadline {
        timeout = Int32(max(0, min(60_000, ((deadline - MonotonicClock.now()) * 1000).rounded(.up))))
      }
      var fds = [
        pollfd(fd: loop.wakeRead, events: Int16(POLLIN), revents: 0),
        pollfd(fd: hasInput ? terminal.input : -1, events: Int16(POLLIN), revents: 0),
      ]
      poll(&fds, 2, timeout)
      let result = Int32(fds[1].revents)
      if result & (POLLHUP | POLLERR | POLLNVAL) != 0 || (result & POLLIN != 0 && isAtEnd(terminal.input)) {
        // The terminal is gone; save and leave.
        hasInput = false
        if !model.isLeaving { apply(.stopRequested, urgent: false) }
      }
    }

    /// Readable, and nothing to read: end of file.
    private func isAtEnd(_ fd: Int32) -> Bool {
      var count: Int32 = 0
      return ioctl(fd, UInt(FIONREAD), &count) == 0 && count == 0
    }

    private mutating func take(_ letter: UInt8) {
      switch letter {
      case CN_WOKE_RESIZE:
        let size = terminal.size
        terminal.resize(size)
        apply(.resize(size), urgent: true)
      case CN_WOKE_STOP: apply(.stopRequested, urgent: true)
      case CN_WOKE_SUSPEND: suspend()
      case CN_WOKE_CONTINUE:
        terminal.continued()
        resizeIfChanged()
      default: break
      }
    }

    private mutating func suspend() {
      terminal.suspend()
      resizeIfChanged()
    }

    private mutating func resizeIfChanged() {
      let size = terminal.size
      if size != model.size { terminal.resize(size) }
      apply(.resize(size), urgent: true)
    }

    private mutating func apply(_ event: Event, urgent: Bool) {
      isDirty = true
      isUrgent = isUrgent || urgent
      for effect in update(&model, event, now: MonotonicClock.now()) {
        switch effect {
        case .perform(let command): loop.perform(command.withExpandedPaths)
        case .complete(let path): loop.findCompletions(path)
        case .repaint: terminal.repaint()
        case .suspend: suspend()
        case .abandon: isAbandoned = true
        }
      }
    }
  }
}

extension Command {
  /// `~` in typed paths is the home folder.
  fileprivate var withExpandedPaths: Command {
    switch self {
    case .openManifest(let path): .openManifest(path: PathCompletion.expandHome(path))
    case .setTokenFile(let path): .setTokenFile(path: PathCompletion.expandHome(path))
    case .setFolder(let path): .setFolder(path: PathCompletion.expandHome(path))
    default: self
    }
  }
}
