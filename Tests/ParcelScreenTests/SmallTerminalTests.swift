import ParcelCore
import Testing

@testable import ParcelScreen

/// Panels in terminals that are too low, too narrow or too small: nothing disappears without a sign.
@Suite struct SmallTerminalTests {
  private static let sizes = [(80, 24), (60, 16), (40, 10), (20, 5), (10, 3), (1, 1), (300, 4), (5, 80)]

  private func panels() -> [(name: String, model: Model)] {
    let base = Fixture.model(80, 24)
    func with(_ change: (inout Model) -> Void) -> Model {
      var model = base
      change(&model)
      return model
    }
    return [
      ("help", with { $0.press(.character("?")) }), ("add", with { $0.press(.character("a")) }),
      (
        "token",
        with {
          $0.press(.character("N"))
          $0.type(keys: String(repeating: "SECRET", count: 20))
        }
      ),
      ("preflight", with { $0.open(BindingTests.longReport, PreflightCheck(number: 1, files: 10)) }),
      ("detail", with { $0.press(.enter) }), ("log", with { $0.press(.character("L")) }),
      ("quit", with { $0.press(.character("q")) }),
      ("remove", with { $0.press(.character("x")) }),
    ]
  }

  @Test func everyPanelCanBeDrawnAtEverySizeAndResizedWhileItIsOpen() {
    for (name, start) in panels() {
      var model = start
      for (columns, rows) in Self.sizes + Self.sizes.reversed() {
        model.send(.resize(Size(columns: columns, rows: rows)))
        let text = view(model).text
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == rows, "\(name)")
        #expect(!text.contains("SECRET"))
      }
      #expect(view(model).text == view(start).text, "\(name)")
    }
  }

  /// The keys that answer stand somewhere down to 20x5.
  @Test(arguments: [(80, 24), (60, 16), (40, 10), (20, 5)])
  func whatIsAskedCanBeAnswered(columns: Int, rows: Int) {
    let wanted = [
      "help": ["Esc back"], "add": ["Enter done", "Esc cancel"], "token": ["Enter done", "Esc cancel"],
      "preflight": ["e start all", "Esc cancel"], "quit": ["y yes", "n no"], "remove": ["y yes", "n no"],
    ]
    for (name, start) in panels() {
      var model = start
      model.send(.resize(Size(columns: columns, rows: rows)))
      let text = view(model).text.split(separator: "\n").joined(separator: " ")
      for words in wanted[name] ?? [] { #expect(text.contains(words), "\(name): \(words) in\n\(text)") }
    }
  }

  @Test func aLineThatIsTypedIsSeenWhereNothingElseFits() {
    var model = Fixture.model(20, 5)
    model.press(.character("a"))
    model.type(keys: "https://example.org/the-end")
    let frame = view(model)
    #expect(frame.text.contains("org/the-end"))
    #expect(frame.cursor != nil)
    model.press(.escape, .character("N"))
    model.type(keys: "SECRET")
    #expect(view(model).text.contains("******") && !view(model).text.contains("SECRET"))
  }

  @Test func whatDoesNotFitEndsWithASign() {
    var model = Fixture.model(40, 10)
    model.press(.character("N"))
    #expect(view(model).text.contains("it is k…"))
    model.press(.escape, .character("a"))
    model.type(keys: String(repeating: "a", count: 60))
    model.press(.home)
    #expect(view(model).text.contains("aaaa…"))
    // A question longer than its place.
    var long = Fixture.model(40, 10)
    long.press(.character("x"))
    let words = view(long).text
    #expect(words.contains("stays on disk.") || words.contains("…"))
  }

  @Test func theHelpIsWholeWhereItIsNarrow() {
    var model = Fixture.model(40, 10)
    model.press(.character("?"))
    var seen = ""
    for _ in 0..<200 {
      seen += view(model).text
      model.press(.down)
    }
    #expect(seen.contains("problem of their own"))
    #expect(
      !model.helpLines.contains { row in
        row.cells.contains { if case .key(_, let text) = $0 { text.contains("…") } else { false } }
      })
  }
}
