import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

/// Full disks and expired tokens, under a clock that the test moves.
@Suite struct HoldTests {
  let full = Failure(.disk, retry: .held(.space), "No space left.")
  let quota = Failure(.disk, retry: .held(.quota), "Quota used up.")

  /// Ends every open transfer of which the store wants no more.
  private func served(_ lab: EngineLab, _ object: ScriptedObject, bytes: Int) {
    for transfer in lab.transport.open { lab.transport.serve(transfer, object, upTo: bytes) }
  }

  @Test func aFullDiskPausesEveryDownloadThereAndAllGoOnByThemselves() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.waitsForEver = true
    }
    lab.store.setSpace("/out", free: 0)
    let object = ScriptedObject(bytes: pattern(9 * mega))
    for name in ["a", "b"] { await lab.engine.add([spec(name, size: object.bytes.count, id: name)]) }
    await lab.run()
    served(lab, object, bytes: 3 * mega)
    lab.store.part(lab.path("a"))?.fail(full, unwritten: ByteRange(2 * mega, 3 * mega))
    await lab.run(10)
    #expect(lab.status(0)?.state == .held && lab.status(1)?.state == .held)
    #expect(lab.transport.open.isEmpty)
    // What could not be written is not shown as received.
    #expect(lab.status(0)?.received == 2 * mega)
    #expect(lab.status(1)?.received == 3 * mega)
    #expect(lab.seen.totals.received == 5 * mega)
    #expect(lab.seen.holds.map(\.files) == [2])
    #expect(lab.status(1)?.hold == .space)
    #expect(lab.seen.holds.first?.text == "waiting for space on /out: 0 B free, 13.6 MB needed")
    #expect(lab.seen.phase == .running)
    await lab.run(600)
    #expect(lab.transport.open.isEmpty)
    lab.store.setSpace("/out", free: 100 * mega)
    let before = lab.transport.requests.count
    await lab.run(35)
    #expect(
      lab.transport.requests[before...].map { $0.range?.start }.sorted { $0 ?? 0 < $1 ?? 0 } == [
        2 * mega, 3 * mega,
      ])
    await lab.serveAll(object)
    lab.expect("a", object)
    lab.expect("b", object)
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .ended])
    #expect(lab.seen.holds.isEmpty && lab.seen.phase == .finished)
  }

  @Test func anotherFileSystemsDownloadsGoOn() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.files = 2
      $0.waitsForEver = true
    }
    lab.store.setSpace("/out", free: 0)
    lab.store.setSpace("/out/usb", free: .max)
    let object = ScriptedObject(bytes: pattern(4 * mega))
    let names = ["a", "usb/b", "c", "usb/d"]
    for name in names { await lab.engine.add([spec(name, size: object.bytes.count, id: name)]) }
    await lab.run()
    lab.store.part(lab.path("a"))?.fail(full)
    await lab.serveAll(object)
    lab.expect("usb/b", object)
    lab.expect("usb/d", object)
    #expect(lab.status(0)?.state == .held)
    // Its turn would only have filled the disk once more.
    #expect(lab.status(2)?.state ?? .waiting == .waiting)
    lab.store.setSpace("/out", free: .max)
    await lab.run(40)
    await lab.serveAll(object)
    for name in names { lab.expect(name, object) }
  }

  @Test func withNothingElseToDoAHeadlessRunEndsWithItsProgress() async {
    let lab = EngineLab { $0.connections = 1 }
    lab.store.setSpace("/out", free: 0)
    let object = ScriptedObject(bytes: pattern(9 * mega))
    lab.store.setSpace("/out/usb", free: .max)
    for name in ["a", "usb/b", "c"] {
      await lab.engine.add([spec(name, size: object.bytes.count, id: name)])
    }
    await lab.run()
    served(lab, object, bytes: mega)
    lab.store.part(lab.path("a"))?.fail(full)
    await lab.run(100)
    // Another one still runs: it waits.
    #expect(lab.status(0)?.state == .held)
    await lab.serveAll(object)
    await lab.run(20)
    lab.expect("usb/b", object)
    await lab.engine.waitUntilFinished()
    #expect(lab.status(0)?.state == .needsUser && lab.status(0)?.received == mega)
    #expect(lab.status(0)?.failure?.code == .disk)
    #expect(lab.status(0)?.failure?.remedy.contains("--until-done") == true)
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .givenUp])
    #expect(lab.transport.open.isEmpty)
  }

  @Test func aQuotaIsTriedAgainWithGrowingPausesWhateverTheFreeSpaceSays() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.waitsForEver = true
    }
    lab.store.setSpace("/out", free: .max)
    await lab.engine.add([spec("q", size: 9 * mega)])
    var moments: [Double] = []
    let start = lab.clock.now
    for _ in 0..<3000 {
      if !lab.transport.open.isEmpty {
        moments.append((lab.clock.now - start).rounded())
        lab.store.part(lab.path("q"))?.fail(quota)
      }
      await lab.run(1)
    }
    let pauses = zip(moments.dropFirst(), moments).map { $0 - $1 }
    #expect(pauses.count >= 4 && pauses.count < 9, "\(moments)")
    #expect(pauses == pauses.sorted(), "\(pauses)")
  }

  @Test func anInputOutputErrorEndsItsDownloadAndNoOther() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    for name in ["a", "b"] { await lab.engine.add([spec(name, size: object.bytes.count, id: name)]) }
    await lab.run()
    lab.store.part(lab.path("a"))?.fail(Failure(.disk, retry: .never, "Input/output error."))
    await lab.serveAll(object)
    #expect(lab.status(0)?.state == .failed && lab.status(0)?.failure?.code == .disk)
    lab.expect("b", object)
    #expect(lab.transport.requests.count { $0.url.hasSuffix("/a") } == 1)
  }

  @Test func aPausedDownloadStaysPausedWhenThereIsRoomAgain() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.waitsForEver = true
    }
    lab.store.setSpace("/out", free: 0)
    for name in ["a", "b"] { await lab.engine.add([spec(name, size: 4 * mega, id: name)]) }
    await lab.run()
    lab.store.part(lab.path("a"))?.fail(full)
    await lab.run()
    await lab.engine.perform(.pause([DownloadID(0)]))
    #expect(lab.status(0)?.state == .paused)
    lab.store.setSpace("/out", free: .max)
    await lab.run(40)
    #expect(lab.status(0)?.state == .paused && lab.status(1)?.state == .running)
  }
}

