import Glibc
import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

@testable import ParcelStorage

/// The real engine and client over a disk that begins to fail in mid-download.
@Suite struct EngineDiskTests {
  private func wait(_ options: inout EngineOptions, forEver: Bool) {
    options.waitsForEver = forEver
    // Time runs fast here: a busy machine must not look like a silent server.
    options.policy.stallTimeout = 100_000
  }

  /// A healed disk, as a new process finds it, completes the file.
  private func completes(_ lab: ServerLab, _ disk: MemoryDisk, _ what: String) async {
    lab.server.reset(FaultObject(bytes: ServerLab.content))
    let next = await lab.run(disk.afterKill(), speed: 500) { wait(&$0, forEver: false) }
    #expect(next.status.state.isDone, "\(what), then \(next.status.failure?.sentence ?? "")")
  }

  @Test(arguments: [EIO, ENOSPC, EDQUOT, EROFS])
  func `a disk that fails in mid-download ends it truly, and the next run completes it`(code: Int32)
    async throws
  {
    let lab = try ServerLab()
    defer { lab.end() }
    var random = SeededRandom(seed: UInt64(code))
    let kinds: [(FaultyCalls.Kind, UInt64)] = [(.write, 8), (.syncData, 3), (.rename, 2), (.truncate, 1)]
    var stopped = 0
    for turn in 0..<8 * depth {
      // Mostly the bytes' own way.
      let (kind, calls) = turn % 2 == 0 ? kinds[0] : kinds[turn / 2 % 3]
      let fault = FaultyCalls.Fault(
        kind: kind, call: Int(random.next() % calls), effect: .error(code), stays: true)
      let disk = MemoryDisk()
      lab.server.reset(FaultObject(bytes: ServerLab.content))
      let calls2 = FaultyCalls(disk, [fault])
      let result = await lab.run(calls2, speed: 500) { wait(&$0, forEver: false) }
      let what = "\(fault): \(result.status.state)"
      if result.status.state.isDone {
        #expect(same(disk.bytes(ServerLab.path) ?? [], ServerLab.content), "\(what)")
        continue
      }
      stopped += 1
      #expect(disk.bytes(ServerLab.path) == nil, "\(what)")
      let failure = result.status.failure
      #expect(failure?.code == .disk && failure?.remedy.isEmpty == false, "\(what) \(failure?.text ?? "")")
      #expect(ExitCode(failures: [failure].compactMap { $0?.code }) == .disk, "\(what)")
      #expect(disk.openDescriptors == 0, "\(what)")
      await completes(lab, disk, what)
    }
    #expect(stopped >= 4)
  }

  @Test(arguments: [ENOSPC, EDQUOT])
  func `a disk that is full for a while is waited for, and nothing is lost`(code: Int32) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    var random = SeededRandom(seed: UInt64(code) + 1)
    var hits = 0
    for _ in 0..<5 * depth {
      let fault = FaultyCalls.Fault(
        kind: .write, call: 1 + Int(random.next() % 5), effect: .error(code), stays: true,
        times: 1 + Int(random.next() % 3))
      let disk = MemoryDisk()
      lab.server.reset(FaultObject(bytes: ServerLab.content))
      let calls = FaultyCalls(disk, [fault])
      let result = await lab.run(calls, speed: 500) { wait(&$0, forEver: true) }
      hits += calls.hits
      #expect(
        result.status.state.isDone, "\(fault): \(result.status.state) \(result.status.failure?.text ?? "")")
      #expect(same(disk.bytes(ServerLab.path) ?? [], ServerLab.content), "\(fault)")
      let left = disk.names.filter { $0 != ServerLab.path && !$0.hasSuffix("/out/.parcel-lock") }
      #expect(left.isEmpty, "\(fault)")
    }
    #expect(hits >= 5)
  }

  @Test func `a disk with room for less than the file keeps what it took`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    for room in [100_000, 1_200_000, 2_500_000] {
      let disk = MemoryDisk()
      disk.setCapacity(room)
      lab.server.reset(FaultObject(bytes: ServerLab.content))
      let result = await lab.run(disk, speed: 500) { wait(&$0, forEver: false) }
      #expect(!result.status.state.isDone && result.status.failure?.code == .disk, "\(room)")
      #expect(disk.bytes(ServerLab.path) == nil)
      await completes(lab, disk, "room for \(room)")
      // A block may be given up for the journal, and a hole may be before the last one.
      #expect(lab.server.sent <= ServerLab.size + 12_345 - max(0, room - (2 << 20)), "\(room)")
    }
  }
}
