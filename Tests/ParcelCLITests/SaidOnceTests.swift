import ParcelCore
import Testing

@testable import ParcelCLI

@Suite struct SaidOnceTests {
  @Test func aFailureIsSaidWithItsRowAndNotAgainFromTheLog() {
    let failure = Failure(.network, retry: .now, "Connection reset.", remedy: "Wait.")
    var snapshot = Snapshot(time: .zero, generation: 1)
    snapshot.table = [DownloadInfo(id: DownloadID(0), name: "a", source: .id("a"))]
    snapshot.transitions = [
      Transition(id: DownloadID(0), time: .zero, from: .running, to: .failed, failure: failure)
    ]
    snapshot.log = [LogLine(clock: "12:00:00", level: .error, text: failure.text)]
    var progress = PlainProgress(
      medium: .pipe, style: PlainStyle(color: false, unicode: true), verbosity: .normal)
    let output = progress.show(snapshot, columns: 80, rows: 24)
    let text = output.out + output.err
    #expect(text.components(of: "Connection reset.") == 1)
  }

  @Test(arguments: [nil, 2000])
  func aRowWhoseNameOnlyTheServerKnowsStartsOnce(size: Int?) {
    var script = Script(names: ["https://data.example/x"], sizes: [size])
    var progress = PlainProgress(
      medium: .pipe, style: PlainStyle(color: false, unicode: true), verbosity: .normal)
    // Asked first, as the engine does where there is no name to open.
    script.go(0, .running, at: 0.1)
    var text = progress.show(script.snapshot(at: 0.2), columns: 80, rows: 24).out
    script.go(0, .opening, at: 0.3)
    script.go(0, .running, at: 0.4) { $0.size = 2000 }
    text += progress.show(script.snapshot(at: 0.5), columns: 80, rows: 24).out
    #expect(text == "started    https://data.example/x (2.00 kB)\n")
  }
}

extension String {
  /// How often `part` stands in the text.
  fileprivate func components(of part: String) -> Int {
    var rest = self[...]
    var count = 0
    while let range = rest.firstRange(of: part) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