@Suite struct WriteAccessTests {
  let readOnly = Failure(.disk, retry: .held(.readOnly), "'/out' is read-only.", remedy: "Make it writable.")
  let denied = Failure(.disk, retry: .held(.permission), "Permission denied.", remedy: "Ask for it.")

  private func add(_ names: [String], _ object: ScriptedObject, to lab: EngineLab) async {
    for name in names { await lab.engine.add([spec(name, size: object.bytes.count, id: name)]) }
  }

  @Test func `a file system that becomes read-only is said once, and all goes on when it is writable`() async
  {
    let lab = EngineLab {
      $0.connections = 1
      $0.waitsForEver = true
    }
    let names = (0..<50).map { "f\($0)" }
    let object = ScriptedObject(bytes: pattern(2 * mega))
    await add(names, object, to: lab)
    await lab.run()
    lab.store.setReadOnly("/", true)
    lab.store.part(lab.path("f0"))?.fail(readOnly)
    lab.store.failOpens(readOnly)
    await lab.run(300)
    #expect(lab.seen.holdChanges.map(\.text) == ["waiting for write access to /: it is mounted read-only"])
    #expect(lab.seen.log.filter { $0.level == .error }.isEmpty)
    #expect(lab.seen.totals.held < 20 && lab.seen.totals.failed + lab.seen.totals.needsUser == 0)
    lab.store.failOpens(nil)
    lab.store.setReadOnly("/", false)
    await lab.run(40)
    await lab.serveAll(object)
    for name in names { lab.expect(name, object) }
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .ended])
  }

  @Test func `a closed folder holds what goes there and nothing else`() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.files = 2
    }
    let object = ScriptedObject(bytes: pattern(2 * mega))
    await add(["in/a", "in/deep/b", "c", "in/d", "e"], object, to: lab)
    lab.store.setClosed("/out/in", true)
    await lab.run()
    lab.store.part(lab.path("in/a"))?.fail(denied)
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.contains("/in") else { return false }
      lab.store.part(lab.path(transfer.request.url.hasSuffix("b") ? "in/deep/b" : "in/d"))?.fail(denied)
      return true
    }
    lab.expect("c", object)
    lab.expect("e", object)
    await lab.run(20)
    await lab.engine.waitUntilFinished()
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .givenUp])
    #expect(lab.seen.holdChanges.first?.hold.place == "/out/in")
    #expect(lab.status(0)?.state == .needsUser)
    #expect(lab.status(0)?.failure?.remedy.contains("--until-done") == true)
  }

  @Test func `what is not the folder's fault is its download's own`() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(2 * mega))
    await add(["a", "b"], object, to: lab)
    await lab.run()
    lab.store.part(lab.path("a"))?.fail(denied)
    await lab.serveAll(object)
    #expect(lab.status(0)?.state == .needsUser && lab.status(0)?.failure?.sentence == denied.sentence)
    #expect(lab.seen.holdChanges.isEmpty)
    lab.expect("b", object)
  }
}

