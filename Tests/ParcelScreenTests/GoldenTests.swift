import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelScreen

/// Whole screens in characters. `PARCEL_UPDATE_GOLDENS=1` writes them anew.
@Suite struct GoldenTests {
  private func expect(_ model: Model, _ name: String) {
    let difference = Goldens.difference(view(model).text, named: name)
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test(arguments: [(80, 24), (120, 40), (180, 40), (60, 20), (40, 10)])
  func aRunInProgress(_ columns: Int, _ rows: Int) {
    expect(Fixture.model(columns, rows), "running-\(columns)x\(rows)")
  }

  @Test func aRunInASCII() { expect(Fixture.model(80, 24, charset: .ascii), "running-ascii-80x24") }

  @Test func aTerminalThatIsTooSmall() { expect(Fixture.model(39, 12), "too-small-39x12") }

  @Test func anEmptySessionSaysWhichKeysToPress() {
    var model = Model(size: Size(columns: 80, rows: 24))
    model.send(.snapshot(Snapshot(time: .zero, generation: 1)))
    expect(model, "empty-80x24")
  }

  @Test func aLoadedSessionWaitsForEnter() {
    var model = Fixture.manyRows(33)
    model.settings.title = "demo-manifest.tsv"
    expect(model, "ready-80x24")
  }

  @Test func everythingVerified() {
    var model = Fixture.model(80, 24)
    var snapshot = Fixture.snapshot(3)
    snapshot.phase = .finished
    snapshot.changed = (0..<10).map { index in
      StatusChange(
        id: DownloadID(index),
        status: Fixture.status(.verified, received: 100_000_000, hashed: 100_000_000, via: .http))
    }
    snapshot.totals = Totals()
    snapshot.totals.files = 10
    snapshot.totals.done = 10
    snapshot.totals.verified = 10
    snapshot.totals.bytes = 1_000_000_000
    snapshot.totals.received = 1_000_000_000
    snapshot.totals.verifiedBytes = 1_000_000_000
    snapshot.totals.history = Fixture.history
    model.send(.snapshot(snapshot))
    expect(model, "finished-80x24")
  }

  @Test(arguments: [(80, 24), (120, 40)])
  func theDetailOfAFile(_ columns: Int, _ rows: Int) {
    var model = Fixture.model(columns, rows)
    model.press(.enter)
    expect(model, "detail-\(columns)x\(rows)")
  }

  @Test func theDetailOfAnErrorHasItsSentenceAndRemedy() {
    var model = Fixture.model(80, 24)
    model.press(.down, .down, .down)
    var snapshot = Fixture.snapshot(4)
    snapshot.detail = DownloadDetail(id: DownloadID(5), target: "out/c3df46a7/TCGA.DLBC.maf.gz")
    model.send(.snapshot(snapshot))
    model.press(.enter)
    expect(model, "detail-error-80x24")
  }

  @Test(arguments: [(80, 24), (120, 40)])
  func theHelp(_ columns: Int, _ rows: Int) {
    var model = Fixture.model(columns, rows)
    model.press(.character("?"))
    expect(model, "help-\(columns)x\(rows)")
  }

  @Test func theLog() {
    var model = Fixture.model(80, 24)
    model.press(.character("L"))
    expect(model, "log-80x24")
  }

  @Test func aPromptWithCompletions() {
    var model = Fixture.model(80, 24)
    model.press(.character("o"))
    model.type(keys: "man")
    model.send(
      .completions(
        for: "man",
        [Completion(path: "manifest-a.tsv", isFolder: false), Completion(path: "manifests", isFolder: true)]))
    expect(model, "prompt-80x24")
  }

  @Test func quittingAsksWhileFilesAreRunning() {
    var model = Fixture.model(40, 10)
    model.press(.character("q"))
    expect(model, "quit-40x10")
  }

  @Test func anInsecureSessionSaysSoOnEveryPage() {
    for page in [Model.Page.list, .detail, .log, .help] {
      for (columns, rows) in [(40, 10), (80, 24), (120, 40)] {
        var model = Fixture.model(columns, rows)
        model.settings.insecure = true
        model.page = page
        let frame = view(model)
        let row = frame.text.split(separator: "\n").firstIndex { $0.contains("INSECURE") }
        #expect(row != nil, "\(page) \(columns)x\(rows)")
        let isRed = frame.cells.contains { $0.style.role == .bad && $0.style.isReverse }
        #expect(isRed)
      }
    }
  }

  @Test func everySizeIsDrawnWithoutTrouble() {
    for columns in stride(from: 1, through: 200, by: 7) {
      for rows in stride(from: 1, through: 60, by: 3) {
        for page in [Model.Page.list, .detail, .log, .help] {
          var model = Fixture.model(columns, rows)
          model.page = page
          #expect(view(model).cells.count == columns * rows)
          model.press(.character("o"))
          _ = view(model)
        }
      }
    }
  }
}
