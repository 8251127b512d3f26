import Glibc
import ParcelCore
import Testing

@testable import ParcelCLI

/// A run with one of everything, folded.
private func endedRun() -> (fold: RunFold, records: [String]) {
  var (script, snapshot) = Script.middle()
  script.settings.folder = "out"
  script.settings.server = "https://data.example/"
  var fold = RunFold()
  var records = [EventRecords.start(clock: "2026-11-22T14:02:31Z", settings: script.settings)]
  fold.apply(snapshot)
  records += EventRecords.happenings(of: snapshot, fold) + [EventRecords.progress(fold)]
  script.go(0, .verifying, at: 20)
  script.go(0, .verified, at: 21) { $0.received = 1_210_000_000 }
  script.go(1, .needsUser, at: 21, failure: Script.denied)
  script.go(2, .failed, at: 21, failure: Script.reset)
  script.go(3, .paused, at: 21)
  script.log(.warning, "A \"quoted\" warning.")
  script.log(.info, "not in the log")
  script.totals.received = 1_287_000_000
  script.totals.fetched = 484_000_000
  snapshot = script.snapshot(at: 25)
  fold.apply(snapshot)
  records += EventRecords.happenings(of: snapshot, fold)
  return (fold, records)
}

private func partPath(_ id: DownloadID) -> String? { "out/\(id.index).part" }

struct EventsTests {
  @Test func `records are as documented`() {
    let (fold, records) = endedRun()
    let summary = Summary(fold, interrupted: false, partPath: partPath)
    expectGolden((records + [EventRecords.summary(summary)]).joined(separator: "\n") + "\n", "events.jsonl")
  }

  @Test func `a run that stops before its start has a first record, what was found, and a summary`() throws {
    try withFolder { folder in
      let path = folder + "/events.jsonl"
      var log = try EventLog(.file(path))
      let report = stopped
      #expect(log.start(clock: "2026-11-22T14:02:31Z", settings: Settings()) == nil)
      #expect(log.show(report, files: 3, stops: true) == nil)
      let summary = Summary(stopped: .preflight(report), files: 3, bytes: 40, settings: Settings())
      #expect(log.finish(summary, nil) == nil)
      expectGolden(readWhole(path) ?? "", "events-stopped.jsonl")
    }
  }