@Suite struct TokenFlowTests {
  /// A server that takes `good` only.
  private func lab(_ change: (inout EngineOptions) -> Void = { _ in }) -> EngineLab {
    EngineLab {
      $0.connections = 2
      $0.token = "first"
      $0.tokenFile = "/t"
      $0.tokenRenewal = "put it into /t"
      $0.waitsForEver = true
      change(&$0)
    }
  }

  private func token(_ request: TransferRequest) -> String? {
    request.headers.first { $0.name == "X-Auth-Token" }?.value
  }

  private func refuse(
    _ lab: EngineLab, _ transfer: ScriptedTransport.Open, status: Int = 401, body: String = ""
  ) {
    let head = ResponseHead(status: status, headers: [HTTPHeader("Content-Type", "text/plain")])
    #expect(transfer.receiver.begin(head) == .reject)
    lab.transport.end(transfer.request.id, .rejected, head: head, errorBody: Array(body.utf8))
  }

  /// Serves everything that has the token `good` and refuses the rest.
  private func serve(_ lab: EngineLab, _ object: ScriptedObject, good: String, status: Int = 401) async {
    await lab.serveAll(object) { transfer in
      if token(transfer.request) == good { return false }
      refuse(lab, transfer, status: status)
      return true
    }
  }

  @Test func whatIsOpenFlowsOnAndTheRestWaitsForANewTokenAtTheSameByte() async {
    let lab = lab()
    let object = ScriptedObject(bytes: pattern(24 * mega))
    await lab.engine.add([spec("t", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: mega)
    await lab.run()
    #expect(lab.transport.open.count == 2)
    let other = lab.transport.open[1]
    refuse(lab, other)
    await lab.run()
    // Granted before: it goes on.
    #expect(lab.transport.open.count == 1 && lab.status(0)?.state == .running)
    #expect(lab.seen.holdChanges.map(\.what) == [.began])
    lab.transport.serve(lab.transport.open[0], object)
    await lab.run(50)
    #expect(lab.transport.open.isEmpty && lab.status(0)?.state == .held)
    let received = lab.status(0)?.received ?? 0
    #expect(received > mega)
    let before = lab.transport.requests.count
    await lab.run(3000)
    #expect(lab.transport.requests.count == before)

    await lab.engine.setToken("second", file: "/t")
    await lab.run()
    #expect(lab.transport.requests[before].range?.start == received)
    await serve(lab, object, good: "second")
    lab.expect("t", object)
    #expect(lab.transport.requests[before...].allSatisfy { token($0) == "second" })
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .ended])
  }

  @Test func manyDownloadsOneSentenceAndFewRequests() async {
    let lab = lab()
    for i in 0..<40 { await lab.engine.add([spec("f\(i)", size: 2 * mega, id: "\(i)")]) }
    await serve(lab, ScriptedObject(bytes: pattern(2 * mega)), good: "second")
    await lab.run(100)
    #expect(lab.seen.holdChanges.count == 1)
    #expect(lab.transport.requests.count <= 24, "\(lab.transport.requests.count) requests")
    #expect(lab.seen.log.filter { $0.level == .error }.isEmpty)
    await lab.engine.setToken("second", file: "/t")
    let object = ScriptedObject(bytes: pattern(2 * mega))
    await serve(lab, object, good: "second")
    for i in 0..<40 { lab.expect("f\(i)", object) }
  }

