import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct RepairViewTests {
  private func model(_ state: DownloadState) -> Model {
    var model = Fixture.model(80, 24)
    var status = Fixture.status(state, size: 40_000_000, received: 40_000_000)
    var report = RepairReport()
    report.round = 1
    report.step = .server
    report.bad = [ByteRange(20 << 20, 21 << 20)]
    report.fetched = 1 << 20
    status.repair = report
    model.change([2: status])
    model.press(.enter)
    return model
  }

  @Test func aRepairSaysWhatItDoesAndAfterwardsWhatItDid() {
    let during = view(model(.repairing)).text
    #expect(
      during.contains("comparing parts with the server's digests, round 1 of 2; 1 bad block"), "\(during)")
    for state in [DownloadState.verified, .complete] {
      let after = view(model(state)).text
      #expect(after.contains("repaired 1 bad block (20), 1.05 MB fetched again"), "\(after)")
    }
    #expect(view(model(.failed)).text.contains("repair   stopped, round 1 of 2; 1 bad block (20)"))
  }

  /// It is merged from several snapshots when the screen is slow.
  @Test func noRepairIsLostBetweenTwoLooks() {
    var older = Fixture.snapshot(1)
    older.repairs = [RepairChange(id: DownloadID(2), time: .zero, report: RepairReport())]
    older.absorb(Fixture.snapshot(2))
    #expect(older.repairs.count == 1)
  }
}