  @Test func `a failure before the start is in the summary`() {
    let failure = Failure(.locked, retry: .never, "Another parcel works in 'out'.", remedy: "Wait for it.")
    let summary = Summary(stopped: .failure(failure), files: 3, bytes: 40, settings: Settings())
    #expect(summary.exit == .disk)
    #expect(
      summary.json.contains(
        #""stopped":"failure","failure":{"code":"locked","retry":"never","sentence":"Another parcel"#))
    #expect(summary.json.contains(#""unfinished":3,"bytes":40,"#))
    #expect(Summary().json.contains(#""stopped":null,"failure":null"#))
  }

  /// A batch that does not fit, and a row that was superseded.
  private var stopped: PreflightReport {
    var target = TargetFacts(folder: "/data", existing: "/data")
    target.free = 10
    let specs = (0..<3).map { index in
      DownloadSpec(
        source: .id("\(index)"), name: "\(index).bam", size: 10 + index, successor: index == 1 ? "new" : nil)
    }
    return PreflightRules.report(
      PreflightFacts(specs: specs, server: "https://api.example.org/data/", target: target, now: 0))
  }

  @Test func `every record is one line and names its version and type first`() {
    for record in endedRun().records {
      #expect(record.hasPrefix("{\"version\":1,\"type\":\""))
      #expect(!record.contains("\n"))
    }
  }

  @Test func `strings are escaped`() {
    #expect(JSONObject.quoted("a\"b\\c/d") == #""a\"b\\c/d""#)
    #expect(JSONObject.quoted("\n\r\t\u{0}\u{1B}\u{7F}\u{2028}") == #""\n\r\t\u0000\u001b\u007f\u2028""#)
    #expect(JSONObject.quoted("\r\n") == #""\r\n""#)
    #expect(JSONObject.quoted("Übersicht 試料 🙂") == "\"Übersicht 試料 🙂\"")
  }

  @Test func `numbers are plain decimals and what JSON cannot say is null`() {
    var object = JSONObject()
    object.add("a", 1.5)
    object.add("b", 2.0)
    object.add("c", 0.0004)
    object.add("d", Double.infinity)
    object.add("e", -0.25)
    object.add("f", 1e15)
    object.add("g", 1200.0, places: 0)
    object.add("h", Double.nan)
    #expect(
      object.closed == #"{"a":1.5,"b":2,"c":0,"d":null,"e":-0.25,"f":1000000000000000,"g":1200,"h":null}"#)
  }

  @Test func `names of states and failures keep their spelling`() {
    #expect(
      DownloadState.allCases.map { EventRecords.snake($0.rawValue) } == [
        "waiting", "opening", "running", "paused", "retrying", "held", "verifying", "repairing", "verified",
        "complete", "needs_user", "failed",
      ])
    #expect(
      Failure.Code.allCases.map { EventRecords.snake($0.rawValue) } == [
        "network", "stalled", "server", "busy", "not_found", "credentials", "tls", "changed", "digest",
        "size", "disk",
        "locked", "exists", "input", "proxy", "cancelled", "skipped",
      ])
  }

  @Test func `progress is written once a second and events at once`() throws {
    try withFolder { folder in
      let path = folder + "/events.jsonl"
      var log = try EventLog(.file(path))
      var fold = RunFold()
      var (script, snapshot) = Script.middle()
      for time in [5.0, 5.5, 5.9, 6.0, 6.5, 7.1] {
        if time > 5 { snapshot = script.snapshot(at: time) }
        fold.apply(snapshot)
        #expect(log.show(snapshot, fold) == nil)
      }
      #expect(log.finish(Summary(fold, interrupted: true), fold) == nil)
      let lines = readWhole(path)?.split(separator: "\n") ?? []
      #expect(lines.count { $0.contains("\"type\":\"progress\"") } == 4)
      #expect(lines.count { $0.contains("\"type\":\"state\"") } == snapshotTransitions)
      #expect(lines.last?.contains("\"type\":\"summary\"") == true)
      #expect(lines.last?.contains("\"exit\":130") == true)
    }
  }

  private var snapshotTransitions: Int { Script.middle().snapshot.transitions.count }

  @Test func `a second run goes to the end of the same file`() throws {
    try withFolder { folder in
      for _ in 0..<2 {
        var log = try EventLog(.file(folder + "/e"))
        #expect(log.start(clock: "2026-11-22T14:02:31Z", settings: Settings()) == nil)
        _ = log.finish(Summary(), RunFold())
      }
      #expect(readWhole(folder + "/e")?.split(separator: "\n").count == 6)
    }
  }

  @Test func `a descriptor that is not open for writing is refused with a sentence`() {
    let failure = #expect(throws: Failure.self) { try EventLog(.descriptor(987)) }
    #expect(failure?.sentence == "Could not write events to descriptor 987: it is not open for writing.")
    #expect(failure.map { ErrorText.exit($0) } == .usage)
  }

  @Test func `a reader that went away is reported once`() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    var log = try EventLog(.descriptor(ends[1]))
    #expect(log.start(clock: "", settings: Settings())?.sentence.contains("Broken pipe") == true)
    #expect(log.start(clock: "", settings: Settings()) == nil)
  }
}

struct SummaryTests {
  @Test func `a short run took a short time, and not none`() {
    var script = Script(names: ["a"], sizes: [10_000])
    script.go(0, .opening)
    script.go(0, .running)
    script.go(0, .complete, at: 0.3) { $0.received = 10_000 }
    script.totals.fetched = 10_000
    script.totals.received = 10_000
    var fold = RunFold()
    fold.apply(script.snapshot(at: 0))
    script.totals.fetched = 10_000
    fold.apply(script.snapshot(at: 0.3))
    let lines = Summary(fold, interrupted: false).lines(PlainStyle(color: false, unicode: true))
    #expect(lines.joined(separator: "\n").contains("10.00 kB fetched in 0.3 s, "), "\(lines)")
  }

