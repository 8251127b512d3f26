import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct BindingTests {
  @Test func noKeyMeansTwoThingsInOneContext() {
    for context in Context.allCases {
      var seen: [Key: Intent] = [:]
      for binding in Bindings.bindings(in: context) {
        for key in binding.keys {
          #expect(seen[key] == nil, "\(key.name) in \(context)")
          seen[key] = binding.intent
        }
      }
    }
  }

  @Test func everyIntentHasAKey() {
    for intent in Intent.allCases { #expect(!Bindings.key(for: intent).isEmpty, "\(intent)") }
  }

  @Test func theReadmesTableHasEveryBinding() {
    let text = Bindings.markdown()
    for binding in Bindings.table {
      #expect(text.contains(binding.help))
      for key in binding.keys { #expect(text.contains("`\(key.name)`")) }
    }
  }

  @Test func theHelpShowsEveryBinding() {
    var model = Fixture.model(120, 200)
    model.press(.character("?"))
    let text = view(model).text
    for binding in Bindings.table { #expect(text.contains(binding.keyNames), "\(binding.keyNames)") }
  }

  /// A model where every key of `context` can do something.
  private func model(in context: Context) -> Model {
    var model = Fixture.model(80, 24)
    var log = Snapshot(time: .zero, generation: 9)
    log.phase = .running
    log.totals = Fixture.totals
    log.log = (0..<100).map { LogLine(clock: "14:00:00", level: .info, text: "line \($0)") }
    model.send(.snapshot(log))
    switch context {
    case .list:
      model.press(.character("v"))
      model.list.marked.insert(DownloadID(5))
    case .detail:
      model.detail?.digests += (0..<30).compactMap { _ in
        Digest(.md5, hex: String(repeating: "ab", count: 16), source: .reprDigest)
      }
      model.press(.right, .down)
      model.list.marked = [DownloadID(2), DownloadID(5)]
    case .log: model.press(.character("L"), .pageUp)
    case .help: model.press(.character("?"), .down)
    case .prompt:
      model.press(.character("o"))
      model.type(keys: "abc")
      model.press(.left)
    case .filter:
      model.press(.character("/"))
      model.type(keys: "TCGA")
      model.press(.left)
    case .question: model.press(.character("x"))
    case .preflight:
      model.open(Self.longReport)
      model.press(.pageDown, .up, .up)
    }
    return model
  }

  /// A problem of its own for each of many files.
  static var longReport: PreflightReport {
    let states = ["cancelled", "deleted", "draft", "error", "killed", "private", "redacted", "suppressed"]
    let specs = states.map { DownloadSpec(source: .id($0), name: $0, size: 1, release: $0) }
    let target = TargetFacts(folder: "/data", existing: "/data")
    return PreflightRules.report(
      PreflightFacts(specs: specs, server: "https://x.example/", target: target, now: 0))
  }

  @Test(arguments: Context.allCases)
  func everyKeyInTheTableLeadsSomewhere(_ context: Context) {
    let start = model(in: context)
    #expect(start.context == context)
    let before = view(start)
    for binding in Bindings.bindings(in: context) {
      for key in binding.keys {
        var model = start
        let effects = model.press(key)
        let after = view(model)
        let moved = before.cells != after.cells || before.cursor != after.cursor
        #expect(!effects.isEmpty || moved, "\(key.name) in \(context)")
        #expect(model.notice?.role != .warning, "\(key.name) in \(context): \(model.notice?.text ?? "")")
      }
    }
  }

  @Test func theFooterShowsOnlyKeysOfTheTableThatWorkNow() {
    for context in Context.allCases {
      let model = model(in: context)
      let table = Bindings.bindings(in: context)
      #expect(!model.hints.isEmpty)
      for hint in model.hints {
        let binding = table.first { $0.keys.first?.name == hint.key }
        #expect(binding != nil)
        if let binding { #expect(model.obstacle(binding.intent) == nil) }
      }
    }
  }

  @Test func aDisabledKeySaysWhy() {
    var model = Model(size: Size(columns: 80, rows: 24))
    let effects = model.press(.character(" "))
    #expect(effects.isEmpty)
    #expect(model.notice?.text == "The list is empty: o opens a manifest, a adds a URL or id.")
    #expect(!model.hints.contains { $0.key == "Space" })
    #expect(view(model).text.contains("The list is empty"))
  }

  @Test func labelsSayWhatAKeyDoesNow() {
    var model = Fixture.model(120, 40)
    #expect(model.hints.first { $0.key == "Space" }?.label == "pause")
    model.press(.down, .down)
    #expect(model.hints.first { $0.key == "Space" }?.label == "resume")
    var ready = Fixture.manyRows(3)
    #expect(ready.hints.first { $0.key == "Enter" }?.label == "start")
    #expect(ready.press(.enter) == [.perform(.start)])
  }
}
