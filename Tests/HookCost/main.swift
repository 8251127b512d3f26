// What a packet costs in the hooks, and what they allocate, beside libudt's own law:
//
//   hook-cost [PACKETS [WARM-UP]]
//
// A line for each path and hook: calls per packet, nanoseconds per call (median and 99th percentile of batches of 1,000 packets), and all
// allocations of the measured packets. Then each end's sum, per packet. Batches in which the thread lost its processor are left out of the
// times. Exit status 1 when there was more than one allocation for 10,000 packets (rings still double now and then), or an end took more
// than 300 ns; 3 when allocations cannot be counted here. Code that is not optimised allocates by itself now and then: there, only the
// hooks that are called for each packet count, and time does not.
import CHookCost
import Glibc
import ParcelCore

enum Run {
  static let batch = 1000
  static let batches = count(1, 2_000_000)
  static let warmUp = count(2, 500_000)
  /// Nanoseconds per packet, at each end.
  static let limit = 300.0
  #if DEBUG
    static let isOptimised = false
  #else
    static let isOptimised = true
  #endif

  private static func count(_ argument: Int, _ usual: Int) -> Int {
    max(1, (CommandLine.arguments.dropFirst(argument).first.flatMap { Int($0) } ?? usual) / batch)
  }
}

/// The counter must count: what a test of nothing would pass.
func countsAllocations() -> Bool {
  let before = allocation_count()
  var lists: [[Int]] = []
  for size in 1...10 { lists.append([Int](repeating: size, count: 100 * size)) }
  return allocations_are_counted() != 0 && allocation_count() - before >= 10 && lists.count == 10
}

func text(_ value: Double) -> String { Decimal.fixed(value, 0) }
func wide(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.utf8.count)) + text
}

struct Percentiles {
  var median = 0.0
  var high = 0.0

  init(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let sorted = values.sorted()
    (median, high) = (sorted[sorted.count / 2], sorted[min(sorted.count - 1, sorted.count * 99 / 100)])
  }

  var columns: String { wide(text(median), 7) + wide(text(high), 7) + " ns" }
}

func row(_ name: String, _ share: String, _ times: Percentiles, _ unit: String, _ allocations: UInt64?) {
  print(
    "  \(name)" + wide("", 16 - name.utf8.count) + wide(share, 24) + times.columns + unit
      + (allocations.map { wide("\($0)", 6) + " allocations" } ?? ""))
}

/// Runs a flow, prints its lines; false when it is not as it must be.
func measure(_ name: String, _ path: Flow.Path, _ clock: ProcessorClock) -> Bool {
  let meter = Meter(clock, batches: Run.batches)
  let flow = Flow(path, meter: meter)
  var early = 0
  for _ in 0..<Run.warmUp {
    flow.run(packets: Run.batch)
    early += meter.endBatch(packets: Run.batch, isWarm: false)
  }
  let before = (delivered: flow.state.delivered, age: flow.age)
  for _ in 0..<Run.batches {
    flow.run(packets: Run.batch)
    _ = meter.endBatch(packets: Run.batch, isWarm: true)
  }
  let (delivered, repaired) = flow.state
  let speed = Double(delivered - before.delivered) / (flow.age - before.age)
  print(
    "\(name): \(text(speed)) packets/s arrived in order, \(repaired) repairs; \(early) allocations to warm up; "
      + "\(meter.interrupted) batches interrupted")
  var late: UInt64 = 0
  for hook in Hook.allCases where meter.total[hook.rawValue].calls > 0 {
    let sum = meter.total[hook.rawValue]
    let share = Decimal.fixed(Double(sum.calls) / Double(Run.batches * Run.batch), 4) + " calls per packet"
    row(hook.text, share, Percentiles(meter.batches[hook.rawValue]), " per call", sum.allocations)
    if Run.isOptimised || hook == .sent || hook == .arrived { late += sum.allocations }
  }
  let ends = [Percentiles(meter.sender), Percentiles(meter.receiver)]
  row("sender", "", ends[0], " per packet", nil)
  row("receiver", "", ends[1], " per packet", nil)
  let isFast = !Run.isOptimised || ends.allSatisfy { $0.median <= Run.limit }
  return isFast && late * 10_000 <= Run.batches * Run.batch
}

guard countsAllocations() else {
  print("allocations cannot be counted in this build")
  exit(3)
}
let clock = ProcessorClock()
print(
  "\(Run.batches * Run.batch) packets each after \(Run.warmUp * Run.batch) to warm up; batches of \(Run.batch); an empty call of "
    + "\(text(Double(clock.overhead) / clock.ticksPerNanosecond)) ns is subtracted\n")
let paths: [(String, Flow.Path)] = [
  ("model, no loss", Flow.Path()),
  ("model, 1 % loss", Flow.Path(loss: 0.01)),
  ("model, 5 % loss", Flow.Path(loss: 0.05)),
  ("model, 1 % loss, stock receiver", Flow.Path(loss: 0.01, isOurReceiver: false)),
  ("model, 5 % loss, stock receiver", Flow.Path(loss: 0.05, isOurReceiver: false)),
  ("libudt's own law, no loss", Flow.Path(isModel: false)),
  ("libudt's own law, 1 % loss", Flow.Path(loss: 0.01, isModel: false)),
  ("libudt's own law, 5 % loss", Flow.Path(loss: 0.05, isModel: false)),
]
var isRight = true
for (name, path) in paths where !measure(name, path, clock) {
  print("  *** too much")
  isRight = false
}
exit(isRight ? 0 : 1)