  @Test func `text and JSON are as drawn`() {
    let summary = Summary(endedRun().fold, interrupted: false, partPath: partPath)
    let style = PlainStyle(color: false, unicode: true)
    expectGolden(summary.lines(style).joined(separator: "\n") + "\n", "summary.txt")
    expectGolden(summary.json, "summary.json")
  }

  @Test func `failures of several kinds give 1, of one kind their own code, an interruption 130`() {
    var fold = endedRun().fold
    #expect(Summary(fold, interrupted: false).exit == .someFailed)
    #expect(Summary(fold, interrupted: true).exit == .interrupted)

    var script = Script(names: ["a"], sizes: [10])
    script.go(0, .failed, failure: Script.reset)
    fold = RunFold()
    fold.apply(script.snapshot(at: 0))
    #expect(Summary(fold, interrupted: false).exit == .network)
  }

  @Test func `a run that stops with files left is not a success`() {
    var script = Script(names: ["a", "b"], sizes: [10, 10])
    script.go(0, .verified) { $0.received = 10 }
    var fold = RunFold()
    fold.apply(script.snapshot(at: 0))
    #expect(Summary(fold, interrupted: false).exit == .someFailed)
    script.go(1, .complete) { $0.received = 10 }
    fold.apply(script.snapshot(at: 1))
    #expect(Summary(fold, interrupted: false).exit == .success)
  }

  @Test func `removed rows do not count`() {
    var script = Script(names: ["a", "b"], sizes: [10, 10])
    script.go(0, .failed, failure: Script.reset)
    script.go(1, .verified)
    var fold = RunFold()
    fold.apply(script.snapshot(at: 0))
    var last = script.snapshot(at: 1)
    last.removed = [DownloadID(0)]
    fold.apply(last)
    let summary = Summary(fold, interrupted: false)
    #expect(summary.files == 1 && summary.exit == .success)
  }

  @Test func `what came over the network in this run is counted without what was here`() {
    var script = Script(names: ["continued", "small", "here"], sizes: [1000, 50, 70])
    var fold = RunFold()
    script.go(0, .opening) { $0.received = 400 }
    fold.apply(script.snapshot(at: 0))
    script.go(0, .running)
    script.go(1, .opening)
    script.go(1, .running)
    script.go(1, .verified) { $0.received = 50 }
    script.go(2, .opening)
    script.go(2, .verified) { $0.received = 70 }
    fold.apply(script.snapshot(at: 0.1))
    script.row(0) { $0.received = 900 }
    script.totals.fetched = 550
    fold.apply(script.snapshot(at: 0.2))
    #expect(fold.fetched == 550)
    #expect(fold.row(DownloadID(0))?.baseline == 400)
  }

  @Test func `many failures are cut in text and whole in JSON`() {
    let count = 25
    var script = Script(names: (0..<count).map { "f\($0)" }, sizes: Array(repeating: 10, count: count))
    for index in 0..<count { script.go(index, .failed, failure: Script.reset) }
    var fold = RunFold()
    fold.apply(script.snapshot(at: 0))
    let summary = Summary(fold, interrupted: false)
    let lines = summary.lines(PlainStyle(color: false, unicode: true))
    #expect(lines.last == "  and 5 more (--summary FILE lists all of them)")
    #expect(summary.json.contains("\"name\":\"f24\""))
  }

  @Test func `a summary file is replaced whole and leaves nothing beside it`() throws {
    try withFolder { folder in
      let path = folder + "/s.json"
      try WholeFile.write("old\n", to: path)
      try WholeFile.write("new\n", to: path)
      #expect(readWhole(path) == "new\n")
      #expect(names(in: folder) == ["s.json"])
      let failure = #expect(throws: Failure.self) { try WholeFile.write("x", to: folder + "/no/s.json") }
      #expect(failure?.sentence.hasSuffix("No such file or directory.") == true)
    }
  }

