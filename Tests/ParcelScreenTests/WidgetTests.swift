import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct WidgetTests {
  private func bar(_ width: Int, hashed: Int, received: Int, whole: Int) -> String {
    var frame = Frame(size: Size(columns: width, rows: 1))
    Bars.draw(&frame, 0, 0, width: width, hashed: hashed, received: received, whole: whole, style: .accent)
    return frame.text
  }

  @Test func barsCountEighthsOfACell() {
    #expect(bar(4, hashed: 0, received: 0, whole: 32) == "░░░░")
    #expect(bar(4, hashed: 9, received: 9, whole: 32) == "█▏░░")
    #expect(bar(4, hashed: 20, received: 20, whole: 32) == "██▌░")
    #expect(bar(4, hashed: 32, received: 32, whole: 32) == "████")
  }

  @Test func onlyEverythingFillsABarAndSomethingAlwaysShows() {
    #expect(bar(4, hashed: 999_999, received: 999_999, whole: 1_000_000) == "███▉")
    #expect(bar(4, hashed: 1, received: 1, whole: 1_000_000) == "▏░░░")
  }

  @Test func receivedAndHashedHaveTheirOwnGlyphs() {
    #expect(bar(8, hashed: 25, received: 75, whole: 100) == "██▓▓▓▓░░")
    #expect(bar(8, hashed: 0, received: 100, whole: 100) == "▓▓▓▓▓▓▓▓")
  }

  @Test func theMapShowsEveryStage() {
    let segment = SegmentStatus(
      range: ByteRange(60, 80), received: 0, rate: 0, age: 1, retries: 0, activity: .receiving,
      transport: .http)
    let parts = BlockMap.parts(
      size: 100, hashed: 20, stored: [ByteRange(0, 50)], segments: [segment], width: 10)
    #expect(String(String.UnicodeScalarView(parts.map(\.glyph))) == "██▓▓▓░▒▒░░")
    #expect(BlockMap.parts(size: 0, hashed: 0, stored: [], segments: [], width: 3).count == 3)
    #expect(BlockMap.parts(size: 2, hashed: 2, stored: [], segments: [], width: 5).count == 5)
  }

  @Test func aNewSecondChangesOnlyTheLastColumnOfAGraph() {
    let history = (0..<100).map { Double($0 * 37 % 11) }
    let before = Graph.columns(history, columns: 40, span: 3)
    let after = Graph.columns(history + [5], columns: 40, span: 3)
    #expect(before.dropLast().suffix(20) == after.dropLast(after.count == before.count ? 1 : 2).suffix(20))
    #expect(Graph.columns(history, columns: 40, span: 3).count == 34)
  }

  @Test func graphColumnsAreMeans() {
    #expect(Graph.columns([1, 2, 3, 4], columns: 10, span: 2) == [1.5, 3.5])
    #expect(Graph.columns([1, 2, 3, 4, 9], columns: 10, span: 2) == [1.5, 3.5, 9])
    #expect(Graph.columns([1, 2, 3, 4], columns: 1, span: 2) == [3.5])
    #expect(Graph.columns([], columns: 10, span: 2) == [])
  }

  @Test func scalesAreRoundNumbers() {
    #expect(
      [0, 0.3, 1, 1.1, 5, 7.9, 8.1, 742, 1001].map(Graph.ceiling) == [1, 1, 1, 2, 6, 8, 10, 800, 2000])
    #expect(Graph.ceiling(.infinity) == 1)
  }

  @Test func aGraphFillsFromTheBottomAndEndsAtTheRight() {
    var frame = Frame(size: Size(columns: 4, rows: 2))
    Graph.draw(&frame, frame.bounds, values: [2, 4, 6, 8], top: 8, style: .accent)
    #expect(frame.text == "   ⣼\n  ⣼⣿")
  }

  @Test func theSpanGrowsWithTheRun() {
    #expect(Graph.span(seconds: 60, columns: 100) == 1)
    #expect(Graph.span(seconds: 101, columns: 100) == 2)
    #expect(Graph.span(seconds: 3_600, columns: 20) == 30)
  }

  @Test func aLineIsEditedAtItsCursor() {
    var editor = LineEditor("/data/old")
    editor.deleteWord()
    #expect(editor.text == "/data/")
    editor.insert("neu\n\t.tsv\u{1B}")
    #expect(editor.text == "/data/neu .tsv")
    editor.moveHome()
    editor.deleteForward()
    editor.moveRight()
    editor.insert("é")
    #expect(editor.text == "déata/neu .tsv")
    editor.deleteBackward()
    editor.moveEnd()
    editor.moveLeft()
    editor.deleteToStart()
    #expect(editor.text == "v")
    editor.deleteBackward()
    #expect(editor.text == "v" && editor.cursor == 0)
  }
}
