import Glibc
import ParcelCore
import ParcelSystem
import Synchronization

/// Two streams and the threads that copy between them.
final class RelayConnection: Sendable {
  let settings: RelaySettings
  let spool: Spool
  private let near: RelayEnd
  private let far: RelayEnd
  private let machine: Mutex<RelayMachine>
  private let over = Atomic<Bool>(false)
  private let spooled = Atomic<Int>(0)
  private let started = MonotonicClock.now()

  /// `near` was accepted, `far` was opened for it.
  init(near: RelayEnd, far: RelayEnd, settings: RelaySettings, spool: Spool) {
    self.near = near
    self.far = far
    self.settings = settings
    self.spool = spool
    machine = Mutex(RelayMachine(limits: settings.limits, now: started))
  }

  /// A read waits that long before time is looked at.
  var readSlice: Double {
    let shortest = min(settings.limits.idle ?? 20, settings.limits.halfClose, 20)
    return max(0.02, shortest / 4)
  }

  func end(_ side: RelayMachine.Side) -> RelayEnd { side == .near ? near : far }

  var isOver: Bool { over.load(ordering: .acquiring) }

  func isDraining(_ side: RelayMachine.Side) -> Bool {
    machine.withLock { !$0.isOver && $0[from: side].phase == .draining }
  }

  func addSpooled(_ bytes: Int) { spooled.add(bytes, ordering: .relaxed) }

  /// Bytes from near to far and back so far, and what went to the spool.
  var figures: (sent: Int, received: Int, spooled: Int) {
    let written = machine.withLock { ($0[from: .near].written, $0[from: .far].written) }
    return (written.0, written.1, spooled.load(ordering: .relaxed))
  }

  func pause(seconds: Double) { usleep(useconds_t(seconds * 1e6)) }

  /// Tells the machine and does what it says; what that was.
  @discardableResult func tell(_ event: RelayMachine.Event) -> [RelayMachine.Effect] {
    let (effects, isOver) = machine.withLock { machine in
      (machine.handle(event, now: MonotonicClock.now()), machine.isOver)
    }
    if isOver { over.store(true, ordering: .releasing) }
    for effect in effects { perform(effect) }
    return effects
  }

  private func perform(_ effect: RelayMachine.Effect) {
    switch effect {
    case .endWriting(let side): tell(.told(side, end(side).stream.endWriting()))
    case .keep: break
    case .abort:
      for side in RelayMachine.Side.allCases { end(side).stream.abort() }
    case .finish:
      for side in RelayMachine.Side.allCases { end(side).stream.stopReading() }
    }
  }

  /// Copies both ways until it is over. Blocks; once. The streams are still to be closed.
  func run() {
    let back = Countdown()
    back.enter()
    let started = ServiceThread.start(stackSize: 256 << 10) { [self] in
      Pump(connection: self, side: .far).run()
      back.leave()
    }
    guard started else {
      back.leave()
      tell(.unreadable(.far, "no thread left"))
      return
    }
    Pump(connection: self, side: .near).run()
    while !back.wait(seconds: 3600) {}
  }

  /// Closes both streams as the machine says, first the one whose peer learns of the end in no other way.
  func close(record: inout RelayRecord) {
    let machine = self.machine.withLock { $0 }
    record.outcome = machine.outcome ?? .stopped
    record.seconds = MonotonicClock.now() - started
    (record.sent, record.received, record.spooled) = figures
    let sides = RelayMachine.Side.allCases.sorted { machine.isUntold($0) && !machine.isUntold($1) }
    for side in sides where machine.mustAbort(side) { end(side).stream.abort() }
    for side in sides {
      // One that has closed before us got what it wanted, and its acknowledgements end with it.
      let mayKnow =
        !machine.mustAbort(side) && !(machine[from: side].phase == .ended && end(side).endsForGood())
      if !end(side).stream.close(), mayKnow { record.isDelivered = false }
    }
  }
}
