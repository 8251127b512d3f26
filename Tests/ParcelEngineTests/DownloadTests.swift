import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

@Suite struct DownloadTests {
  @Test func aSmallFileTravelsWholeAndEndsVerified() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(5000))
    await lab.engine.add([spec("a.txt", size: 5000)])
    await lab.run()
    #expect(lab.transport.requests.map(\.url) == ["https://data.example/files/abc"])
    #expect(lab.transport.requests.allSatisfy { $0.range == nil && $0.shared })
    await lab.serveAll(object)
    lab.expect("a.txt", object)
    #expect(lab.status(0)?.state == .verified)
    #expect(lab.seen.totals.verified == 1)
    #expect(lab.seen.phase == .finished)
  }

  @Test func aLargeFileComesInSegmentsOverSeveralConnections() async {
    let lab = EngineLab { $0.connections = 4 }
    let object = ScriptedObject(bytes: pattern(40 * mega + 12345))
    await lab.engine.add([spec("big.bam", size: object.bytes.count)])
    await lab.run()
    // The first answer shows that ranges work before more are asked for.
    #expect(lab.transport.open.count == 1)
    await lab.serveAll(object)
    #expect(lab.seen.mostConnections > 1)
    lab.expect("big.bam", object)
    #expect(lab.status(0)?.state == .verified)
    for request in lab.transport.requests.dropFirst() {
      #expect(request.headers.contains(HTTPHeader("If-Range", "\"v1\"")))
    }
  }

  @Test func withoutAManifestTheNameComesFromTheURL() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([DownloadSpec(source: .url("https://data.example/x/reads%20one.fq.gz?sig=1"))])
    await lab.serveAll(object)
    lab.expect("reads one.fq.gz", object)
    #expect(lab.status(0)?.state == .complete)
  }

  @Test func anEmptyFileIsCompleteWithoutAByte() async {
    let lab = EngineLab()
    await lab.engine.add([DownloadSpec(source: .url("https://data.example/empty"))])
    await lab.serveAll(ScriptedObject(bytes: []))
    #expect(lab.store.file(lab.path("empty")) == [])
    #expect(lab.status(0)?.state == .complete)
  }

  @Test func aServerWithoutRangesIsReadInOnePiece() async {
    let lab = EngineLab { $0.connections = 8 }
    var object = ScriptedObject(bytes: pattern(12 * mega))
    object.ranges = false
    await lab.engine.perform(.select(DownloadID(0)))
    await lab.engine.add([spec("one.bin", size: object.bytes.count)])
    await lab.serveAll(object)
    #expect(lab.transport.requests.count == 1)
    lab.expect("one.bin", object)
  }

  @Test func aServerWithoutRangesAndNameIsReadInOnePiece() async {
    let lab = EngineLab()
    var object = ScriptedObject(bytes: pattern(12 * mega))
    object.ranges = false
    await lab.engine.add([DownloadSpec(source: .url("https://data.example/one.bin"))])
    await lab.serveAll(object)
    #expect(lab.transport.requests.count == 1)
    lab.expect("one.bin", object)
  }

  @Test func pausedAndResumedItGoesOnWhereItWas() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("p.bin", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: 3 * mega)
    await lab.run()
    await lab.engine.perform(.pause([DownloadID(0)]))
    await lab.run()
    #expect(lab.status(0)?.state == .paused)
    #expect(lab.transport.open.isEmpty)
    await lab.engine.perform(.resume([DownloadID(0)]))
    await lab.run()
    #expect(lab.transport.requests.last?.range?.start == 3 * mega)
    await lab.serveAll(object)
    lab.expect("p.bin", object)
  }

  @Test func pausingAllStopsEverythingAndResumingGoesOn() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(3 * mega))
    await lab.engine.add((0..<6).map { spec("f\($0)", size: object.bytes.count, id: "i\($0)") })
    await lab.run()
    await lab.engine.perform(.pauseAll)
    await lab.run()
    #expect(lab.transport.open.isEmpty)
    #expect(lab.seen.phase == .paused)
    await lab.engine.perform(.resumeAll)
    await lab.serveAll(object)
    #expect(lab.seen.totals.verified == 6)
  }

  @Test func stoppingSavesAndTheNextRunContinues() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("s.bin", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: 2 * mega)
    async let stopped: Void = lab.engine.stop()
    await lab.run(20)
    await stopped
    #expect(lab.store.part(lab.path("s.bin"))?.stored.count == 2 * mega)
    #expect(lab.store.file(lab.path("s.bin")) == nil)
  }

  @Test func nothingBeginsBeforeItIsAskedTo() async {
    let lab = EngineLab { $0.waits = true }
    await lab.engine.add([spec("w", size: 10)])
    await lab.run()
    #expect(lab.transport.requests.isEmpty)
    #expect(lab.seen.phase == .idle)
    await lab.engine.perform(.start)
    await lab.run()
    #expect(lab.transport.requests.count == 1)
  }

  @Test func aRemovedRowStopsAndLeavesTheTotals() async {
    let lab = EngineLab()
    await lab.engine.add([spec("r1", size: 9 * mega, id: "1"), spec("r2", size: 9 * mega, id: "2")])
    await lab.run()
    await lab.engine.perform(.remove([DownloadID(0)]))
    await lab.run()
    #expect(lab.seen.totals.files == 1)
    #expect(lab.seen.totals.bytes == 9 * mega)
    #expect(lab.transport.open.map(\.request.url) == ["https://data.example/files/2"])
  }

  @Test func whatIsThereAlreadyIsNotFetched() async {
    let lab = EngineLab()
    lab.store.put(lab.path("old"), pattern(100))
    await lab.engine.add([spec("old", size: 100)])
    await lab.run()
    #expect(lab.transport.requests.isEmpty)
    #expect(lab.status(0)?.state == .verified)
  }

  @Test func theHostsBudgetHoldsOverAllFiles() async {
    let lab = EngineLab {
      $0.perHost = 5
      $0.connections = 4
    }
    let object = ScriptedObject(bytes: pattern(20 * mega))
    await lab.engine.add((0..<4).map { spec("f\($0)", size: object.bytes.count, id: "i\($0)") })
    await lab.serveAll(object) { _ in
      #expect(lab.transport.open.count <= 5)
      return false
    }
    #expect(lab.seen.totals.verified == 4)
  }

  @Test func theSlowestSegmentIsShared() async {
    let lab = EngineLab { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(16 * mega))
    await lab.engine.add([spec("t.bin", size: object.bytes.count)])
    await lab.run()
    var slow: TransferID?
    await lab.serveAll(object) { transfer in
      // The second connection gives nothing after its first piece.
      if slow == nil, transfer.request.range?.start ?? 0 > 0 {
        slow = transfer.request.id
        lab.transport.serve(transfer, object, upTo: 16384)
        return true
      }
      return transfer.request.id == slow
    }
    lab.expect("t.bin", object)
    #expect(lab.status(0)?.state == .verified)
  }
}
