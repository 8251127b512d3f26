import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelScreen

@Suite struct PreflightPanelTests {
  /// Room, superseded rows, an open token file: from the rules themselves.
  private func report(rowsOnly: Bool = false, remarksOnly: Bool = false) -> PreflightReport {
    var target = TargetFacts(folder: "/data/tcga", existing: "/data/tcga")
    target.free = rowsOnly || remarksOnly ? nil : 210_000_000_000
    let specs = (0..<33).map { index in
      DownloadSpec(
        source: .id("\(index)"), name: Fixture.names[index % 10] + "-\(index)", size: 12_000_000_000,
        successor: index % 8 == 0 && !remarksOnly ? "newer" : nil)
    }
    var facts = PreflightFacts(specs: specs, server: "https://api.example.org/data/", target: target, now: 0)
    var token = TokenFacts(path: "token.txt")
    token.isOpenToOthers = true
    facts.token = token
    return PreflightRules.report(facts)
  }

  private func waiting(_ columns: Int = 80, _ rows: Int = 24) -> Model {
    var model = Fixture.manyRows(33)
    model.send(.resize(Size(columns: columns, rows: rows)))
    return model
  }

  @Test(arguments: [(80, 24), (120, 40), (60, 20)])
  func `the panel says what, which rows and what to do`(columns: Int, rows: Int) {
    var model = waiting(columns, rows)
    model.send(.preflight(report()))
    let difference = Goldens.difference(view(model).text, named: "preflight-\(columns)x\(rows)")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test func `each answer does what it says`() {
    for (key, command) in [
      (Key.character("a"), Command.startAnyway), (.character("s"), .startWithoutBad),
    ] {
      var model = waiting()
      model.send(.preflight(report()))
      #expect(model.context == .preflight)
      #expect(model.send(.key(key)).contains(.perform(command)))
      #expect(model.dialog == nil)
    }
    for key in [Key.escape, .character("n"), .character("q")] {
      var model = waiting()
      model.send(.preflight(report()))
      #expect(model.send(.key(key)).isEmpty)
      #expect(model.dialog == nil && !model.isLeaving)
      #expect(model.notice?.text.contains("Nothing was started") == true)
    }
    // Enter, which was pressed to start, decides nothing by itself.
    var model = waiting()
    model.send(.preflight(report()))
    #expect(model.send(.key(.enter)).isEmpty)
    #expect(model.context == .preflight)
  }

  @Test func `without a row to blame nothing can be left out, and the footer does not offer it`() {
    var model = waiting()
    var target = TargetFacts(folder: "/data", existing: "/data")
    target.free = 1
    let room = PreflightReport(
      PreflightRules.report(
        PreflightFacts(
          specs: [DownloadSpec(source: .id("a"), name: "a", size: 10)], server: "https://x.example/",
          target: target,
          now: 0)
      ).findings)
    model.send(.preflight(room))
    #expect(!model.hints.contains { $0.key == "s" })
    #expect(model.send(.key(.character("s"))).isEmpty)
    #expect(model.context == .preflight)
  }

  @Test func `remarks alone open no panel and are said`() {
    var model = waiting()
    model.send(.preflight(report(remarksOnly: true)))
    #expect(model.dialog == nil)
    #expect(model.notice?.text.contains("token.txt") == true)
  }

  @Test func `what is being typed is finished first`() {
    var model = waiting()
    model.send(.key(.character("a")))
    #expect(model.context == .prompt)
    model.send(.preflight(report()))
    #expect(model.context == .prompt)
    model.send(.key(.escape))
    #expect(model.context == .preflight)
  }

  @Test func `a long list scrolls to its end and not beyond`() {
    var model = waiting(60, 14)
    model.send(.preflight(report()))
    for _ in 0..<50 { model.send(.key(.down)) }
    #expect(view(model).text.contains("chmod 600"))
    for _ in 0..<50 { model.send(.key(.up)) }
    #expect(view(model).text.contains("Room"))
  }
}
