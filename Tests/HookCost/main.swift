// What a packet costs in the hooks, and what they allocate:
//
//   hook-cost [PACKETS [WARM-UP]]
//
// A line for each path and hook: calls per packet, nanoseconds per call (median and 99th percentile of batches of 1,000 packets), and all
// allocations of the measured packets. Batches in which the thread lost its processor are left out of the times.
// Exit status 1 when there was more than one allocation for 10,000 packets (rings still double now and then), 3 when they cannot be counted here.
import CAllocations
import Glibc
import ParcelCore

let batch = 1000
let packets = max(1, (CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 2_000_000) / batch)
let warmUp = max(1, (CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 200_000) / batch)

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

func percentiles(_ values: [Double]) -> (median: Double, high: Double) {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return (0, 0) }
  return (sorted[sorted.count / 2], sorted[min(sorted.count - 1, sorted.count * 99 / 100)])
}

let paths: [(String, Flow.Path)] = [
  ("model, no loss", Flow.Path()),
  ("model, 1 % loss", Flow.Path(loss: 0.01)),
  ("model, 5 % loss", Flow.Path(loss: 0.05)),
  ("model, 1 % loss, stock receiver", Flow.Path(loss: 0.01, isOurReceiver: false)),
  ("model, 5 % loss, stock receiver", Flow.Path(loss: 0.05, isOurReceiver: false)),
  ("native, no loss", Flow.Path(isModel: false)),
  ("native, 1 % loss", Flow.Path(loss: 0.01, isModel: false)),
  ("native, 5 % loss", Flow.Path(loss: 0.05, isModel: false)),
]

guard countsAllocations() else {
  print("allocations cannot be counted in this build")
  exit(3)
}
let clock = ProcessorClock()
var isTooMuch = false
print(
  "\(packets * batch) packets each after \(warmUp * batch) to warm up; batches of \(batch); an empty call of "
    + "\(text(Double(clock.overhead) / clock.ticksPerNanosecond)) ns is subtracted\n")
for (name, path) in paths {
  let meter = Meter(clock, batches: packets)
  let flow = Flow(path, meter: meter)
  var early = 0
  for _ in 0..<warmUp {
    flow.run(packets: batch)
    early += meter.endBatch(packets: batch, isWarm: false)
  }
  let before = (delivered: flow.state.delivered, age: flow.age)
  for _ in 0..<packets {
    flow.run(packets: batch)
    _ = meter.endBatch(packets: batch, isWarm: true)
  }
  let (delivered, repaired) = flow.state
  let speed = Double(delivered - before.delivered) / (flow.age - before.age)
  let all = percentiles(meter.perPacket)
  var late = 0
  for sum in meter.total { late += Int(sum.allocations) }
  isTooMuch = isTooMuch || late * 10_000 > packets * batch
  print(
    "\(name): \(text(speed)) packets/s arrived in order, \(repaired) repairs; \(early) allocations to warm up; "
      + "\(meter.interrupted) batches interrupted")
  for hook in Hook.allCases where meter.total[hook.rawValue].calls > 0 {
    let sum = meter.total[hook.rawValue]
    let (median, high) = percentiles(meter.batches[hook.rawValue])
    let share = Decimal.fixed(Double(sum.calls) / Double(packets * batch), 4)
    print(
      "  \(hook.text)" + wide("", 16 - hook.text.utf8.count) + wide(share, 8) + " calls per packet"
        + wide(text(median), 7) + wide(text(high), 7) + " ns per call" + wide("\(sum.allocations)", 4)
        + " allocations")
  }
  print(
    "  both ends together            per packet" + wide(text(all.median), 7) + wide(text(all.high), 7)
      + " ns         " + wide("\(late)", 4) + " allocations")
}
exit(isTooMuch ? 1 : 0)
