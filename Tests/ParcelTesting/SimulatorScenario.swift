import ParcelCore

/// A simulation and what it must show, as a small text file: one word and its values per line, `#` begins a remark.
///
/// `rate` Mbit/s of IP packets, `round-trip` ms, `buffer` bandwidth-delay products, `loss` and `ack-loss` percent, `burst` packets,
/// `bad-run` packets, `jitter` ms, `reorder` percent and ms, `change` second and Mbit/s, `seconds`, `window` packets, `quantum` and
/// `clock` ms, `late` ms at most by which the receiver's clock turns late, `stalls` until which second, how many ms apart about, and
/// from and to how many ms the senders' machine is busy with something else, `sender` and `receiver` `ours` or `stock`, `arrivals untold` for a
/// receiver that repeats its reports and no more, `flow` a preset or `cubic` with `start=`, `packets=` and `supply=`
/// (packets per second), `seeds` how many in the ordinary run, `expect` figure, `>=` or `<=`, number.
package struct SimulatorScenario: Sendable {
  package struct Flow: Sendable {
    /// Nil: a TCP flow with CUBIC.
    package var preset: CongestionPreset?
    package var start = 0.0
    package var packets = 1 << 40
    package var supply = 0.0
  }

  package struct Expectation: Sendable {
    package var figure: String
    package var isAtLeast: Bool
    package var bound: Double

    package func isMet(by value: Double) -> Bool { isAtLeast ? value >= bound : value <= bound }
    package var text: String { "\(figure) \(isAtLeast ? ">=" : "<=") \(SimulatorResult.tenths(bound))" }
  }

  package var name = ""
  package var forward = LinkConditions()
  package var backward = LinkConditions()
  package var flows: [Flow] = []
  package var changes: [(time: Double, rate: Double)] = []
  package var seconds = 10.0
  package var window = 65_536
  /// Seconds.
  package var quantum = 0.001
  package var acknowledgementClock = 0.010
  /// Seconds by which the receiver's clock turns late at most: its machine is busy.
  package var clockDelay = 0.0
  /// Times, in seconds, in which the senders' machine is busy with something else; they begin about `every` apart.
  package var stalls: (until: Double, every: Double, shortest: Double, longest: Double)?
  package var isOurSender = true
  package var isOurReceiver = true
  /// Our receiver tells its newest packet while a hole keeps its acknowledgement back.
  package var tellsArrivals = true
  package var seeds = 1
  package var firstSequence: Int32 = Int32.max - 2000
  package var expectations: [Expectation] = []
  private var buffers = 1.0
  private var roundTrip = 0.1

  /// Packets of one bandwidth-delay product.
  package var product: Double { forward.rate * roundTrip / 12_000 }

  /// A line that makes no sense.
  package struct Mistake: Error, CustomStringConvertible {
    package var description: String
  }

  package init(name: String, text: String) throws(Mistake) {
    self.name = name
    for line in text.split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
      guard let key = words.first else { continue }
      do { try read(key, Array(words.dropFirst())) } catch {
        throw Mistake(description: "\(name): '\(line)': \(error.description)")
      }
    }
    guard !flows.isEmpty else { throw Mistake(description: "\(name): no flow") }
    forward.delay = roundTrip / 2
    backward.delay = roundTrip / 2
    backward.rate = 10e9
    backward.buffer = 100_000_000
    forward.buffer = max(3000, Int(buffers * forward.rate * roundTrip / 8))
  }

  private mutating func read(_ key: String, _ values: [String]) throws(Mistake) {
    switch key {
    case "rate": forward.rate = try Self.number(values, 0) * 1e6
    case "round-trip": roundTrip = try Self.number(values, 0) / 1000
    case "buffer": buffers = try Self.number(values, 0)
    case "loss": forward.loss = try Self.number(values, 0) / 100
    case "burst": forward.burst = Int(try Self.number(values, 0))
    case "bad-run": forward.badRun = try Self.number(values, 0)
    case "ack-loss": backward.loss = try Self.number(values, 0) / 100
    case "jitter":
      forward.jitter = try Self.number(values, 0) / 1000
      backward.jitter = forward.jitter
    case "reorder":
      forward.reorder = try Self.number(values, 0) / 100
      forward.reorderDelay = try Self.number(values, 1) / 1000
    case "change":
      changes.append((try Self.number(values, 0), try Self.number(values, 1) * 1e6))
    case "seconds": seconds = try Self.number(values, 0)
    case "window": window = Int(try Self.number(values, 0))
    case "quantum": quantum = try Self.number(values, 0) / 1000
    case "clock": acknowledgementClock = try Self.number(values, 0) / 1000
    case "late": clockDelay = try Self.number(values, 0) / 1000
    case "stalls":
      stalls = (
        try Self.number(values, 0), try Self.number(values, 1) / 1000, try Self.number(values, 2) / 1000,
        try Self.number(values, 3) / 1000
      )
    case "sender": isOurSender = try Self.isOurs(values)
    case "receiver": isOurReceiver = try Self.isOurs(values)
    case "arrivals": tellsArrivals = values.first != "untold"
    case "seeds": seeds = Int(try Self.number(values, 0))
    case "flow": flows.append(try Self.flow(values))
    case "expect": expectations.append(try Self.expectation(values))
    default: throw Mistake(description: "unknown word")
    }
  }

  private static func number(_ values: [String], _ index: Int) throws(Mistake) -> Double {
    guard index < values.count, let number = Double(values[index]) else {
      throw Mistake(description: "a number is missing")
    }
    return number
  }

  private static func isOurs(_ values: [String]) throws(Mistake) -> Bool {
    guard let value = values.first, value == "ours" || value == "stock" else {
      throw Mistake(description: "'ours' or 'stock' is missing")
    }
    return value == "ours"
  }

  private static func flow(_ values: [String]) throws(Mistake) -> Flow {
    var flow = Flow()
    guard let kind = values.first else { throw Mistake(description: "a preset is missing") }
    switch kind {
    case "cubic": flow.preset = nil
    case "model": flow.preset = .model
    case "fair": flow.preset = .fair
    case "native": flow.preset = .native
    default:
      guard kind.hasPrefix("fixed="), let rate = Double(kind.dropFirst(6)) else {
        throw Mistake(description: "unknown preset")
      }
      flow.preset = .fixed(bytesPerSecond: Int(rate * 1e6 / 8))
    }
    for option in values.dropFirst() {
      let parts = option.split(separator: "=").map(String.init)
      let value = try number(parts, 1)
      switch parts[0] {
      case "start": flow.start = value
      case "packets": flow.packets = Int(value)
      case "supply": flow.supply = value
      default: throw Mistake(description: "unknown option '\(option)'")
      }
    }
    return flow
  }

  private static func expectation(_ values: [String]) throws(Mistake) -> Expectation {
    guard values.count == 3, values[1] == ">=" || values[1] == "<=" else {
      throw Mistake(description: "an expectation is FIGURE >= NUMBER or FIGURE <= NUMBER")
    }
    return Expectation(figure: values[0], isAtLeast: values[1] == ">=", bound: try number(values, 2))
  }
}
