import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct ListTests {
  private func selectedLine(_ model: Model) -> Int? { model.list.position.map { $0 - model.list.top } }

  @Test func aHundredThousandRowsAreWalkedToTheirEnd() {
    var model = Fixture.manyRows(100_000)
    #expect(model.list.selected == DownloadID(0))
    model.press(.character("G"))
    #expect(model.list.selected == DownloadID(99_999))
    let text = view(model).text
    #expect(text.contains("file-99999.bam"))
    #expect(text.contains("99,988–100,000 of 100,000"))
    model.press(.pageUp, .up)
    #expect(model.list.selected == DownloadID(99_999 - model.layout.listLines))
    model.press(.character("g"))
    #expect(model.list.top == 0 && model.list.selected == DownloadID(0))
  }

  @Test func theSelectionStaysWhileRowsChange() {
    var model = Fixture.manyRows(1_000)
    for _ in 0..<40 { model.press(.down) }
    let line = selectedLine(model)
    model.change(Dictionary(uniqueKeysWithValues: (0..<900).map { ($0, Fixture.status(.verified)) }))
    #expect(model.list.selected == DownloadID(40))
    #expect(selectedLine(model) == line)
  }

  @Test func hiddenRowsLeaveTheSelectedOneOnItsLine() {
    var model = Fixture.manyRows(1_000)
    for _ in 0..<500 { model.press(.down) }
    model.press(.up, .up, .up)
    let line = selectedLine(model)
    model.press(.character("f"))
    model.change(Dictionary(uniqueKeysWithValues: (0..<400).map { ($0, Fixture.status(.verified)) }))
    #expect(model.list.visible.count == 600)
    #expect(model.list.selected == DownloadID(497))
    #expect(selectedLine(model) == line)
  }

  @Test func theSelectedRowStaysWhenItFinishesAndGoesWhenTheSelectionMovesOn() {
    var model = Fixture.manyRows(10)
    model.press(.character("f"), .down, .down)
    model.change([2: Fixture.status(.verified), 3: Fixture.status(.verified)])
    #expect(model.list.selected == DownloadID(2))
    #expect(model.list.visible.map { Int($0) } == [0, 1, 2, 4, 5, 6, 7, 8, 9])
    model.press(.down)
    #expect(model.list.selected == DownloadID(4))
    #expect(model.list.visible.map { Int($0) } == [0, 1, 4, 5, 6, 7, 8, 9])
    model.press(.character("f"))
    #expect(model.list.visible.count == 10)
    #expect(model.list.selected == DownloadID(4))
  }

  @Test func theFilterWorksAsItIsTypedInBothCases() {
    var model = Fixture.manyRows(1_000)
    model.press(.character("/"))
    model.type(keys: "FILE-99")
    #expect(model.list.visible.map { Int($0) } == [99] + Array(990...999))
    #expect(model.list.selected == DownloadID(99))
    model.press(.enter)
    #expect(model.context == .list)
    model.press(.down)
    #expect(model.list.selected == DownloadID(990))
    model.press(.escape)
    #expect(model.list.visible.count == 1_000)
    #expect(model.list.selected == DownloadID(990))
  }

  @Test func aFilterThatMatchesNothingSaysSoAndEscapeEndsIt() {
    var model = Fixture.manyRows(10)
    model.press(.character("/"))
    model.type(keys: "zzz")
    #expect(model.list.selected == nil)
    #expect(view(model).text.contains("No name contains 'zzz'."))
    model.press(.escape)
    #expect(model.list.visible.count == 10)
    #expect(model.list.selected != nil)
  }

  @Test func removedRowsGoAndTheNextOneIsSelected() {
    var model = Fixture.manyRows(5)
    model.press(.down, .down)
    model.list.marked = [DownloadID(2)]
    var snapshot = Snapshot(time: .zero, generation: 2)
    snapshot.removed = [DownloadID(2)]
    let effects = model.send(.snapshot(snapshot))
    #expect(model.list.visible == [0, 1, 3, 4])
    #expect(model.list.selected == DownloadID(3))
    #expect(model.list.marked.isEmpty)
    #expect(effects == [.perform(.select(DownloadID(3)))])
  }

  @Test func rowsThatAreAddedLeaveTheSelectionAlone() {
    var model = Fixture.manyRows(5)
    model.press(.character("G"))
    var snapshot = Snapshot(time: .zero, generation: 2)
    snapshot.table = (0..<50).map { Fixture.info($0) }
    model.send(.snapshot(snapshot))
    #expect(model.list.selected == DownloadID(4))
    #expect(model.list.visible.count == 50)
    #expect(model.rows.status(DownloadID(0)).size == 100_000_000)
  }
}
