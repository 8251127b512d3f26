import ParcelCore
import Testing

@testable import ParcelScreen

/// What is shown of files that are done, and of files to which nothing comes.
@Suite struct FinishedTests {
  private func finished(_ columns: Int, _ rows: Int, _ report: FetchReport?) -> Model {
    var model = Fixture.model(columns, rows)
    var status = Fixture.status(.verified, size: 1_210_000_000, received: 1_210_000_000)
    status.transport = nil
    var snapshot = Fixture.snapshot(3)
    snapshot.table = nil
    snapshot.changed = [StatusChange(id: DownloadID(2), status: status)]
    snapshot.detail = Fixture.detail
    snapshot.detail?.segments = []
    snapshot.detail?.fetched = report
    var route = Fixture.udtRoute
    route.history = [0, 0, 5_000_000] + Array(repeating: 0, count: 400)
    snapshot.detail?.route = route
    model.send(.snapshot(snapshot))
    return model
  }

  private let report = FetchReport(
    bytes: 1_210_000_000, seconds: 42, peak: 40_000_000, usedHTTP: true, usedUDT: true)

  @Test(arguments: [(80, 24), (120, 40), (200, 50)])
  func aFinishedFilesDetailSaysWhatWasDone(columns: Int, rows: Int) {
    var model = finished(columns, rows, report)
    for _ in 0..<2 {
      let words = view(model).text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      if columns > 80 || model.page == .detail {
        for part in ["1.21 GB in 42 s", "230 Mbit/s on average", "peak 320 Mbit/s", "http and udt"] {
          #expect(words.contains(part), "\(part) in\n\(view(model).text)")
        }
      }
      #expect(!words.contains("peak 0.00") && !words.contains("over udt "), "\(view(model).text)")
      model.press(.enter)
      // No graph: its time would go on.
      if model.page == .detail { #expect(!view(model).text.contains(" now"), "\(view(model).text)") }
    }
  }

  @Test func whatIsNotKnownIsLeftAway() {
    var model = finished(80, 24, nil)
    model.press(.enter)
    #expect(!view(model).text.contains("fetched"))
    model = finished(80, 24, FetchReport(bytes: 0, seconds: 0, peak: nil, usedHTTP: false, usedUDT: false))
    model.press(.enter)
    #expect(view(model).text.contains("nothing in this run: it was here"))
  }

  @Test func aRowThatGetsNothingSaysThatItWaitsAndForWhat() {
    var model = Fixture.model(120, 40)
    var status = Fixture.status(.running, connections: 1, via: .udt, note: "for the relay")
    model.change([0: status])
    let row = view(model).text.split(separator: "\n").first { $0.contains("ACC") } ?? ""
    #expect(row.contains("◦ waits") && row.contains("for the relay") && !row.contains("Mbit/s"), "\(row)")
    status.note = nil
    model.change([0: status])
    #expect(
      view(model).text.split(separator: "\n").contains { $0.contains("ACC") && $0.contains("▶ running") })
  }

  @Test func onePacketIsNotSeveral() {
    var model = finished(120, 40, nil)
    var status = model.rows.status(DownloadID(2))
    status.state = .running
    var path = PathStatistics()
    path.window = 1
    path.retransmitted = 1
    path.received = 2
    var snapshot = Fixture.snapshot(4)
    snapshot.table = nil
    snapshot.changed = [StatusChange(id: DownloadID(2), status: status)]
    snapshot.detail = Fixture.detail
    snapshot.detail?.route = Fixture.udtRoute
    snapshot.detail?.route?.path = path
    model.send(.snapshot(snapshot))
    model.press(.enter)
    let text = view(model).text
    #expect(
      text.contains(" 1 packet ") && text.contains(" 2 packets") && !text.contains(" 1 packets"), "\(text)")
  }
}
