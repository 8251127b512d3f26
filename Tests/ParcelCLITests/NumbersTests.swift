import Testing

@testable import ParcelCLI

struct NumbersTests {
  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (16_000, "16.00 kB"), (999_994, "999.99 kB"),
    (999_996, "1.00 MB"),
    (1_590_000, "1.59 MB"), (812_440_000, "812.44 MB"), (300_000_000_000, "300.00 GB"),
    (Int.max, "9223.37 PB"), (-5, "0 B"),
  ])
  func `bytes are powers of ten with two places`(count: Int, text: String) {
    #expect(PlainNumbers.bytes(count) == text)
  }

  @Test func `a part is in the unit of the whole`() {
    #expect(PlainNumbers.bytes(1_910_000_000, of: 4_230_000_000) == "1.91 of 4.23 GB")
    #expect(PlainNumbers.bytes(5, of: 4_230_000_000) == "0.00 of 4.23 GB")
    #expect(PlainNumbers.bytes(5, of: 10) == "5 of 10 B")
  }

  @Test(arguments: [
    (0.0, "0.00 Mbit/s"), (427_500, "3.42 Mbit/s"), (1_249_000, "9.99 Mbit/s"), (1_249_999, "10.0 Mbit/s"),
    (92_750_000, "742 Mbit/s"), (12_500_000_000, "100000 Mbit/s"), (-1, "0.00 Mbit/s"),
    (.infinity, "0.00 Mbit/s"),
  ])
  func `rates are Mbit per second`(rate: Double, text: String) {
    #expect(PlainNumbers.rate(rate) == text)
  }

  @Test(arguments: [
    (0.0, "0 s"), (9.6, "10 s"), (59.4, "59 s"), (59.6, "1m 00s"), (725, "12m 05s"), (11_520, "3h 12m"),
    (86_400, "1d 00h"),
  ])
  func `durations have at most two units`(seconds: Double, text: String) {
    #expect(PlainNumbers.duration(seconds) == text)
  }

  @Test func `an unknown duration is a dash`() {
    #expect(PlainNumbers.duration(nil) == "–")
    #expect(PlainNumbers.duration(.infinity, ascii: true) == "-")
    #expect(PlainNumbers.duration(.nan, ascii: true) == "-")
  }

  @Test func `only all of it is 100 per cent`() {
    #expect(PlainNumbers.percent(999_999, of: 1_000_000) == 99)
    #expect(PlainNumbers.percent(10, of: 10) == 100)
    #expect(PlainNumbers.percent(0, of: 0) == 0)
  }

  @Test func `columns are counted as a terminal does`() {
    #expect(TextWidth.of("abc") == 3)
    #expect(TextWidth.of("試料") == 4)
    #expect(TextWidth.of("e\u{301}") == 1)
    #expect(TextWidth.of("✔▶‖…█░") == 6)
    #expect(TextWidth.of("🙂") == 2)
  }

  @Test func `a long name loses its middle`() {
    #expect(TextWidth.fit("abcdefghij", 7, mark: "…") == "abc…hij")
    #expect(TextWidth.fit("abcdefghij", 6, mark: "~") == "abc~ij")
    #expect(TextWidth.fit("試料試料試料", 6, mark: "…") == "試 …料")
    #expect(TextWidth.fit("ab", 4, mark: "…") == "ab  ")
    #expect(TextWidth.fit("abc", 1, mark: "…") == "…")
    #expect(TextWidth.fit("abc", 0, mark: "…") == "")
  }

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