  @Test func anotherServersDownloadsGoOnAndSoDoThoseThatNeedNoToken() async {
    let lab = lab { $0.files = 4 }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    let elsewhere = DownloadSpec(source: .url("https://other.example/x"), name: "x", size: object.bytes.count)
    await lab.engine.add([spec("closed", size: object.bytes.count, id: "closed"), elsewhere])
    await lab.engine.add([spec("open", size: object.bytes.count, id: "open")])
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.hasSuffix("closed"), token(transfer.request) != "second" else {
        return false
      }
      refuse(lab, transfer)
      return true
    }
    #expect(lab.status(0)?.state == .held)
    lab.expect("x", object)
    lab.expect("open", object)
  }

  @Test func aNewTokenThatIsRefusedTooIsSaidAndNotAskedWithAgainAndAgain() async {
    let lab = lab()
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("t", size: object.bytes.count)])
    await serve(lab, object, good: "third")
    await lab.engine.setToken("second", file: "/t")
    await serve(lab, object, good: "third")
    let count = lab.transport.requests.count
    await lab.run(6000)
    #expect(lab.transport.requests.count == count && count <= 4)
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .ended, .again])
    #expect(lab.seen.holds.first?.text.contains("refused the new token too") == true)
    await lab.engine.setToken("third", file: "/t")
    await serve(lab, object, good: "third")
    lab.expect("t", object)
  }

  @Test func noAccessToOneObjectIsNotTheTokensFault() async {
    let lab = lab()
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("mine", size: object.bytes.count, id: "mine")])
    await lab.engine.add([spec("theirs", size: object.bytes.count, id: "theirs")])
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.hasSuffix("theirs") else { return false }
      refuse(lab, transfer, status: 403, body: "You do not have access to this project.")
      return true
    }
    #expect(lab.status(1)?.state == .needsUser)
    lab.expect("mine", object)
    #expect(lab.seen.holdChanges.isEmpty)
  }

  @Test func a403InMidRunMeansThatTheTokenWorksNoMore() async {
    let lab = lab()
    let object = ScriptedObject(bytes: pattern(24 * mega))
    await lab.engine.add([spec("t", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object)
    await lab.run()
    for transfer in lab.transport.open { refuse(lab, transfer, status: 403) }
    await lab.run(20)
    #expect(lab.status(0)?.state == .held)
  }

  @Test func aHeadlessRunEndsWhenOnlyTheTokenIsMissing() async {
    let lab = lab { $0.waitsForEver = false }
    for i in 0..<20 { await lab.engine.add([spec("f\(i)", size: 4 * mega, id: "\(i)")]) }
    await serve(lab, ScriptedObject(bytes: pattern(4 * mega)), good: "second")
    await lab.run(30)
    await lab.engine.waitUntilFinished()
    #expect(lab.seen.holdChanges.map(\.what) == [.began, .givenUp])
    #expect(lab.seen.totals.needsUser > 0 && lab.seen.totals.held == 0)
    #expect(lab.status(0)?.failure?.code == .credentials)
  }

  @Test func withoutAWayToANewTokenTheDownloadNeedsItsUserAtOnce() async {
    let lab = lab { $0.tokenRenewal = nil }
    await lab.engine.add([spec("t", size: 4 * mega)])
    await serve(lab, ScriptedObject(bytes: pattern(4 * mega)), good: "second")
    #expect(lab.status(0)?.state == .needsUser)
    #expect(lab.seen.holdChanges.isEmpty)
  }

  @Test func withUntilDoneAServerThatIsAwayForADayIsTriedEveryFiveMinutesAtMost() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.policy.retry = .untilDone
      $0.waitsForEver = true
    }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("d", size: object.bytes.count)])
    await lab.run()
    var tries = 0
    // A day, in steps of ten seconds.
    for _ in 0..<8640 {
      for transfer in lab.transport.open {
        tries += 1
        lab.transport.end(
          transfer.request.id, .failed(Failure(.network, retry: .later(after: nil), "No such host.")))
      }
      lab.clock.advance(by: 10)
      await lab.engine.tick()
    }
    #expect(lab.status(0)?.state == .retrying)
    #expect(tries > 280 && tries < 620, "\(tries) tries in a day")
    for _ in 0..<4000 {
      for transfer in lab.transport.open { lab.transport.serve(transfer, object) }
      await lab.run(1)
    }
    lab.expect("d", object)
  }

  @Test func aServerThatIsAwayDoesNotDrawTheWholeQueueIn() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.policy.retry = .untilDone
    }
    for i in 0..<500 { await lab.engine.add([spec("f\(i)", size: 4 * mega, id: "\(i)")]) }
    for _ in 0..<3000 {
      for transfer in lab.transport.open {
        lab.transport.end(
          transfer.request.id, .failed(Failure(.network, retry: .later(after: nil), "No route.")))
      }
      await lab.run(1)
    }
    let begun = Set(lab.transport.requests.map(\.url)).count
    #expect(begun <= 24, "\(begun) downloads began for nothing")
  }
}
