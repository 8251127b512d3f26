import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

@Suite struct FaultTests {
  let reset = Failure(.network, retry: .now, "Connection reset.")

  @Test func anObjectThatChangedIsNeverSpliced() async {
    let lab = EngineLab { $0.connections = 1 }
    let old = ScriptedObject(bytes: pattern(9 * mega, seed: 1))
    let new = ScriptedObject(bytes: pattern(9 * mega, seed: 2), etag: "\"v2\"")
    await lab.engine.add([spec("c.bin", size: 9 * mega)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], old, upTo: 3 * mega)
    lab.transport.end(lab.transport.open[0].request.id, .failed(reset))
    await lab.serveAll(new)
    #expect(lab.status(0)?.state == .needsUser)
    #expect(lab.status(0)?.failure?.code == .changed)
    #expect(lab.store.file(lab.path("c.bin")) == nil)
    // The user decides: start over.
    await lab.engine.perform(.retry([DownloadID(0)]))
    await lab.serveAll(new)
    lab.expect("c.bin", new)
  }

  @Test func aBusyServerIsLeftAloneAsLongAsItAsks() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(1000))
    await lab.engine.add([spec("b", size: 1000)])
    await lab.run()
    let transfer = lab.transport.open[0]
    let busy = ResponseHead(status: 503, headers: [HTTPHeader("Retry-After", "30")])
    #expect(transfer.receiver.begin(busy) == .reject)
    lab.transport.end(transfer.request.id, .rejected, head: busy)
    await lab.run()
    #expect(lab.status(0)?.state == .retrying)
    await lab.run(250)
    #expect(lab.transport.open.isEmpty)
    await lab.run(60)
    #expect(lab.transport.open.count == 1)
    await lab.serveAll(object)
    #expect(lab.status(0)?.state == .verified)
  }

  @Test func aMissingFileFailsWithoutRetries() async {
    let lab = EngineLab()
    await lab.engine.add([spec("m", size: 1000)])
    await lab.run()
    let transfer = lab.transport.open[0]
    let head = ResponseHead(status: 404)
    #expect(transfer.receiver.begin(head) == .reject)
    lab.transport.end(transfer.request.id, .rejected, head: head, errorBody: Array("gone".utf8))
    await lab.run(100)
    #expect(lab.transport.requests.count == 1)
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.seen.phase == .finished)
  }

  @Test func aSilentConnectionIsEndedAndTriedAgain() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("s", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: mega)
    await lab.run(290)
    #expect(lab.transport.requests.count == 1)
    await lab.run(40)
    #expect(lab.transport.requests.count == 2)
    #expect(lab.transport.requests.last?.range?.start == mega)
    await lab.serveAll(object)
    lab.expect("s", object)
  }

  @Test func failuresInARowEndADownload() async {
    let lab = EngineLab { $0.policy.retry.limit = 3 }
    await lab.engine.add([spec("f", size: 4 * mega)])
    for _ in 0..<3000 {
      for transfer in lab.transport.open { lab.transport.end(transfer.request.id, .failed(reset)) }
      await lab.run(1)
    }
    #expect(lab.transport.requests.count == 4)
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.status(0)?.failure?.code == .network)
  }

  @Test func aRedirectElsewhereGetsNoCredentials() async {
    let lab = EngineLab {
      $0.token = "secret"
      $0.headers = [HTTPHeader("Authorization", "Bearer x")]
    }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("r", size: object.bytes.count)])
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.hasPrefix("https://data.example/") else {
        #expect(!transfer.request.headers.contains { ["X-Auth-Token", "Authorization"].contains($0.name) })
        return false
      }
      #expect(transfer.request.headers.contains(HTTPHeader("X-Auth-Token", "secret")))
      let head = ResponseHead(
        status: 302, headers: [HTTPHeader("Location", "https://bucket.example/key?sig=1")])
      #expect(transfer.receiver.begin(head) == .reject)
      lab.transport.end(transfer.request.id, .rejected, head: head)
      return true
    }
    lab.expect("r", object)
    #expect(lab.transport.requests.count { $0.url.hasPrefix("https://data.example/") } == 1)
  }

  @Test func aRedirectFromHttpsToHttpIsRefused() async {
    let lab = EngineLab()
    await lab.engine.add([spec("r", size: 9 * mega)])
    await lab.serveAll(ScriptedObject(bytes: [])) { transfer in
      let head = ResponseHead(status: 302, headers: [HTTPHeader("Location", "http://bucket.example/key")])
      _ = transfer.receiver.begin(head)
      lab.transport.end(transfer.request.id, .rejected, head: head)
      return true
    }
    #expect(lab.status(0)?.failure?.code == .tls)
    #expect(lab.transport.requests.count == 1)
  }

  @Test func redirectsInACircleEnd() async {
    let lab = EngineLab()
    await lab.engine.add([spec("r", size: 9 * mega)])
    await lab.serveAll(ScriptedObject(bytes: [])) { transfer in
      let head = ResponseHead(status: 302, headers: [HTTPHeader("Location", "/again")])
      _ = transfer.receiver.begin(head)
      lab.transport.end(transfer.request.id, .rejected, head: head)
      return true
    }
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.transport.requests.count == 11)
  }

  @Test func bytesThatWentBadOnDiskAreFetchedAgain() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("l", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object)
    lab.store.part(lab.path("l"))?.lose(ByteRange(mega, 2 * mega))
    await lab.serveAll(object)
    #expect(lab.transport.requests.contains { $0.range == ByteRange(mega, 2 * mega) })
    lab.expect("l", object)
  }

  @Test func aFullDiskStopsTheDownloadAndKeepsItsBytes() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("d", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: 2 * mega)
    lab.store.part(lab.path("d"))?.fail(Failure(.disk, retry: .needsUser, "No space.", remedy: "Free some."))
    await lab.run()
    #expect(lab.status(0)?.state == .needsUser)
    #expect(lab.store.part(lab.path("d"))?.stored.count == 2 * mega)
    await lab.engine.perform(.retry([DownloadID(0)]))
    await lab.serveAll(object)
    lab.expect("d", object)
  }

  @Test func aWrongDigestIsNeverDone() async {
    let lab = EngineLab()
    lab.store.setDigestIsRight(false)
    let object = ScriptedObject(bytes: pattern(2000))
    await lab.engine.add([spec("x", size: 2000)])
    await lab.serveAll(object)
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.store.file(lab.path("x")) == nil)
  }

  @Test func anAnswerThatEndsEarlyIsNoCompleteFile() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("e", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: mega)
    lab.transport.end(lab.transport.open[0].request.id, .completed)
    await lab.run()
    #expect(lab.status(0)?.state != .verified)
    await lab.serveAll(object)
    lab.expect("e", object)
  }

  @Test func twoDownloadsNeverShareATarget() async {
    let lab = EngineLab()
    let object = ScriptedObject(bytes: pattern(500))
    await lab.engine.add([
      DownloadSpec(source: .url("https://a.example/same")),
      DownloadSpec(source: .url("https://b.example/same")),
    ])
    await lab.serveAll(object)
    let states = [lab.status(0)?.state, lab.status(1)?.state]
    #expect(states.contains(.complete) && states.contains(.failed))
  }

  @Test(arguments: [nil, "w"]) func stoppingWhileEverythingWaitsForARetryEndsAtOnce(name: String?) async {
    let lab = EngineLab()
    await lab.engine.add([
      name.map { spec($0, size: 9 * mega) } ?? DownloadSpec(source: .url("https://data.example/w"))
    ])
    await lab.run()
    let busy = ResponseHead(status: 429, headers: [HTTPHeader("Retry-After", "3600")])
    _ = lab.transport.open[0].receiver.begin(busy)
    lab.transport.end(lab.transport.open[0].request.id, .rejected, head: busy)
    await lab.run()
    #expect(lab.status(0)?.state == .retrying)
    await lab.engine.stop()
    #expect(lab.seen.phase == .stopping)
  }

  @Test func connectionsThatBreakTogetherAreOneFailure() async {
    let lab = EngineLab {
      $0.connections = 8
      $0.policy.retry.limit = 2
    }
    let object = ScriptedObject(bytes: pattern(64 * mega))
    await lab.engine.add([spec("o", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: mega)
    await lab.run(5)
    #expect(lab.transport.open.count == 8)
    for transfer in lab.transport.open { lab.transport.end(transfer.request.id, .failed(reset)) }
    await lab.run(10)
    #expect(lab.status(0)?.state == .running)
    await lab.serveAll(object)
    lab.expect("o", object)
  }

  @Test func aServerWithoutRangesThatBreaksOffIsNotHammered() async {
    let lab = EngineLab { $0.policy.retry.limit = 3 }
    var object = ScriptedObject(bytes: pattern(9 * mega))
    object.ranges = false
    await lab.engine.add([DownloadSpec(source: .url("https://data.example/b"))])
    for _ in 0..<2000 {
      for transfer in lab.transport.open {
        lab.transport.serve(transfer, object, upTo: mega)
        lab.transport.end(transfer.request.id, .failed(reset))
      }
      await lab.run(1)
    }
    #expect(lab.transport.requests.count <= 12)
    #expect(lab.status(0)?.state == .failed)
  }

  @Test func aHostThatWantsToBeLeftAloneDoesNotHoldUpOthers() async {
    let lab = EngineLab { $0.perHost = 2 }
    let object = ScriptedObject(bytes: pattern(500))
    await lab.engine.add(
      (0..<40).map { DownloadSpec(source: .url("https://busy.example/\($0)"), name: "b\($0)", size: 500) }
        + [DownloadSpec(source: .url("https://good.example/g"), name: "g", size: 500)])
    await lab.serveAll(object, limit: 100) { transfer in
      guard transfer.request.url.contains("busy") else { return false }
      let busy = ResponseHead(status: 429, headers: [HTTPHeader("Retry-After", "3600")])
      _ = transfer.receiver.begin(busy)
      lab.transport.end(transfer.request.id, .rejected, head: busy)
      return true
    }
    lab.expect("g", object)
    #expect(lab.transport.requests.count { $0.url.contains("busy") } <= 4)
  }

  @Test func aChangedObjectIsFetchedAnewWhenThatWasAskedFor() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.policy.restartsChanged = true
    }
    let old = ScriptedObject(bytes: pattern(9 * mega, seed: 1))
    let new = ScriptedObject(bytes: pattern(9 * mega, seed: 2), etag: "\"v2\"")
    await lab.engine.add([spec("c.bin", size: 9 * mega)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], old, upTo: 3 * mega)
    lab.transport.end(lab.transport.open[0].request.id, .failed(reset))
    await lab.serveAll(new)
    await lab.run(20)
    await lab.serveAll(new)
    lab.expect("c.bin", new)
  }

  @Test func anUnannouncedEndBeforeTheManifestsSizeIsNoCompleteFile() async {
    let lab = EngineLab()
    var object = ScriptedObject(bytes: pattern(5 * mega))
    object.ranges = false
    object.announcesLength = false
    await lab.engine.add([DownloadSpec(source: .url("https://h.example/u"), name: "u", size: 5 * mega)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: 2 * mega)
    lab.transport.end(lab.transport.open[0].request.id, .completed)
    await lab.run()
    let isThere = lab.store.file(lab.path("u")) != nil
    #expect(!isThere)
    await lab.serveAll(object)
    await lab.run(20)
    await lab.serveAll(object)
    lab.expect("u", object)
  }

  @Test func moreThanTheManifestsSizeIsNoCompleteFile() async {
    let lab = EngineLab()
    var object = ScriptedObject(bytes: pattern(5 * mega))
    object.ranges = false
    object.announcesLength = false
    await lab.engine.add([DownloadSpec(source: .url("https://h.example/u"), name: "u", size: 4 * mega)])
    await lab.serveAll(object)
    #expect(lab.status(0)?.failure?.code == .size)
    let isThere = lab.store.file(lab.path("u")) != nil
    #expect(!isThere)
  }

  @Test func aPartOfAnObjectWithoutASizeIsNotTheObject() async {
    let lab = EngineLab()
    var object = ScriptedObject(bytes: pattern(9 * mega))
    object.hidesSize = true
    object.announcesLength = false
    await lab.engine.add([DownloadSpec(source: .url("https://h.example/u"))])
    await lab.serveAll(object)
    await lab.run(20)
    await lab.serveAll(object)
    lab.expect("u", object)
  }

  @Test func absurdSizesDoNotOverflow() async {
    let lab = EngineLab { $0.waits = true }
    await lab.engine.add((0..<3).map { spec("s\($0)", size: .max, id: "\($0)") })
    await lab.run()
    #expect(lab.seen.totals.files == 3)
  }

  /// Cuts, pauses and bad blocks at random: whatever happens, the final file is right.
  @Test(arguments: 0..<60) func whateverBreaksTheFileIsRight(seed: Int) async {
    var random = SeededRandom(seed: UInt64(seed))
    let lab = EngineLab {
      $0.connections = 1 + seed % 5
      $0.policy.retry.limit = nil
      $0.policy.sizing.smallest = 1 << 20
      $0.seed = UInt64(seed)
    }
    let object = ScriptedObject(bytes: pattern(Int(random.next() % UInt64(4 * mega)) + 1, seed: UInt64(seed)))
    let named = seed % 2 == 0
    await lab.engine.add([
      named ? spec("z", size: object.bytes.count) : DownloadSpec(source: .url("https://h.example/z"))
    ])
    for round in 0..<3000 where lab.store.file(lab.path("z")) == nil {
      for transfer in lab.transport.open {
        let breaks = round < 200 && random.next() % 3 == 0
        let upTo = breaks ? Int(random.next() % UInt64(2 * mega)) : .max
        lab.transport.serve(transfer, object, upTo: upTo)
        if breaks { lab.transport.end(transfer.request.id, .failed(reset)) }
      }
      if round < 200, random.next() % 10 == 0 { await lab.engine.perform(.pauseAll) }
      if random.next() % 4 == 0 { await lab.engine.perform(.resumeAll) }
      if round < 50, let part = lab.store.part(lab.path("z")), let some = part.stored.ranges.first {
        if random.next() % 8 == 0 { part.lose(some) }
      }
      await lab.run(1)
    }
    let isRight = lab.has("z", object)
    #expect(isRight, "\(String(describing: lab.status(0))) \(lab.seen.log.suffix(5))")
  }
}
