import ParcelCore

/// Runs flows over one bottleneck in virtual time. The same scenario and seed give the same run, packet by packet.
package final class Simulator {
  let scenario: SimulatorScenario
  var events = SimulatedEvents()
  var forward: SimulatedLink
  var backward: SimulatedLink
  var flows: [SimulatedFlow] = []
  var reports: [[ClosedRange<Int>]] = []
  var peerReports: [PeerReport] = []
  var now: Int64 = 0
  package internal(set) var result: SimulatorResult
  private let quantum: Int64
  private let clock: Int64
  private var random: SeededRandom
  /// The senders' machine runs nothing of theirs before this time.
  private var stalledUntil: Int64 = 0
  private var stallRandom: SeededRandom
  private var resend = [PacketSequence](repeating: PacketSequence(0), count: 16)
  private var ranges = [SequenceRange](repeating: SequenceRange(PacketSequence(0)), count: 180)

  package init(_ scenario: SimulatorScenario, seed: UInt64) {
    self.scenario = scenario
    forward = SimulatedLink(scenario.forward, seed: seed &* 3)
    backward = SimulatedLink(scenario.backward, seed: seed &* 3 &+ 1)
    result = SimulatorResult(scenario)
    random = SeededRandom(seed: seed &* 3 &+ 2)
    stallRandom = SeededRandom(seed: seed &* 11 &+ 5)
    quantum = Int64(scenario.quantum * 1e9)
    clock = Int64(scenario.acknowledgementClock * 1e9)
    for (index, description) in scenario.flows.enumerated() {
      flows.append(SimulatedFlow(description, scenario: scenario, seed: seed &* 7 &+ UInt64(index)))
      events.push(.begin, flow: index, at: Int64(description.start * 1e9))
    }
    for (index, change) in scenario.changes.enumerated() {
      events.push(.change(index), flow: 0, at: Int64(change.time * 1e9))
    }
    events.push(.sample, flow: 0, at: 0)
    if scenario.stalls != nil { events.push(.stall, flow: 0, at: 0) }
  }

  /// Runs to the scenario's end.
  @discardableResult package func run() -> SimulatorResult {
    let end = Int64(scenario.seconds * 1e9)
    while let entry = events.pop(), entry.time <= end {
      now = entry.time
      if now < stalledUntil, entry.event.isOfSender {
        events.push(entry.event, flow: entry.flow, at: stalledUntil)
        continue
      }
      handle(entry.event, entry.flow)
    }
    result.finish(flows: flows, forward: forward)
    return result
  }

  private func handle(_ event: SimulatedEvent, _ flow: Int) {
    switch event {
    case .begin: begin(flow)
    case .wake: wake(flow)
    case .data(let position): receive(position, flow)
    case .acknowledgement(let position, let report): acknowledge(position, report: report, flow)
    case .light(let position):
      flows[flow].sender?.light(upTo: position, now: now)
      kick(flow)
    case .arrived(let newest):
      flows[flow].sender?.arrived(newest: newest, now: now)
      kick(flow)
    case .lossReport(let index):
      let positions = reports[index]
      let ranges = positions.map {
        SequenceRange(PacketSequence(position: $0.lowerBound), PacketSequence(position: $0.upperBound))
      }
      flows[flow].sender?.lost(ranges, positions: positions, now: now)
      kick(flow)
    case .answer(let position, let sentAt):
      flows[flow].receiver?.answer(upTo: position, sentAt: sentAt, now: now)
    case .senderTick: senderTick(flow)
    case .receiverTick: receiverTick(flow)
    case .receiverRepairTick:
      repeatReports(flow)
      events.push(.receiverRepairTick, flow: flow, at: now + 10_000_000)
    case .change(let index):
      forward.change(rate: scenario.changes[index].rate, at: now)
    case .stall: stall()
    case .sample:
      result.sample(now: now, flows: flows, forward: forward)
      events.push(.sample, flow: 0, at: now + 10_000_000)
    }
  }

  /// A busy machine keeps the senders from running, and again after a while.
  private func stall() {
    guard let stalls = scenario.stalls, now < Int64(stalls.until * 1e9) else { return }
    let length = stalls.shortest + (stalls.longest - stalls.shortest) * stallRandom.unit()
    if now > 0 { stalledUntil = now + Int64(length * 1e9) }
    let pause = length + stalls.every * (0.5 + stallRandom.unit())
    events.push(.stall, flow: 0, at: now + Int64(pause * 1e9))
  }

  // MARK: - UDT

  private func begin(_ flow: Int) {
    guard let preset = flows[flow].description.preset else {
      sendCubic(flow)
      events.push(.senderTick, flow: flow, at: now + 100_000_000)
      return
    }
    flows[flow].begin(preset, scenario: scenario, now: now)
    events.push(.senderTick, flow: flow, at: now + 10_000_000)
    events.push(.receiverTick, flow: flow, at: now + clock + Int64(flow) * 1_000_000)
    if scenario.isOurReceiver { events.push(.receiverRepairTick, flow: flow, at: now + 13_000_000) }
    kick(flow)
  }

  /// The sender may have something to do: a packet that was blocked goes out at the next turn of its clock.
  private func kick(_ flow: Int) {
    guard flows[flow].sender?.due == nil, !flows[flow].isWakeSet else { return }
    setWake(flow, at: now)
  }

  private func setWake(_ flow: Int, at time: Int64) {
    flows[flow].isWakeSet = true
    // The sending thread's clock turns every quantum, whatever is due when.
    let turn = quantum > 0 ? (time + quantum - 1) / quantum * quantum : time
    events.push(.wake, flow: flow, at: max(turn, now))
  }

  private func wake(_ flow: Int) {
    flows[flow].isWakeSet = false
    var due = flows[flow].sender?.due ?? now
    while due <= now {
      guard let packet = flows[flow].sender?.take(now: now) else {
        flows[flow].sender?.due = nil
        // The window's opening kicks; supply and controllers need looking at now and then.
        return
      }
      put(packet.position, flow)
      let period = UDTPacing.period(forInterval: flows[flow].sender?.control.interval ?? 0)
      if packet.isNew, packet.position & 15 == 0 { continue }
      due += Int64(period * 1000)
      flows[flow].sender?.due = due
    }
    flows[flow].sender?.due = due
    setWake(flow, at: due)
  }

  private func put(_ position: Int, _ flow: Int) {
    if let arrival = forward.carry(1500, at: now) {
      events.push(.data(position), flow: flow, at: arrival)
    } else {
      flows[flow].lost += 1
    }
  }

  private func receive(_ position: Int, _ flow: Int) {
    guard flows[flow].receiver != nil else { return receiveCubic(position, flow) }
    let before = flows[flow].receiver?.cumulative ?? 0
    guard let outcome = flows[flow].receiver?.receive(position, now: now) else { return }
    let after = flows[flow].receiver?.cumulative ?? 0
    if after > before { flows[flow].advanced(now) }
    if let gap = outcome.gap { report([gap.lowerBound...(gap.upperBound - 1)], flow) }
    if let light = outcome.light, let arrival = backward.carry(32, at: now) {
      events.push(.light(upTo: light), flow: flow, at: arrival)
    }
    repeatReports(flow)
  }

  private func report(_ gaps: [ClosedRange<Int>], _ flow: Int) {
    guard let arrival = backward.carry(44, at: now) else { return }
    reports.append(gaps)
    events.push(.lossReport(reports.count - 1), flow: flow, at: arrival)
  }

  private func repeatReports(_ flow: Int) {
    guard let receiver = flows[flow].receiver, receiver.repair != nil else { return }
    let count =
      ranges.withUnsafeMutableBufferPointer {
        flows[flow].receiver?.repair?.repeats(
          now: Instant(nanoseconds: now), roundTrip: receiver.roundTrip, variance: receiver.variance, into: $0
        )
      } ?? 0
    guard count > 0 else { return }
    let unwrapper = receiver.cumulative
    report(ranges[..<count].map { Self.positions($0, near: unwrapper) }, flow)
  }

  static func positions(_ range: SequenceRange, near reference: Int) -> ClosedRange<Int> {
    var unwrapper = SequenceUnwrapper(first: PacketSequence(0))
    unwrapper.advance(to: reference)
    return unwrapper.position(range.first)...unwrapper.position(range.last)
  }

  private func receiverTick(_ flow: Int) {
    if let position = flows[flow].receiver?.clock(now: now), let arrival = backward.carry(68, at: now) {
      peerReports.append(flows[flow].receiver?.report ?? PeerReport())
      flows[flow].acknowledgementTimes[position] = now
      events.push(
        .acknowledgement(upTo: position, report: peerReports.count - 1), flow: flow, at: arrival)
    }
    if scenario.tellsArrivals, let newest = flows[flow].receiver?.newestToTell(),
      let arrival = backward.carry(48, at: now)
    {
      events.push(.arrived(newest: newest), flow: flow, at: arrival)
    }
    let late = scenario.clockDelay > 0 ? Int64(random.unit() * scenario.clockDelay * 1e9) : 0
    events.push(.receiverTick, flow: flow, at: now + clock + late)
  }

  private func acknowledge(_ position: Int, report: Int, _ flow: Int) {
    if report < 0 { return acknowledgeCubic(position, flow) }
    flows[flow].sender?.acknowledge(upTo: position, report: peerReports[report], now: now)
    let sentAt = flows[flow].acknowledgementTimes[position] ?? now
    if let arrival = forward.carry(44, at: now) {
      events.push(.answer(upTo: position, sentAt: sentAt), flow: flow, at: arrival)
    }
    kick(flow)
  }

  private func senderTick(_ flow: Int) {
    guard flows[flow].sender != nil else { return cubicTick(flow) }
    let count =
      resend.withUnsafeMutableBufferPointer { flows[flow].sender?.tick(now: now, resend: $0) } ?? 0
    for sequence in resend[..<count] {
      var unwrapper = SequenceUnwrapper(first: PacketSequence(0))
      unwrapper.advance(to: flows[flow].sender?.acknowledged ?? 0)
      let position = unwrapper.position(sequence)
      flows[flow].sender?.book(position, isNew: false, now: now)
      put(position, flow)
    }
    kick(flow)
    events.push(.senderTick, flow: flow, at: now + 10_000_000)
  }

  // MARK: - CUBIC

  private func sendCubic(_ flow: Int) {
    while flows[flow].cubic.maySend {
      put(flows[flow].cubic.take(), flow)
    }
  }

  private func receiveCubic(_ position: Int, _ flow: Int) {
    flows[flow].cubic.countArrival()
    if let arrival = backward.carry(40, at: now) {
      events.push(.acknowledgement(upTo: position, report: -1), flow: flow, at: arrival)
    }
  }

  private func acknowledgeCubic(_ position: Int, _ flow: Int) {
    let roundTrip =
      scenario.forward.delay + scenario.backward.delay + Double(forward.queue(at: now)) / 1e9
    flows[flow].cubic.acknowledge(position, roundTrip: roundTrip, now: now)
    sendCubic(flow)
  }

  private func cubicTick(_ flow: Int) {
    let patience = Int64(1e9 * max(0.2, 3 * (scenario.forward.delay + scenario.backward.delay)))
    if flows[flow].cubic.flight > 0, now - flows[flow].cubic.lastHeard > patience {
      flows[flow].cubic.timeout(now: now)
    }
    sendCubic(flow)
    events.push(.senderTick, flow: flow, at: now + 100_000_000)
  }
}
