import ParcelCore
import Testing

@testable import ParcelCLI

private let plain = PlainStyle(color: false, unicode: true)

/// How a route is said without a screen.
struct TransportTests {
  /// Four files in the middle of a run, on udt since a moment ago.
  private func rerouted() -> (script: Script, snapshot: Snapshot) {
    var script = Script.middle().script
    script.routes = [Script.route]
    script.row(0) { $0.transport = .udt }
    script.row(3) { $0.transport = .http }
    script.reroute(.udt, at: 5.5, "412 Mbit/s against 61 over http, loss 0.3 %, rtt 142 ms")
    let snapshot = script.snapshot(at: 6)
    return (script, snapshot)
  }

  private func fold() -> RunFold {
    var fold = RunFold()
    fold.apply(Script.middle().snapshot)
    fold.apply(rerouted().snapshot)
    return fold
  }

  @Test func `records name the change and every route`() {
    var fold = RunFold()
    fold.apply(Script.middle().snapshot)
    var (script, snapshot) = rerouted()
    fold.apply(snapshot)
    var records = EventRecords.happenings(of: snapshot, fold) + [EventRecords.progress(fold)]
    script.routes[0].path = nil
    script.reroute(.http, at: 9, "no answer over UDP, http until 14:12")
    script.log(.warning, "The relay does not answer.")
    snapshot = script.snapshot(at: 10)
    fold.apply(snapshot)
    records += EventRecords.happenings(of: snapshot, fold) + [EventRecords.progress(fold)]
    expectGolden(records.joined(separator: "\n") + "\n", "events-transport.jsonl")
  }

  @Test func `a change before the first snapshot is not before the beginning`() {
    var script = Script(names: ["a"], sizes: [10])
    script.routes = [Script.route]
    script.reroute(.udt, at: 2, "asked")
    var fold = RunFold()
    let snapshot = script.snapshot(at: 3)
    fold.apply(snapshot)
    #expect(EventRecords.happenings(of: snapshot, fold).first?.contains("\"time\":0,") == true)
  }

  @Test func `the first record says which transport was asked for`() {
    var settings = Settings()
    settings.transport = .udt
    #expect(EventRecords.start(clock: "", settings: settings).hasSuffix("\"transport\":\"udt\"}"))
  }

  @Test(arguments: [200, 120, 91, 80])
  func `the live list names transports where there is room`(columns: Int) {
    let lines = LiveList(style: plain, columns: columns, rows: 24).lines(fold())
    for line in lines { #expect(Charset.unicode.width(line) < columns, "\(line)") }
    #expect(lines[0].hasSuffix(" udt") == (columns > 90))
    if columns == 120 { expectGolden(lines.joined(separator: "\n") + "\n", "live-transport-120.txt") }
  }

  @Test(arguments: 1...130) func `no width makes a line with a transport too wide`(columns: Int) {
    for line in LiveList(style: plain, columns: columns, rows: 24).lines(fold()) {
      #expect(Charset.unicode.width(line) <= max(1, columns - 1), "\(columns): \(line)")
    }
  }

  @Test func `a change of route is one line, and progress says how bytes travel`() {
    var progress = PlainProgress(medium: .pipe, style: plain, verbosity: .normal)
    let (first, second) = (Script.middle().snapshot, rerouted())
    _ = progress.show(first, columns: 80, rows: 24)
    var script = second.script
    #expect(
      progress.show(second.snapshot, columns: 80, rows: 24).out
        == "transport  over udt from now on: 412 Mbit/s against 61 over http, loss 0.3 %, rtt 142 ms\n")
    #expect(progress.show(script.snapshot(at: 30), columns: 80, rows: 24).out.hasSuffix(", over udt\n"))
    script.routes[0].isMeasuring = true
    #expect(
      progress.show(script.snapshot(at: 45), columns: 80, rows: 24).out.hasSuffix(", measuring udt\n"))
  }

  @Test func `quiet says nothing of routes, and with several servers each is named`() {
    var (script, snapshot) = rerouted()
    var quiet = PlainProgress(medium: .pipe, style: plain, verbosity: .quiet)
    #expect(quiet.show(snapshot, columns: 80, rows: 24) == PlainProgress.Output())
    var other = Script.route
    other.origin = "https://other.example"
    script.routes.append(other)
    script.reroute(.http, at: 7, "", origin: "https://other.example")
    script.reroute(.http, at: 7, "a \u{1B}[2J", origin: "https://data.example")
    snapshot = script.snapshot(at: 8)
    var fold = fold()
    fold.apply(snapshot)
    let lines = fold.lines(for: snapshot, .normal).map { $0.plain() }
    #expect(lines.first == "transport  https://other.example over http from now on")
    #expect(lines.last?.hasPrefix("transport  https://data.example over http from now on: a ") == true)
    #expect(lines.allSatisfy { !$0.unicodeScalars.contains("\u{1B}") })
  }
}
