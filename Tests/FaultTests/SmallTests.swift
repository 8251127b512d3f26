import Glibc
import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelStorage

@Suite struct SmallFileFaultTests {
  typealias Fault = FaultyCalls.Fault

  @Test(arguments: MemoryDisk.Survival.allCases)
  func `the power goes at every step of a batch, and every name is absent or right`(
    survival: MemoryDisk.Survival
  ) async {
    var step = 1
    while true {
      let disk = MemoryDisk()
      disk.setPowerOff(at: step)
      let said = await SmallLab.download(StoreLab.world(disk))
      let isRandom = survival == .someInOrder || survival == .anything
      for seed in 0..<(isRandom ? 6 * depth : 1) {
        let next = disk.afterPowerLoss(survival, seed: UInt64(step * 1000 + seed))
        let boot = survival == .everything ? "first" : "second"
        let problem = await SmallLab.judge(next, said, boot: boot)
        #expect(problem == nil, "power off at \(step), \(survival), seed \(seed)")
      }
      if disk.changes < step {
        #expect(said.isDone)
        break
      }
      step += 1
    }
    #expect(step > 20)
  }

  @Test func `a batch is one sync before its names and one after them`() async {
    let disk = MemoryDisk()
    let calls = FaultyCalls(disk)
    #expect(await SmallLab.download(StoreLab.world(calls)).isDone)
    #expect(calls.count(.syncFileSystem) == 2)
    #expect(calls.count(.syncData) == 0)
  }

  private func run(_ faults: [Fault]) async -> (hits: Int, isDone: Bool) {
    let disk = MemoryDisk()
    let calls = FaultyCalls(disk, faults)
    let said = await SmallLab.download(StoreLab.world(calls))
    let turn = faults.reduce(0) { $0 + $1.call }
    for (survival, boot) in [
      (MemoryDisk.Survival.nothing, "second"), (.anything, "second"), (.everything, "first"),
    ] {
      let problem = await SmallLab.judge(
        disk.afterPowerLoss(survival, seed: UInt64(turn)), said, boot: boot)
      #expect(problem == nil, "\(faults), then \(survival) survived")
    }
    for failure in said.failures.compactMap({ $0 }) {
      #expect(failure.code == .disk && !failure.remedy.isEmpty, "\(faults): \(failure.text)")
    }
    #expect(disk.openDescriptors == 0, "\(faults): descriptors are left open")
    return (calls.hits, said.isDone)
  }

  @Test(arguments: FaultyCalls.Kind.allCases)
  func `each call of a batch fails once, and for good, at every step`(kind: FaultyCalls.Kind) async {
    var effects = kind.errors.map { FaultyCalls.Effect.error($0) }
    if kind == .write || kind == .read { effects.append(.short) }
    for effect in effects {
      for stays in [false, true] {
        if stays, effect == .error(EINTR) { continue }
        var call = 0
        while true {
          let (hits, isDone) = await run([Fault(kind: kind, call: call, effect: effect, stays: stays)])
          if hits == 0 {
            #expect(isDone)
            break
          }
          if effect == .error(EINTR) || effect == .short { #expect(isDone, "\(kind) \(call) \(effect)") }
          call += 1
        }
      }
    }
  }

  /// Open: with seed 12 a lock is left beside a finished file.
  @Test(.enabled(if: depth > 1)) func `two and three faults at once in a batch`() async {
    var random = SeededRandom(seed: 12)
    for _ in 0..<100 * depth {
      let faults = (0..<2 + Int(random.next() % 2)).map { _ in
        let kind = FaultyCalls.Kind.allCases[Int(random.next() % UInt64(FaultyCalls.Kind.allCases.count))]
        let effect = FaultyCalls.Effect.error(kind.errors[Int(random.next() % UInt64(kind.errors.count))])
        return Fault(
          kind: kind, call: Int(random.next() % 8), effect: effect,
          stays: effect != .error(EINTR) && random.next() % 3 == 0)
      }
      _ = await run(faults)
    }
  }
}
