import ParcelCore

/// What a simulation showed.
package struct SimulatorResult: Sendable {
  /// Packets delivered in order per flow, every 10 ms.
  package private(set) var delivered: [[Int]]
  /// Seconds of queue every 10 ms.
  package private(set) var queues: [Double] = []
  /// Queue drops until the first flow left start-up and its drain, and in all.
  package private(set) var startUpDrops = 0
  package private(set) var drops = 0
  /// In the first 5 s.
  package private(set) var earlyDrops = 0
  /// Seconds until then.
  package private(set) var startUpSeconds = 0.0
  package private(set) var duplicates = 0
  package private(set) var sentPackets = 0
  package private(set) var sentAgain = 0
  package private(set) var timeouts = 0
  /// Seconds.
  package private(set) var longestGap = 0.0
  package private(set) var isDone = false
  /// Seconds until the first flow had delivered everything; nil when it had not.
  package private(set) var doneSeconds: Double?
  /// One line per 100 ms of the first flow.
  package private(set) var trace: [String] = []

  private let scenario: SimulatorScenario
  private var isStarting = true
  private var samples = 0
  private var previousDelivered = 0

  init(_ scenario: SimulatorScenario) {
    self.scenario = scenario
    delivered = scenario.flows.map { _ in [] }
  }

  mutating func sample(now: Int64, flows: [SimulatedFlow], forward: SimulatedLink) {
    for (index, flow) in flows.enumerated() { delivered[index].append(flow.delivered) }
    let queue = Double(forward.queue(at: now)) / 1e9
    queues.append(queue)
    if now <= 5_000_000_000 { earlyDrops = forward.dropped }
    let condition = flows.first?.sender?.control.condition
    if isStarting, let phase = condition?.phase, phase != "startup", phase != "drain" {
      isStarting = false
      startUpDrops = forward.dropped
      startUpSeconds = Double(now) / 1e9
    }
    if doneSeconds == nil, let sender = flows.first?.sender, flows[0].delivered >= sender.end - flows[0].first
    {
      doneSeconds = Double(now) / 1e9
    }
    if samples % 10 == 0, let condition, let sender = flows.first?.sender {
      addLine(now, condition: condition, sender: sender, delivered: flows[0].delivered, queue: queue)
    }
    samples += 1
  }

  private mutating func addLine(
    _ now: Int64, condition: ControlCondition, sender: SimulatedSender, delivered: Int, queue: Double
  ) {
    let goodput = Double(delivered - previousDelivered) * 1456 * 8 / 0.1 / 1e6
    previousDelivered = delivered
    let columns = [
      Self.tenths(Double(now) / 1e9), condition.phase, Self.tenths(condition.rate * 12_000 / 1e6),
      String(sender.control.window), String(condition.flight), Self.tenths(queue * 1000),
      Self.tenths(goodput), Self.tenths(condition.backgroundLoss * 100),
    ]
    let widths = [6, 10, 8, 8, 8, 8, 8, 6]
    trace.append(zip(columns, widths).map { Self.padded($0, $1) }.joined())
  }

  /// Seconds; phase; believed rate, Mbit/s; window and flight, packets; queue, ms; goodput, Mbit/s of payload; background loss, %.
  package static let traceHeader = [
    ("s", 6), ("phase", 10), ("rate", 8), ("window", 8), ("flight", 8), ("queue", 8), ("goodput", 8),
    ("loss%", 6),
  ].map { padded($0.0, $0.1) }.joined()

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(1, width - text.utf8.count)) + text
  }

  /// With one decimal.
  package static func tenths(_ value: Double) -> String {
    let scaled = Int((value * 10).rounded())
    return "\(scaled / 10).\(abs(scaled) % 10)"
  }

  mutating func finish(flows: [SimulatedFlow], forward: SimulatedLink) {
    drops = forward.dropped
    if isStarting { startUpDrops = drops }
    guard let flow = flows.first, let sender = flow.sender else { return }
    duplicates = flow.receiver?.duplicates ?? 0
    sentPackets = sender.sentPackets
    sentAgain = sender.sentAgain
    timeouts = sender.timeouts
    longestGap = Double(flow.longestGap) / 1e9
    isDone = sender.isDone
  }

  // MARK: - Figures

  /// Packets per second that the first flow can get at most, in order to the application.
  private var limit: Double {
    var packets = 0.0
    var rate = scenario.forward.rate
    var time = 0.0
    for change in scenario.changes {
      packets += (change.time - time) * rate / 12_000
      (time, rate) = (change.time, change.rate)
    }
    packets += (scenario.seconds - time) * rate / 12_000
    return packets / scenario.seconds * (1 - scenario.forward.loss)
  }

  /// Percent of the limit that `flow` delivered from `seconds` after its first packet to the end.
  package func goodput(after seconds: Double, flow: Int = 0) -> Double {
    let series = delivered[flow]
    guard let first = series.firstIndex(where: { $0 > 0 }) else { return 0 }
    let from = first + Int(seconds * 100)
    guard from < series.count - 1 else { return 0 }
    let packets = series[series.count - 1] - (seconds == 0 ? 0 : series[from])
    return 100 * Double(packets) / (Double(series.count - 1 - from) / 100 * limit)
  }

  /// Percent that `flow` has of all that was delivered in the second half.
  package func share(of flow: Int) -> Double {
    let halves = delivered.map { Double($0[$0.count - 1] - $0[$0.count / 2]) }
    return 100 * halves[flow] / max(1, halves.reduce(0, +))
  }

  private var roundTrip: Double { scenario.forward.delay + scenario.backward.delay }

  /// A figure by the name that scenarios use.
  package func figure(_ name: String) -> Double? {
    switch name {
    case "goodput": goodput(after: 0)
    case "late-goodput": goodput(after: 5)
    case "flow2-goodput": delivered.count > 1 ? goodput(after: 0, flow: 1) : nil
    case "share": share(of: 0)
    // In round trips.
    case "gap": longestGap / roundTrip
    // Median after start-up, share of the round trip in percent.
    case "queue":
      queues.isEmpty
        ? nil : 100 * queues.dropFirst(queues.count / 4).sorted()[queues.count * 3 / 8] / roundTrip
    // In bandwidth-delay products.
    case "startup-drops": Double(startUpDrops) / max(1, scenario.product)
    // The same, of the first 5 s.
    case "early-drops": Double(earlyDrops) / max(1, scenario.product)
    case "timeouts": Double(timeouts)
    case "duplicates": 100 * Double(duplicates) / Double(max(1, sentPackets))
    case "done": doneSeconds
    default: nil
    }
  }
}
