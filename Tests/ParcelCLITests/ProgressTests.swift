import ParcelCore
import Testing

@testable import ParcelCLI

private let plain = PlainStyle(color: false, unicode: true)
private let ascii = PlainStyle(color: false, unicode: false)

struct LiveListTests {
  private func fold() -> RunFold {
    var fold = RunFold()
    fold.apply(Script.middle().snapshot)
    return fold
  }

  @Test(arguments: [200, 120, 80, 70, 60, 40, 20])
  func `lines fit the terminal and look as drawn`(columns: Int) {
    let lines = LiveList(style: plain, columns: columns, rows: 24).lines(fold())
    for line in lines { #expect(Charset.unicode.width(line) < columns, "\(line)") }
    expectGolden(lines.joined(separator: "\n") + "\n", "live-\(columns).txt")
  }

  @Test func `ASCII lines have no other character`() {
    let lines = LiveList(style: ascii, columns: 80, rows: 24).lines(fold())
    expectGolden(lines.joined(separator: "\n") + "\n", "live-ascii.txt")
    let nameless = lines.filter { !$0.contains("Proben") }
    #expect(nameless.joined().utf8.allSatisfy { $0 < 128 })
  }

  @Test(arguments: 1...200) func `no width makes a line too wide or stops the program`(columns: Int) {
    var fold = fold()
    var script = Script.middle().script
    script.totals.failed = 3
    script.settings.insecure = true
    fold.apply(script.snapshot(at: 6))
    for style in [plain, ascii] {
      for line in LiveList(style: style, columns: columns, rows: 24).lines(fold) {
        #expect(Charset.unicode.width(line) <= max(1, columns - 1), "\(columns): \(line)")
      }
    }
  }

  @Test func `a low terminal shows what fits and says how many do not`() {
    let lines = LiveList(style: plain, columns: 80, rows: 5).lines(fold())
    #expect(lines.count == 4)
    #expect(lines[2] == "  … and 2 more")
    #expect(LiveList(style: plain, columns: 80, rows: 1).lines(fold()).count == 1)
  }

  @Test func `insecure stays in the total line at every width that has room for it, in red`() {
    var (script, first) = Script.middle()
    var fold = RunFold()
    fold.apply(first)
    script.settings.insecure = true
    first = script.snapshot(at: 6)
    fold.apply(first)
    for columns in [30, 40, 80, 120] {
      let total = LiveList(style: PlainStyle(color: true, unicode: true), columns: columns, rows: 9).lines(
        fold
      ).last
      #expect(total?.hasSuffix("\u{1B}[1;31mINSECURE\u{1B}[0m") == true)
    }
  }

  @Test func `control characters in a name do not reach the terminal`() {
    var script = Script(names: ["a\u{1B}[2Jb\u{9B}c\nd"], sizes: [10])
    script.go(0, .opening)
    script.go(0, .running)
    var fold = RunFold()
    let snapshot = script.snapshot(at: 0)
    fold.apply(snapshot)
    let lines =
      LiveList(style: plain, columns: 80, rows: 9).lines(fold)
      + fold.lines(for: snapshot, .normal).map { $0.plain() }
    #expect(lines.count == 3)
    for line in lines {
      #expect(line.unicodeScalars.allSatisfy { $0.value >= 32 && !(0x7F...0x9F).contains($0.value) })
    }
  }
}

struct PipeTests {
  /// A whole run into a pipe, standard error's lines marked with `2>`.
  private func transcript(_ verbosity: Verbosity) -> String {
    var progress = PlainProgress(medium: .pipe, style: plain, verbosity: verbosity)
    var text = ""
    func show(_ snapshot: Snapshot) {
      let output = progress.show(snapshot, columns: 80, rows: 24)
      text += output.out
      for line in output.err.split(separator: "\n") { text += "2> \(line)\n" }
    }
    var script = Script()
    show(script.snapshot(at: 0))
    script.go(0, .opening) { $0.received = 400_000_000 }
    show(script.snapshot(at: 0.1))
    script.go(0, .running, at: 0.2)
    script.go(1, .opening, at: 0.2)
    script.go(2, .opening, at: 0.2)
    script.go(2, .running, at: 0.2)
    script.go(2, .retrying, at: 0.3, failure: Script.reset) { $0.note = "in 2 s" }
    show(script.snapshot(at: 0.5))
    script.go(1, .needsUser, at: 0.6, failure: Script.denied)
    script.go(2, .running, at: 2.3)
    script.go(2, .verifying, at: 2.4)
    script.go(2, .verified, at: 2.5) { $0.received = 16_000 }
    script.log(.warning, "The system's clock went backwards.")
    script.log(.info, "data.example speaks HTTP/1.1.")
    show(script.snapshot(at: 3))
    script.row(0) { $0.received = 800_000_000 }
    script.totals.received = 800_016_000
    script.totals.rate = 40e6
    script.totals.secondsLeft = 51
    script.totals.done = 1
    script.totals.needsUser = 1
    show(script.snapshot(at: 9.9))
    show(script.snapshot(at: 10))
    show(script.snapshot(at: 19.9))
    script.go(3, .opening)
    script.go(3, .complete) { $0.received = 644_100_000 }
    script.go(0, .paused) { $0.received = 900_000_000 }
    show(script.snapshot(at: 20))
    script.go(0, .running)
    script.go(
      0, .failed, failure: Failure(.disk, retry: .never, "Could not write.", remedy: "Free some space."))
    show(script.snapshot(at: 21))
    return text
  }

  @Test(arguments: [
    (Verbosity.quiet, "pipe-quiet.txt"), (.normal, "pipe.txt"), (.verbose, "pipe-verbose.txt"),
  ])
  func `a run reads as drawn`(verbosity: Verbosity, golden: String) {
    expectGolden(transcript(verbosity), golden)
  }

