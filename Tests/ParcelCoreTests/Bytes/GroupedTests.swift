import ParcelCore
import Testing

@Suite struct GroupedTests {
  @Test func thousandsAreGrouped() {
    #expect(
      [0, 999, 1000, 1_234_567, -1000].map(Grouped.text) == ["0", "999", "1,000", "1,234,567", "-1,000"])
  }

  @Test func linesStayAndNothingElseCanSteerATerminal() {
    #expect(Printable.lines("one\ntwo\u{1B}[2J\n") == "one\ntwo\u{241B}[2J\n")
  }
}
