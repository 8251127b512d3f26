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
    await FaultyCalls.sweep(kind) { await run($0) }
  }

  @Test func `two and three faults at once in a batch`() async {
    var random = SeededRandom(seed: 12)
    for _ in 0..<100 * depth {
      _ = await run(FaultyCalls.someFaults(&random, calls: 8))
    }
  }
}
