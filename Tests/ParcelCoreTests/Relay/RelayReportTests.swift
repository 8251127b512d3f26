import ParcelCore
import ParcelTesting
import Testing

/// The lines between the client and its relay program.
@Suite struct RelayReportTests {
  private static let path: PathStatistics = {
    var path = PathStatistics()
    path.connections = 3
    path.roundTrip = 0.142381
    path.receiveRate = 51_500_000
    path.sendRate = 12_000
    path.received = 123_456_789_012
    path.sent = 42
    path.receiveLost = 370
    path.sendLost = 1
    path.retransmitted = 2
    path.receiveRepaired = 369
    path.loss = 0.003125
    path.window = 16_384
    path.drops = 7
    return path
  }()

  private static let reports: [RelayReport] = [
    .ready(version: "1.2.0"), .ready(version: ""), .connected(seconds: 0.285), .connected(seconds: 0),
    .refused(reason: "nobody answered", isSilent: true),
    .refused(reason: "a \"quoted\" \\ word, ü, 日本, 🧬 and a\nline", isSilent: false),
    .broken(reason: "no answer for 15 s"), .path(PathStatistics()), .path(path),
  ]

  @Test(arguments: reports)
  func aReportComesBackAsItWas(report: RelayReport) {
    #expect(!report.line.contains("\n"))
    #expect(RelayReport(line: report.line) == report)
  }

  @Test func theLinesAreAsDocumented() {
    #expect(RelayReport.ready(version: "1.2.0").line == #"{"type":"ready","version":"1.2.0"}"#)
    #expect(
      RelayReport.refused(reason: "no", isSilent: true).line
        == #"{"type":"refused","reason":"no","silent":true}"#)
    #expect(
      RelayReport.path(Self.path).line
        == #"{"type":"path","connections":3,"round_trip":0.142381,"receive_rate":51500000,"send_rate":12000,"#
        + #""received":123456789012,"sent":42,"receive_lost":370,"send_lost":1,"retransmitted":2,"receive_repaired":369,"#
        + #""loss":0.003125,"window":16384,"drops":7}"#)
  }

  @Test(arguments: [
    "", "ready", "{}", "[]", "{\"type\":\"future\"}", "{\"type\":1}", "{\"type\":null}",
    "{\"type\":\"ready\"",
    "{\"type\":\"ready\"}x", "{\"type\":\"path\",\"more\":{}}", "{\"type\":\"path\",\"more\":[]}",
    "{\"Type\":\"ready\"}", "\u{0}",
  ])
  func whatIsNoReportIsIgnored(line: String) {
    #expect(RelayReport(line: line) == nil)
  }

  @Test func whatIsMissingOrUnknownInAPathIsNothing() {
    let report = RelayReport(
      line: #" { "type" : "path" , "loss" : 0.5 , "window" : 1.5 , "colour" : "red" } "#)
    var expected = PathStatistics()
    expected.loss = 0.5
    #expect(report == .path(expected))
  }

  @Test func damagedLinesNeverPassForAnother() {
    // One byte of a line is dropped or changed: nil, or at most another text or number in a report of the same kind.
    var random = RelaySeeds(7)
    for report in Self.reports {
      for _ in 0..<200 {
        var bytes = Array(report.line.utf8)
        let at = random.next(bytes.count)
        if random.next(2) == 0 { bytes.remove(at: at) } else { bytes[at] = UInt8(random.next(256)) }
        guard let read = RelayReport(line: String(decoding: bytes, as: UTF8.self)) else { continue }
        #expect(read.line.prefix(12) == report.line.prefix(12))
      }
    }
  }
}

/// Lines as they come from a stream.
@Suite struct SupervisorLinesTests {
  @Test func linesAreTheSameHoweverTheBytesArrive() {
    let text = "one\n\ntwo ü\n{\"type\":\"ready\"}\nunfinished"
    let expected = ["one", "", "two ü", "{\"type\":\"ready\"}"]
    for size in 1...text.utf8.count {
      var lines = SupervisorLines()
      var found: [String] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        found += lines.take(rest.prefix(size))
        rest = rest.dropFirst(size)
      }
      #expect(found == expected)
    }
  }

  @Test func aLineThatIsTooLongIsDroppedWholeAndTheNextIsRead() {
    var lines = SupervisorLines()
    let longest = String(repeating: "x", count: SupervisorLines.longest)
    #expect(lines.take(Array((longest + "\n").utf8)) == [longest])
    #expect(lines.take(Array((longest + "y\nnext\n").utf8)) == ["next"])
    for _ in 0..<100 { #expect(lines.take([UInt8](repeating: 120, count: 10_000)).isEmpty) }
    #expect(lines.take(Array("end of it\nnext\n".utf8)) == ["next"])
  }

  @Test func whatIsNotUTF8IsNoReportAndDoesNoHarm() {
    var lines = SupervisorLines()
    let found = lines.take([0xFF, 0xFE, 0x0A] + Array("{\"type\":\"ready\"}\n".utf8))
    #expect(found.map(RelayReport.init(line:)) == [nil, .ready(version: "")])
  }
}

/// Numbers that look random and are the same each time.
struct RelaySeeds {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// 0 up to, not including, `limit`.
  mutating func next(_ limit: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 33) % limit
  }
}
