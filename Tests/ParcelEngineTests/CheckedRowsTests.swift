import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

/// Rows of a session wait for the check before their start.
@Suite struct CheckedRowsTests {
  private let one = ScriptedObject(bytes: pattern(5000))

  private func names(_ lab: EngineLab) -> [String] { lab.transport.requests.map(\.url) }

  @Test func aRowWhoseCheckIsToComeDoesNotBeginAndTheOthersGoOn() async {
    let lab = EngineLab()
    await lab.engine.add([spec("a", size: 5000, id: "a")])
    await lab.engine.add([spec("b", size: 5000, id: "b"), spec("c", size: 5000, id: "c")], unchecked: true)
    await lab.serveAll(one)
    #expect(names(lab) == ["https://data.example/files/a"])
    lab.expect("a", one)
    // Something is still to be done: neither finished nor waiting for Enter.
    #expect(lab.seen.phase == .running)
    let input = await lab.engine.preflightInput()
    #expect(input.rows == [1, 2] && input.hasStarted)
    #expect(input.others.map(\.name) == ["a"] && input.promised == 0)
    #expect(await lab.engine.preflightInput(except: [DownloadID(1)]).rows == [2])
    await lab.engine.release([DownloadID(1), DownloadID(2)])
    await lab.serveAll(one)
    lab.expect("b", one)
    lab.expect("c", one)
    #expect(lab.seen.phase == .finished)
    #expect(await lab.engine.preflightInput().rows == [])
  }

  @Test func whatOthersStillNeedOfTheDiskIsPromised() async {
    let lab = EngineLab()
    await lab.engine.add([spec("a", size: 5 * mega, id: "a"), spec("u", id: "u")])
    await lab.engine.add([spec("b", size: 7, id: "b")], unchecked: true)
    #expect(await lab.engine.preflightInput().promised == 5 * mega)
  }

  @Test func pausingAndResumingIsNoWayAroundTheCheck() async {
    let lab = EngineLab { $0.waits = true }
    await lab.engine.add([spec("a", size: 5000, id: "a")], unchecked: true)
    await lab.engine.perform(.pause([DownloadID(0)]))
    await lab.engine.perform(.resume([DownloadID(0)]))
    await lab.run()
    #expect(lab.transport.requests.isEmpty && lab.seen.phase == .idle)
    // Paused while it is checked: it stays so.
    await lab.engine.perform(.pause([DownloadID(0)]))
    await lab.engine.release([DownloadID(0)])
    await lab.engine.perform(.start)
    await lab.run()
    #expect(lab.transport.requests.isEmpty)
    #expect(lab.status(0)?.state == .paused && lab.seen.phase == .paused)
    await lab.engine.perform(.resumeAll)
    await lab.serveAll(one)
    lab.expect("a", one)
  }

  @Test func rowsThatAreLeftOutOrRemovedNeedNoCheckAnyMore() async {
    let lab = EngineLab()
    await lab.engine.add([spec("a", size: 5000, id: "a"), spec("b", size: 5000, id: "b")], unchecked: true)
    var superseded = spec("a", id: "a")
    superseded.successor = "b"
    let facts = PreflightFacts(
      specs: [superseded], server: "https://data.example/files/",
      target: TargetFacts(folder: "/out", existing: "/out"), now: 0)
    await lab.engine.skip(PreflightRules.report(facts).skips)
    await lab.engine.perform(.remove([DownloadID(1)]))
    await lab.engine.release([DownloadID(0), DownloadID(1)])
    await lab.run()
    #expect(lab.transport.requests.isEmpty)
    #expect(lab.status(0)?.failure?.code == .skipped)
    #expect(lab.seen.phase == .finished)
    #expect(await lab.engine.preflightInput().rows == [])
  }
}