  @Test func `a summary to what is no regular file goes through it`() throws {
    try withFolder { folder in
      let path = folder + "/fifo"
      #expect(mkfifo(path, 0o600) == 0)
      let reader = open(path, O_RDONLY | O_NONBLOCK)
      defer { close(reader) }
      do { try WholeFile.write("x\n", to: path) }
      var byte: UInt8 = 0
      #expect(read(reader, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
      #expect(names(in: folder) == ["fifo"])
    }
  }
}

struct PlainTextTests {
  @Test func `failures print sentence and remedy`() {
    #expect(
      ErrorText.text(Script.denied)
        == "parcel: \(Script.denied.sentence)\n  Get a new token and give it with -t.")
    #expect(ErrorText.text(Script.reset, program: "parcel-tui") == "parcel-tui: \(Script.reset.sentence)")
    #expect(!ErrorText.text(Failure(.input, retry: .never, "a\u{1B}b")).contains("\u{1B}"))
  }

  @Test func `a dry run lists targets, problems and sums`() {
    let report = DryRunReport(
      [
        DownloadSpec(
          source: .id("22a29915"), name: "a.bam", folder: "22a29915", size: 38_200_000,
          digests: [Digest(.md5, hex: String(repeating: "0", count: 32), source: .manifest)].compactMap { $0 }
        ),
        DownloadSpec(source: .url("https://example.org/\u{1B}x")),
      ],
      folder: "out",
      problems: [Failure(.input, retry: .never, "m.tsv, line 3: no id.", remedy: "Mend it.")])
    var text = ""
    report.write { text += $0 }
    expectGolden(text, "dry-run.txt")
    #expect(report.exit == .usage)
    #expect(DryRunReport([], folder: "out").exit == .success)
  }

  @Test func `a large dry run comes in pieces and loses nothing`() {
    let spec = DownloadSpec(source: .id("x"), name: "x", size: 1)
    var pieces = 0
    var lines = 0
    DryRunReport(Array(repeating: spec, count: 10_000), folder: "out").write {
      pieces += 1
      lines += $0.utf8.count { $0 == 10 }
    }
    #expect(lines == 10_001)
    #expect(pieces > 1)
  }

  @Test func `the first signal asks for a stop on another thread`() {
    signal(SIGHUP, SIG_DFL)  // a test runner may have started with it ignored, and that is kept
    let asked = Flag()
    Signals.install { asked.raise($0) }
    kill(getpid(), SIGHUP)  // not `raise`: this thread is a worker that blocks signals
    #expect(asked.wait() == SIGHUP)
    kill(getpid(), SIGHUP)  // never counts as the second
  }
}

/// Waits for a number from another thread.
private final class Flag: @unchecked Sendable {
  private var ends: [Int32] = [-1, -1]
  init() { pipe(&ends) }
  deinit { for end in ends { close(end) } }

  func raise(_ number: Int32) {
    var byte = UInt8(number)
    write(ends[1], &byte, 1)
  }

  func wait() -> Int32 {
    var byte: UInt8 = 0
    return read(ends[0], &byte, 1) == 1 ? Int32(byte) : -1
  }
}

/// A folder of the test's own, removed afterwards.
private func withFolder(_ body: (String) throws -> Void) throws {
  var template = Array("/tmp/parcel-cli-XXXXXX".utf8CString)
  guard let path = mkdtemp(&template) else { throw Failure(.disk, retry: .never, "no temporary folder") }
  let folder = String(cString: path)
  defer {
    for name in names(in: folder) { unlink(folder + "/" + name) }
    rmdir(folder)
  }
  try body(folder)
}

private func names(in folder: String) -> [String] {
  guard let handle = opendir(folder) else { return [] }
  defer { closedir(handle) }
  var found: [String] = []
  while let entry = readdir(handle) {
    let name = withUnsafeBytes(of: &entry.pointee.d_name) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { found.append(name) }
  }
  return found.sorted()
}
