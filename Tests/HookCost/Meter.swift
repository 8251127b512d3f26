import CHookCost

/// The calls that are told apart.
enum Hook: Int, CaseIterable {
  case sent
  case acknowledged
  case lost
  case newest
  case senderTick
  case arrived
  case receiverTick

  var isSender: Bool { self != .arrived && self != .receiverTick }

  var text: String {
    switch self {
    case .sent: "sent"
    case .acknowledged: "acknowledged"
    case .lost: "lost"
    case .newest: "newest told"
    case .senderTick: "tick, sender"
    case .arrived: "arrived"
    case .receiverTick: "tick, receiver"
    }
  }
}

/// Times single calls and counts what they allocate, in batches of packets. Allocates nothing while it does.
final class Meter {
  struct Sum {
    var calls = 0
    var ticks: UInt64 = 0
    var allocations: UInt64 = 0
  }

  private var running = [Sum](repeating: Sum(), count: Hook.allCases.count)
  private(set) var total = [Sum](repeating: Sum(), count: Hook.allCases.count)
  /// Nanoseconds per call of each batch with such calls, and per packet over all hooks of an end.
  private(set) var batches: [[Double]]
  private(set) var sender: [Double] = []
  private(set) var receiver: [Double] = []
  /// Batches whose time says nothing, because the thread lost its processor meanwhile. What they allocated counts.
  private(set) var interrupted = 0
  private var switches = 0
  private let clock: ProcessorClock

  init(_ clock: ProcessorClock, batches count: Int) {
    self.clock = clock
    batches = Hook.allCases.map { _ in
      var list: [Double] = []
      list.reserveCapacity(count)
      return list
    }
    sender.reserveCapacity(count)
    receiver.reserveCapacity(count)
  }

  @inline(__always)
  func measure<Result>(_ hook: Hook, _ body: () -> Result) -> Result {
    let allocations = allocation_count()
    let start = processor_ticks()
    let result = body()
    let end = processor_ticks()
    running[hook.rawValue].calls += 1
    running[hook.rawValue].ticks += end &- start
    running[hook.rawValue].allocations += allocation_count() &- allocations
    return result
  }

  /// A batch of `packets` is over. `isWarm`: it counts; else all of it is forgotten but what was allocated, which is answered.
  func endBatch(packets: Int, isWarm: Bool) -> Int {
    var (there, back) = (0.0, 0.0)
    var allocations = 0
    let now = interruptions()
    let isWhole = now == switches
    switches = now
    if isWarm, !isWhole { interrupted += 1 }
    for index in running.indices {
      let sum = running[index]
      running[index] = Sum()
      allocations += Int(sum.allocations)
      guard isWarm else { continue }
      total[index].calls += sum.calls
      total[index].allocations += sum.allocations
      guard isWhole, sum.calls > 0 else { continue }
      let time = clock.nanoseconds(sum.ticks, calls: sum.calls)
      batches[index].append(time / Double(sum.calls))
      if Hook.allCases[index].isSender { there += time } else { back += time }
    }
    if isWarm, isWhole {
      sender.append(there / Double(packets))
      receiver.append(back / Double(packets))
    }
    return allocations
  }
}

/// What the processor's ticks are, and what reading them costs.
struct ProcessorClock {
  let ticksPerNanosecond: Double
  /// Of an empty call.
  let overhead: UInt64

  init() {
    let (time, ticks) = (real_nanoseconds(), processor_ticks())
    var differences: [UInt64] = []
    while real_nanoseconds() - time < 200_000_000 {
      let start = processor_ticks()
      differences.append(processor_ticks() &- start)
    }
    ticksPerNanosecond = Double(processor_ticks() &- ticks) / Double(real_nanoseconds() - time)
    overhead = differences.sorted()[differences.count / 2]
  }

  func nanoseconds(_ ticks: UInt64, calls: Int) -> Double {
    Double(Int64(bitPattern: ticks) - Int64(overhead) * Int64(calls)) / ticksPerNanosecond
  }
}
