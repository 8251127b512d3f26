import Testing

@testable import ParcelCLI

struct NumbersTests {
  @Test func `bars have eighths of a column and are never fuller than the part`() {
    let style = PlainStyle(color: false, unicode: true)
    #expect(style.bar(0, of: 10, 4) == "░░░░")
    #expect(style.bar(10, of: 10, 4) == "████")
    #expect(style.bar(5, of: 16, 2) == "▋░")
    #expect(style.bar(20, of: 10, 2) == "██")
    #expect(style.bar(1, of: 0, 2) == "░░")
    #expect(PlainStyle(color: false, unicode: false).bar(1, of: 2, 6) == "[##..]")
  }

  @Test func `colours and glyphs follow options, NO_COLOR, TERM and the locale`() {
    func style(_ environment: [String: String], ascii: Bool = false, noColor: Bool = false) -> PlainStyle {
      PlainStyle(ascii: ascii, noColor: noColor) { environment[$0] }
    }
    #expect(style(["LANG": "de_DE.UTF-8"]) == PlainStyle(color: true, unicode: true))
    #expect(style(["LANG": "de_DE.UTF-8", "LC_ALL": "C"]).unicode == false)
    #expect(style(["LC_CTYPE": "C.utf8", "LANG": "C"]).unicode)
    #expect(style([:]).unicode == false)
    #expect(style(["LANG": "C.UTF-8"], ascii: true).unicode == false)
    #expect(style(["NO_COLOR": "1"]).color == false)
    #expect(style(["NO_COLOR": ""]).color)
    #expect(style(["TERM": "dumb"]).color == false)
    #expect(style([:], noColor: true).color == false)
  }
}
