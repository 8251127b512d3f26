import ParcelCore
import Testing

@testable import ParcelScreen

@Suite struct TextTests {
  @Test func widthsFollowTheTerminal() {
    #expect(Charset.unicode.width("maf.gz") == 6)
    #expect(Charset.unicode.width("日本語") == 6)
    #expect(Charset.unicode.width("e\u{301}") == 1)
    #expect(Charset.unicode.width("résumé–…") == 8)
    #expect(Charset.unicode.width("⣿█▏─") == 4)
  }

  @Test func nothingStrangeReachesTheTerminal() {
    let hostile =
      "a\u{1B}[31m\u{07}\n\r\t\u{7F}\u{9B}\u{202E}b\u{200B}\u{2066}\u{FEFF}\u{AD}\u{2028}\u{E000}c"
    var frame = Frame(size: Size(columns: 40, rows: 1))
    frame.put(hostile, 0, 0)
    for cell in frame.cells {
      for value in frame.scalars(cell) {
        let scalar = Unicode.Scalar(value)
        #expect(value >= 0x20 && !(0x7F...0x9F).contains(value), "\(value)")
        #expect(scalar?.properties.generalCategory != .format, "\(value)")
        #expect(scalar?.properties.generalCategory != .privateUse, "\(value)")
      }
    }
    #expect(frame.text(row: 0).hasPrefix("a\u{FFFD}[31m\u{FFFD}"))
    #expect(frame.text(row: 0).hasSuffix("c"))
  }

  @Test func anASCIITerminalGetsASCIIOnly() {
    for model in [Fixture.model(80, 24, charset: .ascii), Fixture.model(120, 40, charset: .ascii)] {
      for page in [Model.Page.list, .detail, .log, .help] {
        var model = model
        model.page = page
        #expect(view(model).cells.allSatisfy { $0.code >= 0x20 && $0.code < 0x7F })
      }
    }
    var frame = Frame(size: Size(columns: 20, rows: 1), charset: .ascii)
    frame.put("日本e\u{301}é", 0, 0)
    #expect(frame.text(row: 0) == "??e?")
  }

  @Test func manyMarksOnACharacterAreCut() {
    var frame = Frame(size: Size(columns: 5, rows: 1))
    frame.put("a" + String(repeating: "\u{301}", count: 500) + "b", 0, 0)
    #expect(frame.clusters.count == 1)
    #expect(frame.clusters[0].count <= 4)
    #expect(frame[0, 1].code == 0x62)
  }

  @Test func halfAWideCharacterNeverStays() {
    var frame = Frame(size: Size(columns: 6, rows: 1))
    frame.put("日本", 0, 0)
    frame.put("x", 0, 1)
    #expect(frame.text(row: 0) == " x本")
    frame.put("y", 0, 2)
    #expect(frame.text(row: 0) == " xy")
  }

  @Test func drawingOutsideIsClipped() {
    var frame = Frame(size: Size(columns: 4, rows: 2))
    frame.put("abcdef", 0, 2)
    frame.put("x", 5, 0)
    frame.put("x", -1, 0)
    frame.set(0, -3, "x", .plain)
    frame.fill(1, 2, 99, "-", .plain)
    frame.put("日", 1, 3)
    #expect(frame.text == "  ab\n  --")
  }

  @Test func longNamesKeepBeginningAndKind() {
    let name = "TCGA.ACC.mutect.abbe72a5-adf8-4f17.somatic.maf.gz"
    #expect(Charset.unicode.clipMiddle(name, to: 30) == "TCGA.ACC.mutect.abbe72….maf.gz")
    for width in 0...60 {
      #expect(Charset.unicode.width(Charset.unicode.clipMiddle(name, to: width)) <= width)
      #expect(Charset.unicode.width(Charset.unicode.clipMiddle("日本語の長い名前のファイル.bam", to: width)) <= width)
      #expect(Charset.unicode.width(Charset.unicode.clipEnd("日本語の長い名前", to: width)) <= width)
    }
  }

  @Test func rowsOfOneServerAreToldApart() {
    let charset = Charset.unicode
    let urls = (1...3).map { "https://data.example.org/projects/tcga/2026/sample-\($0)/reads.bam" }
    #expect(charset.clipName(urls[0], to: 30) == "…/tcga/2026/sample-1/reads.bam")
    #expect(Set(urls.map { charset.clipName($0, to: 30) }).count == 3)
    #expect(charset.clipName(urls[0], to: 100) == urls[0])
    let long = "https://data.example.org/TCGA.ACC.mutect.abbe72a5-adf8-4f17.somatic.maf.gz"
    #expect(charset.clipName(long, to: 30) == "TCGA.ACC.mutect.abbe72….maf.gz")
    #expect(charset.clipName("https://data.example.org/a/folder/", to: 20) == "…/a/folder/")
    #expect(Charset.ascii.clipName(urls[1], to: 24) == "~/sample-2/reads.bam")
    // Any other name as before.
    #expect(charset.clipName("TCGA.ACC.mutect.abbe72a5-adf8-4f17.somatic.maf.gz", to: 30).hasPrefix("TCGA"))
    for text in urls + [long, "https://h/", "http://日本語.example/日本語の長い名前のファイル"] {
      for width in 0...80 { #expect(charset.width(charset.clipName(text, to: width)) <= width) }
    }
  }

  @Test func textIsWrappedAtSpaces() {
    #expect(Charset.unicode.wrap("one two three", to: 7) == ["one two", "three"])
    #expect(Charset.unicode.wrap("abcdefghij", to: 4) == ["abcd", "efgh", "ij"])
    #expect(Charset.unicode.wrap("日本語", to: 1) == [])
  }

  @Test func plainOutputShowsWhatAFrameWouldShow() {
    #expect(Charset.unicode.text("a\u{202E}日e\u{301}") == "a\u{FFFD}日e\u{301}")
    #expect(Charset.ascii.text("✔ 日é…") == "+ ??~")
    #expect(Charset.unicode.fit("ab", 4) == "ab  ")
    #expect(Charset.unicode.fit("日本語日本語", 6) == "日本… ")
    #expect(Charset.ascii.fit("abcdefghij", 7) == "abcdef~")
    #expect(Charset.unicode.right("日", 4) == "  日")
  }
}
