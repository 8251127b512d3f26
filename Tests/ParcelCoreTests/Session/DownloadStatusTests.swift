import ParcelCore
import Testing

@Suite struct DownloadStatusTests {
  @Test func whatMayBeUnknownIsKeptAndForgotten() {
    var status = DownloadStatus()
    #expect(status.size == nil && status.secondsLeft == nil && status.connections == 0)
    #expect(
      status.note == nil && status.failure == nil && status.repair == nil && status.audit == nil
        && status.hold == nil)
    let empty = status
    status.size = 0
    status.secondsLeft = 0
    status.connections = 3
    #expect(status.size == 0 && status.secondsLeft == 0 && status.connections == 3 && status != empty)
    status.note = "again in 3 s"
    status.failure = Failure(.busy, retry: .held(.token), "busy.")
    status.repair = RepairReport()
    status.state = .held
    #expect(status.note == "again in 3 s" && status.repair == RepairReport() && status.hold == .token)
    status.note = nil
    #expect(status.note == nil && status.failure?.sentence == "busy." && status.repair != nil)
    status.failure = nil
    status.repair = nil
    status.state = .waiting
    status.size = nil
    status.secondsLeft = nil
    status.connections = 0
    #expect(status == empty && status.hashValue == empty.hashValue)
  }

  /// It is kept three times for each of perhaps 100,000 rows.
  @Test func itIsSmall() { #expect(MemoryLayout<DownloadStatus>.stride <= 56) }
}
