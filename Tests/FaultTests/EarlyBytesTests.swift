import ParcelCore
import ParcelSystem
import ParcelTesting
import Testing

@testable import ParcelStorage

/// Bytes that are written before the file's size is known, and others that land while it becomes known.
@Suite struct EarlyBytesTests {
  @Test(arguments: [true, false]) func `what came before the size was known is in the journal`(
    secondIsOnItsWay: Bool
  ) async throws {
    let disk = MemoryDisk()
    let store = StoreLab.store(StoreLab.world(disk))
    defer { store.shutDown() }
    let target = Target(path: StoreLab.path, size: nil, digests: [])
    guard case .success(.ready(let part)) = await StoreLab.open(store, target), let file = part as? LargeFile
    else { throw FixtureError("cannot be opened") }

    let first = file.writer(for: ByteRange(0, 1 << 20))
    _ = first.send(StoreLab.content, upTo: 1 << 20)
    first.close()
    await file.after(file.volume.writer) {}
    // The writer thread stands still: what comes now lands when the size is known, and before the first block has its digest.
    let gate = Gate()
    file.volume.writer.submit { _ in gate.wait() }
    let second = file.writer(for: ByteRange(1 << 20, StoreLab.size))
    if secondIsOnItsWay {
      _ = second.send(StoreLab.content, upTo: StoreLab.size)
      second.close()
    }
    file.identify(StoreLab.identity)
    gate.open()
    #expect(await file.suspended() == nil)

    let after = StoreLab.store(StoreLab.world(disk.afterKill()))
    defer { after.shutDown() }
    guard case .success(.ready(let again)) = await StoreLab.open(after, target) else {
      throw FixtureError("cannot be opened again")
    }
    #expect(again.recovered.ranges.count == (secondIsOnItsWay ? StoreLab.size : 1 << 20))
    #expect(await again.suspended() == nil)
  }
}

/// Holds a thread until it is opened.
private final class Gate: @unchecked Sendable {
  private let monitor = Monitor()
  private var isOpen = false

  func wait() { monitor.locked { while !isOpen { monitor.wait() } } }
  func open() {
    monitor.locked {
      isOpen = true
      monitor.wakeAll()
    }
  }
}
