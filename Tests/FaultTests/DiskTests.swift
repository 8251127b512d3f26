import Glibc
import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelStorage

/// More seeds with PARCEL_DEEP.
let depth = getenv("PARCEL_DEEP") == nil ? 1 : 20

@Suite struct PowerLossTests {
  @Test(arguments: MemoryDisk.Survival.allCases)
  func `the power goes at every step, and nothing wrong is ever believed`(survival: MemoryDisk.Survival) async
  {
    var step = 1
    var runs = 0
    while true {
      let disk = MemoryDisk()
      disk.setPowerOff(at: step)
      let said = await StoreLab.download(StoreLab.world(disk))
      let random = survival == .someInOrder || survival == .anything
      for seed in 0..<(random ? 3 * depth : 1) {
        let next = disk.afterPowerLoss(survival, seed: UInt64(step * 1000 + seed))
        let problem = await StoreLab.judge(
          next, isDone: said.isDone, least: said.isDone ? 0 : said.durable, boot: "second")
        #expect(problem == nil, "power off at \(step), \(survival), seed \(seed)")
        runs += 1
      }
      if disk.changes < step { break }
      step += 1
    }
    #expect(step > 20)
  }

  @Test func `a process killed at every step loses nothing that its journal said`() async {
    var step = 1
    while true {
      let disk = MemoryDisk()
      disk.setPowerOff(at: step)
      let said = await StoreLab.download(StoreLab.world(disk))
      let problem = await StoreLab.judge(
        disk.afterKill(), isDone: said.isDone, least: said.isDone ? 0 : said.durable)
      #expect(problem == nil, "killed at \(step)")
      if disk.changes < step { break }
      step += 1
    }
    #expect(step > 20)
  }
}

@Suite struct FaultyDiskTests {
  typealias Fault = FaultyCalls.Fault

  /// One run with faults, then the disk healed: after a kill, and after a power loss that leaves only what was synced.
  private func run(_ faults: [Fault]) async -> (hits: Int, isDone: Bool) {
    let disk = MemoryDisk()
    let calls = FaultyCalls(disk, faults)
    let said = await StoreLab.download(StoreLab.world(calls))
    let least = said.isDone ? 0 : said.durableAtEnd
    // The strictest, the wildest and the mildest in turn.
    let turn = faults.reduce(0) { $0 + $1.call }
    for (survival, boot) in [
      (MemoryDisk.Survival.nothing, "second"), (.anything, "second"), (.everything, "first"),
    ] {
      if depth == 1, [MemoryDisk.Survival.nothing, .anything, .everything][turn % 3] != survival { continue }
      let next = disk.afterPowerLoss(survival, seed: UInt64(turn))
      let problem = await StoreLab.judge(next, isDone: said.isDone, least: least, boot: boot)
      #expect(problem == nil, "\(faults), then \(survival) survived")
    }
    if !said.isDone { #expect(!said.failures.isEmpty, "\(faults): not done, and no reason") }
    #expect(disk.openDescriptors == 0, "\(faults): descriptors are left open")
    return (calls.hits, said.isDone)
  }

  @Test(arguments: FaultyCalls.Kind.allCases)
  func `each call fails once, and for good, at every step`(kind: FaultyCalls.Kind) async {
    await FaultyCalls.sweep(kind, thinned: true) { await run($0) }
  }

  @Test func `two and three faults at once`() async {
    var random = SeededRandom(seed: 11)
    for _ in 0..<100 * depth {
      _ = await run(FaultyCalls.someFaults(&random, calls: 12))
    }
  }

  /// The first attempt makes the folder and cannot sync its name; the next one finds the folder there.
  @Test(arguments: [FaultyCalls.Kind.open, .syncFolder])
  func `a folder whose name could not be synced at once is synced before a file in it is done`(
    kind: FaultyCalls.Kind
  ) async {
    let disk = MemoryDisk()
    let store = StoreLab.store(
      StoreLab.world(FaultyCalls(disk, [Fault(kind: kind, call: 0, effect: .error(EIO))])))
    if case .success = await StoreLab.open(store, StoreLab.target) { Issue.record("opened all the same") }
    guard case .success(.ready(let file)) = await StoreLab.open(store, StoreLab.target) else {
      Issue.record("cannot be opened")
      return store.shutDown()
    }
    file.identify(StoreLab.identity)
    _ = file.writer(for: ByteRange(0, StoreLab.size)).send(StoreLab.content, upTo: StoreLab.size)
    if case .failure(let failure) = await file.finished(StoreLab.size) { Issue.record("\(failure.text)") }
    store.shutDown()
    let isThere = disk.afterPowerLoss(.nothing, seed: 1).bytes(StoreLab.path) != nil
    #expect(isThere)
  }

  @Test(
    arguments: [
      [.renameNoReplace: EINVAL], [.renameNoReplace: EINVAL, .link: EPERM], [.syncFolder: EINVAL],
      [.renameNoReplace: ENOSYS, .link: EPERM, .syncFolder: EINVAL],
    ] as [[FaultyCalls.Kind: Int32]])
  func `a file system that lacks something is enough`(lacks: [FaultyCalls.Kind: Int32]) async {
    let (_, isDone) = await runLacking(lacks)
    #expect(isDone)
  }

  private func runLacking(_ lacks: [FaultyCalls.Kind: Int32]) async -> (StoreLab.Said, Bool) {
    let disk = MemoryDisk()
    let said = await StoreLab.download(StoreLab.world(FaultyCalls(disk, [], lacks: lacks)))
    let problem = await StoreLab.judge(disk.afterKill(), isDone: said.isDone, least: 0)
    #expect(problem == nil, "\(lacks)")
    return (said, said.isDone)
  }
}