  @Test func `an insecure run says so first and in every progress line`() {
    var progress = PlainProgress(medium: .pipe, style: plain, verbosity: .normal)
    var script = Script()
    script.settings.insecure = true
    #expect(
      progress.show(script.snapshot(at: 0), columns: 80, rows: 24).out
        == "INSECURE   certificates are not checked\n")
    #expect(progress.show(script.snapshot(at: 5), columns: 80, rows: 24).out == "")
    #expect(
      progress.show(script.snapshot(at: 10), columns: 80, rows: 24).out.hasSuffix(
        "certificates are not checked\n"))
  }
}

/// A terminal as simple as it can be: text, line feed, carriage return, cursor up, clear to the end of line and screen.
private struct Paper {
  var rows: [[Character]] = [[]]
  var row = 0
  var column = 0
  let columns: Int

  mutating func write(_ text: String) {
    var rest = Substring(
      LiveScreen.withoutColor(
        text.replacing("\u{1B}[K", with: "\u{1}").replacing("\u{1B}[J", with: "\u{2}")
          .replacing("\u{1B}[", with: "\u{3}")))
    while let character = rest.popFirst() {
      switch character {
      case "\u{1}": rows[row].removeSubrange(min(column, rows[row].count)...)
      case "\u{2}":
        rows[row].removeSubrange(min(column, rows[row].count)...)
        rows.removeSubrange((row + 1)...)
      case "\u{3}":
        let number = rest.prefix { $0.isNumber }
        rest = rest.dropFirst(number.count + 1)
        row = max(0, row - (Int(number) ?? 1))
      case "\r": column = 0
      case "\n":
        row += 1
        column = 0
        if row == rows.count { rows.append([]) }
      default:
        if column == columns {
          row += 1
          column = 0
          if row == rows.count { rows.append([]) }
        }
        while rows[row].count <= column { rows[row].append(" ") }
        rows[row][column] = character
        column += 1
      }
    }
  }

  var text: String {
    rows.map { line in String(line).replacing(#/ +$/#, with: "") }.joined(separator: "\n")
  }
}

struct LiveScreenTests {
  @Test func `live lines are replaced in place and permanent lines stay above`() {
    var screen = LiveScreen()
    var paper = Paper(columns: 40)
    paper.write("$ parcel\n")
    paper.write(
      screen.redraw(permanent: [], live: ["a running, a long line", "b running", "total"], columns: 40))
    paper.write(screen.redraw(permanent: ["a verified"], live: ["b still", "total 2"], columns: 40))
    #expect(paper.text == "$ parcel\na verified\nb still\ntotal 2\n")
    paper.write(screen.redraw(permanent: ["b verified"], live: [], columns: 40))
    #expect(paper.text == "$ parcel\na verified\nb verified\n")
    paper.write(screen.redraw(permanent: ["end"], live: [], columns: 40))
    #expect(paper.text == "$ parcel\na verified\nb verified\nend\n")
  }

  @Test func `a permanent line that wraps does not disturb the live lines`() {
    var screen = LiveScreen()
    var paper = Paper(columns: 10)
    paper.write(screen.redraw(permanent: [], live: ["one", "two"], columns: 10))
    paper.write(screen.redraw(permanent: ["wider than the paper"], live: ["one", "two"], columns: 10))
    paper.write(screen.redraw(permanent: [], live: ["1", "2"], columns: 10))
    #expect(paper.text == "wider than\n the paper\n1\n2\n")
  }

  @Test func `live lines that a narrower terminal wrapped are taken away whole`() {
    var screen = LiveScreen()
    let drawn = screen.redraw(permanent: [], live: ["123456789", "abc"], columns: 10)
    #expect(drawn == "123456789\u{1B}[K\nabc\u{1B}[K\n")
    // On 5 columns the first line now takes two rows.
    #expect(screen.redraw(permanent: [], live: ["x"], columns: 5) == "\r\u{1B}[3Ax\u{1B}[K\n\u{1B}[J")
  }

  @Test func `a whole run on a terminal leaves the finished files and the summary`() {
    var progress = PlainProgress(medium: .terminal(errorsApart: false), style: plain, verbosity: .normal)
    var paper = Paper(columns: 80)
    var (script, snapshot) = Script.middle()
    paper.write(progress.show(snapshot, columns: 80, rows: 24).out)
    for index in 0..<4 {
      script.go(index, .verified, at: 15) { $0.received = Script.sizes[index] }
      script.totals.done += 1
      script.totals.fetched += 263_000_000
      snapshot = script.snapshot(at: 15.5 + Double(index))
      paper.write(progress.show(snapshot, columns: 80, rows: 24).out)
    }
    paper.write(progress.finish(Summary(progress.fold, interrupted: false), columns: 80).out)
    expectGolden(paper.text, "terminal.txt")
  }

  @Test func `redraws keep their distance and errors go apart when standard error is elsewhere`() {
    var progress = PlainProgress(medium: .terminal(errorsApart: true), style: plain, verbosity: .normal)
    var (script, snapshot) = Script.middle()
    #expect(!progress.show(snapshot, columns: 80, rows: 24).out.isEmpty)
    #expect(progress.show(script.snapshot(at: 5.1), columns: 80, rows: 24) == PlainProgress.Output())
    script.go(1, .needsUser, at: 5.1, failure: Script.denied)
    snapshot = script.snapshot(at: 5.15)
    let output = progress.show(snapshot, columns: 80, rows: 24)
    #expect(output.err.hasPrefix("needs you"))
    #expect(output.out.contains("needs you"))
    #expect(!progress.show(script.snapshot(at: 5.4), columns: 80, rows: 24).out.isEmpty)
  }
}
