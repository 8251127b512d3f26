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
    model.open(report())
    let difference = Goldens.difference(view(model).text, named: "preflight-\(columns)x\(rows)")
    #expect(difference == nil, "\(difference ?? "")")
  }

  @Test func `each answer does what it says`() {
    for (key, answer) in [
      (Key.character("e"), PreflightAnswer.startAll), (.character("s"), .startWithoutBad),
      (.escape, .startNothing), (.character("n"), .startNothing), (.character("q"), .startNothing),
    ] {
      var model = waiting()
      model.open(report(), PreflightCheck(number: 7, files: 33))
      #expect(model.context == .preflight)
      #expect(model.send(.key(key)) == [.perform(.answer(check: 7, answer))])
      #expect(model.dialog == nil && !model.isLeaving)
      if answer == .startNothing { #expect(model.notice?.text.contains("Nothing was started") == true) }
    }
    // Enter, which was pressed to start, decides nothing by itself; nor does the key that adds files.
    for key in [Key.enter, .character("a")] {
      var model = waiting()
      model.open(report())
      #expect(model.send(.key(key)).isEmpty)
      #expect(model.context == .preflight)
    }
  }

  @Test func `keys typed ahead decide nothing, and those that follow them closely neither`() {
    for key in Bindings.bindings(in: .preflight).filter({ !$0.label.isEmpty }).flatMap(\.keys) {
      var model = waiting()
      model.send(.preflight(report(), PreflightCheck(number: 1, files: 33)), at: 10)
      for time in [10, 10.5, 10.9, 11.1, 11.3] {
        #expect(model.send(.key(key), at: time).isEmpty, "\(key.name) at \(time)")
        #expect(model.context == .preflight)
        #expect(model.notice?.text.contains("nothing is decided") == true)
      }
      #expect(model.send(.key(key), at: 11.8).count == 1)
      #expect(model.dialog == nil)
    }
    // Reading and leaving need no waiting.
    var model = waiting(60, 14)
    model.send(.preflight(report(), PreflightCheck(number: 1, files: 33)), at: 10)
    let before = view(model).text
    model.send(.key(.down), at: 10)
    #expect(view(model).text != before)
    #expect(model.send(.key(.control("c")), at: 10) == [.perform(.quit)])
  }

  @Test func `a panel that waited for something else to end is deaf from the moment it is shown`() {
    var model = waiting()
    model.send(.key(.character("o")), at: 10)
    model.send(.preflight(report(), PreflightCheck(number: 1, files: 33)), at: 10)
    model.send(.key(.escape), at: 20)
    #expect(model.context == .preflight)
    #expect(model.send(.key(.character("e")), at: 20.5).isEmpty)
    #expect(model.context == .preflight)
  }

  @Test func `added rows are named as such, several checks are asked about one after the other`() {
    var model = waiting()
    model.open(report(), PreflightCheck(number: 4, files: 3, isAddition: true))
    model.send(.preflight(report(rowsOnly: true), PreflightCheck(number: 5, files: 33, isAddition: true)))
    #expect(view(model).text.contains("Before 3 added files: 2 problems, 1 remark"))
    #expect(model.send(.key(.escape), at: 5) == [.perform(.answer(check: 4, .startNothing))])
    #expect(model.notice?.text.contains("3 added files left the list again") == true)
    #expect(view(model).text.contains("Before 33 added files: 1 problem, 1 remark"))
    #expect(model.send(.key(.character("s")), at: 9) == [.perform(.answer(check: 5, .startWithoutBad))])
    #expect(model.dialog == nil)
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
    model.open(room)
    #expect(!model.hints.contains { $0.key == "s" })
    #expect(model.send(.key(.character("s"))).isEmpty)
    #expect(model.context == .preflight)
  }

  @Test func `remarks alone open no panel and are said`() {
    var model = waiting()
    model.open(report(remarksOnly: true))
    #expect(model.dialog == nil)
    #expect(model.notice?.text.contains("token.txt") == true)
  }

  @Test func `what is being typed is finished first`() {
    var model = waiting()
    model.send(.key(.character("a")))
    #expect(model.context == .prompt)
    model.open(report())
    #expect(model.context == .prompt)
    model.send(.key(.escape))
    #expect(model.context == .preflight)
  }

  @Test func `a long list scrolls to its end and not beyond`() {
    var model = waiting(60, 14)
    model.open(report())
    for _ in 0..<50 { model.send(.key(.down)) }
    #expect(view(model).text.contains("chmod 600"))
    for _ in 0..<50 { model.send(.key(.up)) }
    #expect(view(model).text.contains("Room"))
  }
}
