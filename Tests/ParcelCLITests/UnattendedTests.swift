import ParcelCore
import Testing

@testable import ParcelCLI

/// What a log of days looks like, and how waits are told.
struct UnattendedTests {
  private let plain = PlainStyle(color: false, unicode: true)

  private func printer() -> PlainProgress {
    PlainProgress(medium: .pipe, style: plain, verbosity: .normal)
  }

  @Test func `a server that is away for a day gives a few lines and not thousands`() {
    var progress = printer()
    var script = Script(names: ["a"], sizes: [1000])
    var lines: [Substring] = []
    script.go(0, .running)
    script.log(.warning, Script.reset.text)
    for second in stride(from: 0, through: 86_400, by: 5) {
      if second % 300 == 0 {
        script.go(0, .retrying, at: Double(second), failure: Script.reset)
        script.go(0, .running, at: Double(second))
      }
      let output = progress.show(script.snapshot(at: Double(second)), columns: 80, rows: 24)
      lines += output.out.split(separator: "\n")
    }
    #expect(lines.count { $0.contains("connection reset") } == 1)
    #expect(lines.count < 200, "\(lines.count) lines")
    #expect(lines.count > 50, "a sign of life now and then")
  }

  @Test func `what is over is said, and what rows say is not said again`() {
    var progress = printer()
    var script = Script(names: ["a"], sizes: [1000])
    script.log(.info, "data.example is back after 5 s: 4 files go on.", topic: .recovery)
    script.log(.info, "4 files are verified: 1.21 GB.", topic: .rows)
    let output = progress.show(script.snapshot(at: 1), columns: 80, rows: 24)
    #expect(output.out == "goes on    data.example is back after 5 s: 4 files go on.\n")
  }

  @Test func `a file that was complete took no time`() {
    var progress = printer()
    var script = Script(names: ["https://data.example/u"], sizes: [nil])
    script.go(0, .running, at: 1)
    script.go(0, .complete, at: 1.2, fetched: 0) {
      $0.size = 1000
      $0.received = 1000
    }
    let output = progress.show(script.snapshot(at: 2), columns: 80, rows: 24)
    #expect(
      output.out.contains("https://data.example/u (1.00 kB, was already here, no digest known)"),
      "\(output.out)")
  }

  @Test func `a row that gets nothing says what it waits for`() {
    var fold = RunFold()
    var script = Script(names: ["a"], sizes: [1000])
    script.go(0, .running, at: 1) { $0.note = "for the relay" }
    fold.apply(script.snapshot(at: 2))
    let line = LiveList(style: plain, columns: 80, rows: 24).lines(fold)[0]
    #expect(line.hasPrefix("◦ a ") && line.hasSuffix("waits for the relay"), "\(line)")
  }

  @Test func `a URL of unknown size starts in one line, and one with a partial file continues`() {
    for (received, word) in [(0, "started "), (400, "continued ")] {
      var progress = printer()
      var script = Script(names: ["https://data.example/u"], sizes: [nil])
      var text = ""
      script.go(0, .running, at: 1)
      text += progress.show(script.snapshot(at: 1), columns: 80, rows: 24).out
      script.go(0, .opening, at: 2) {
        $0.size = 1000
        $0.received = received
      }
      text += progress.show(script.snapshot(at: 2), columns: 80, rows: 24).out
      script.go(0, .running, at: 2)
      text += progress.show(script.snapshot(at: 2), columns: 80, rows: 24).out
      let said = text.split(separator: "\n").filter { $0.contains("https://") }
      #expect(said.count == 1 && said[0].hasPrefix(word), "\(text)")
    }
  }

  private func change(_ what: HoldChange.What, _ text: String) -> HoldChange {
    let hold = HoldStatus(
      kind: .space, place: "/data", files: 2, free: 12_300_000_000, needed: 40_000_000_000,
      text: "waiting for space on /data: 12.3 GB free, 40.0 GB needed")
    return HoldChange(time: Instant(seconds: 1), what: what, hold: hold, text: text)
  }

  @Test func `a wait is one line when it begins and one when it ends, and a record of its own`() {
    var fold = RunFold()
    var script = Script(names: ["a", "b"], sizes: [1000, 1000])
    var snapshot = script.snapshot(at: 1)
    let began = change(.began, "waiting for space on /data: 12.3 GB free, 40.0 GB needed")
    snapshot.holdChanges = [began, change(.ended, "space on /data: 2 files go on")]
    snapshot.holds = [began.hold]
    fold.apply(snapshot)
    #expect(
      fold.lines(for: snapshot, .normal).map { $0.plain() } == [
        "waiting    for space on /data: 12.3 GB free, 40.0 GB needed (2 files)",
        "goes on    space on /data: 2 files go on",
      ])
    #expect(
      EventRecords.happenings(of: snapshot, fold).first
        == #"{"version":1,"type":"wait","time":0,"what":"began","for":"space","place":"/data","files":2,"#
        + #""free":12300000000,"needed":40000000000,"text":"waiting for space on /data: 12.3 GB free, 40.0 GB needed"}"#
    )
    #expect(EventRecords.progress(fold).contains(#""waits":[{"for":"space","place":"/data""#))
    let live = LiveList(style: plain, columns: 80, rows: 24).lines(fold)
    #expect(live.contains("◇ waiting for space on /data: 12.3 GB free, 40.0 GB needed"))
  }

  @Test func `until done and a number of retries contradict each other`() {
    #expect(throws: (any Error).self) { try PaceOptions.parse(["--until-done", "--retries", "3"]) }
    let options = try? PaceOptions.parse(["--until-done"])
    #expect(options?.retry.limit == nil && options?.retry.longest == 300)
  }
}
