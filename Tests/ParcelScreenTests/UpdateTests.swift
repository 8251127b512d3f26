import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct UpdateTests {
  @Test func spacePausesWhatRunsAndResumesWhatIsPaused() {
    var model = Fixture.model(80, 24)
    #expect(model.press(.character(" ")) == [.perform(.pause([DownloadID(2)]))])
    model.change([2: Fixture.status(.paused)])
    #expect(model.press(.character(" ")) == [.perform(.resume([DownloadID(2)]))])
  }

  @Test func actionsApplyToTheMarkedRowsInTheListsOrder() {
    var model = Fixture.model(80, 24)
    model.press(
      .character("G"), .character("v"), .character("g"), .down, .down, .character("v"), .character("v"))
    #expect(model.list.marked == [DownloadID(9), DownloadID(2), DownloadID(3)])
    #expect(model.press(.character(" ")) == [.perform(.pause([DownloadID(2), DownloadID(3)]))])
    #expect(model.press(.character("r")) == [.perform(.retry([DownloadID(9)]))])
    model.press(.character("x"))
    #expect(model.context == .question)
    #expect(
      model.press(.character("y")) == [.perform(.remove([DownloadID(2), DownloadID(3), DownloadID(9)]))])
    #expect(model.list.marked.isEmpty)
  }

  @Test func removingCanBeRefused() {
    var model = Fixture.model(80, 24)
    model.press(.character("x"))
    #expect(model.press(.character("n")).isEmpty)
    #expect(model.context == .list)
  }

  @Test func pauseAllFollowsThePhase() {
    var model = Fixture.model(80, 24)
    #expect(model.press(.character("p")) == [.perform(.pauseAll)])
    model.phase = .paused
    #expect(model.press(.character("p")) == [.perform(.resumeAll)])
  }

  @Test func quittingAsksOnlyWhileFilesAreRunning() {
    var model = Fixture.model(80, 24)
    #expect(model.press(.character("q")).isEmpty)
    #expect(model.context == .question)
    #expect(model.press(.character("y")) == [.perform(.quit)])
    #expect(model.isLeaving)
    #expect(view(model).text.contains("saving state, then leaving"))
    var idle = Fixture.manyRows(3)
    #expect(idle.press(.character("q")) == [.perform(.quit)])
  }

  @Test(arguments: Context.allCases)
  func controlCSavesAndLeavesFromEverywhereAndTheSecondTimeAtOnce(_ context: Context) {
    var model = Fixture.model(80, 24)
    switch context {
    case .list: break
    case .detail: model.press(.enter)
    case .log: model.press(.character("L"))
    case .help: model.press(.character("?"))
    case .prompt: model.press(.character("o"))
    case .filter: model.press(.character("/"))
    case .question: model.press(.character("x"))
    case .preflight: model.open(BindingTests.longReport)
    }
    #expect(model.context == context)
    #expect(model.press(.control("c")) == [.perform(.quit)])
    #expect(model.press(.control("c")) == [.abandon])
    #expect(model.send(.stopRequested) == [.abandon])
  }

  @Test func promptsBecomeCommands() {
    let cases: [(Character, String, Command)] = [
      ("o", " m.tsv ", .openManifest(path: "m.tsv")), ("K", "t", .setTokenFile(path: "t")),
      ("D", "/out", .setFolder(path: "/out")), ("S", "https://x", .setServer("https://x")),
    ]
    for (key, text, command) in cases {
      var model = Fixture.model(80, 24)
      model.press(.character(key), .control("u"))
      model.type(keys: text)
      #expect(model.press(.enter) == [.perform(command)])
      #expect(model.context == .list)
    }
  }

  @Test func emptyAndCancelledPromptsDoNothing() {
    var model = Fixture.model(80, 24)
    model.press(.character("o"))
    #expect(model.press(.enter).isEmpty)
    model.press(.character("o"))
    model.type(keys: "abc")
    #expect(model.press(.escape).isEmpty)
    #expect(model.context == .list)
  }

  @Test func aPasteIsNeverReadAsKeys() {
    var model = Fixture.model(80, 24)
    #expect(model.send(.paste("https://x/q\nhttps://x/y\n")).isEmpty)
    #expect(model.context == .prompt)
    #expect(model.press(.enter) == [.perform(.add("https://x/q")), .perform(.add("https://x/y"))])
    model.press(.character("x"))
    #expect(model.send(.paste("y")).isEmpty)
    #expect(model.context == .question)
  }

  @Test func tabCompletesWhatAllCandidatesShare() {
    var model = Fixture.model(80, 24)
    model.press(.character("o"))
    model.type(keys: "m")
    #expect(model.press(.tab) == [.complete(path: "m")])
    let found = [
      Completion(path: "manifest-a", isFolder: false), Completion(path: "manifests", isFolder: true),
    ]
    model.send(.completions(for: "other", found))
    guard case .prompt(let unchanged) = model.dialog else { return }
    #expect(unchanged.editor.text == "m")
    model.send(.completions(for: "m", found))
    guard case .prompt(let shared) = model.dialog else { return }
    #expect(shared.editor.text == "manifest" && shared.completions.count == 2)
    model.send(.completions(for: "manifest", [found[1]]))
    guard case .prompt(let single) = model.dialog else { return }
    #expect(single.editor.text == "manifests/" && single.completions.isEmpty)
  }

  @Test func connectionsGoUpAndDownToAdapting() {
    var model = Fixture.model(80, 24)
    #expect(model.press(.character("+")) == [.perform(.setConnections(3))])
    #expect(model.press(.character("+")) == [.perform(.setConnections(4))])
    model.settings.connections = 1
    #expect(model.press(.character("-")) == [.perform(.setConnections(nil))])
  }

  @Test func movingTheSelectionAsksForItsDetailAndForgetsTheOldOne() {
    var model = Fixture.model(120, 40)
    #expect(model.detail?.id == DownloadID(2))
    #expect(model.press(.down) == [.perform(.select(DownloadID(3)))])
    #expect(model.detail == nil)
    var late = Fixture.snapshot(5)
    late.detail = Fixture.detail
    model.send(.snapshot(late))
    #expect(model.detail == nil)
  }

  @Test func aNoticeGoesAwayByItself() {
    var model = Fixture.model(80, 24)
    model.press(.character("f"))
    guard let end = model.nextTick else {
      Issue.record("no notice")
      return
    }
    _ = update(&model, .tick, now: end)
    #expect(model.notice == nil && model.nextTick == nil)
  }

  @Test func aLogThatIsScrolledBackKeepsItsPlace() {
    var log = LogBuffer()
    log.append((0..<3_000).map { LogLine(clock: "", level: .info, text: "\($0)") })
    #expect(log.lines.count == LogBuffer.capacity)
    log.scroll(by: -10, height: 20)
    log.append([LogLine(clock: "", level: .info, text: "new")])
    #expect(log.fromEnd == 11)
    log.scroll(by: 100, height: 20)
    #expect(log.fromEnd == 0)
  }

  @Test func mergedSnapshotsLoseNothing() {
    var first = Fixture.snapshot(1)
    first.transitions = [Transition(id: DownloadID(0), time: .zero, from: .waiting, to: .running)]
    first.removed = [DownloadID(7)]
    var second = Snapshot(time: Instant(seconds: 2), generation: 2)
    second.totals.files = 99
    second.changed = [
      StatusChange(id: DownloadID(2), status: Fixture.status(.paused)),
      StatusChange(id: DownloadID(40), status: Fixture.status(.running)),
    ]
    second.transitions = [Transition(id: DownloadID(0), time: .zero, from: .running, to: .verified)]
    second.log = [LogLine(clock: "1", level: .info, text: "later")]
    second.removed = [DownloadID(8)]
    first.absorb(second)
    #expect(first.generation == 2 && first.totals.files == 99)
    #expect(first.table?.count == 10)
    #expect(first.changed.map(\.id.index) == Array(0..<10) + [40])
    #expect(first.changed[2].status.state == .paused)
    #expect(first.transitions.map(\.to) == [.running, .verified])
    #expect(first.removed == [DownloadID(7), DownloadID(8)])
    #expect(first.log.last?.text == "later" && first.log.count == 4)
  }
}
