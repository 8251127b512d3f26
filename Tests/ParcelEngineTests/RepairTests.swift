import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

/// A wrong digest, from the engine's side: what is asked, what is fetched, and when it ends.
@Suite struct RepairTests {
  /// `object` with one bit wrong at each place.
  func flipped(_ object: ScriptedObject, _ places: Int...) -> ScriptedObject {
    var other = object
    for place in places { other.bytes[place] ^= 4 }
    return other
  }

  /// As the lab's, past the moments at which nothing is open because the store is asked something.
  func serveAll(
    _ lab: EngineLab, _ object: ScriptedObject, limit: Int = 2000,
    step: (ScriptedTransport.Open) -> Bool = { _ in false }
  ) async {
    for _ in 0..<4 { await lab.serveAll(object, limit: limit, step: step) }
  }

  /// Answers questions for digests of parts as a server would that has `object`; false for ordinary requests.
  func answer(
    _ transfer: ScriptedTransport.Open, _ object: ScriptedObject, _ lab: EngineLab, toHead: Bool = true,
    toGet: Bool = true
  ) -> Bool {
    let request = transfer.request
    guard request.headers.contains(where: { $0.name == "Want-Content-Digest" }) else { return false }
    var head = object.head(for: request)
    if request.headOnly ? toHead : toGet, let range = request.range {
      let bytes = object.bytes[range.start..<min(range.end, object.bytes.count)]
      let value = base64(MemoryPart.digest(bytes))
      head.headers.append(HTTPHeader("Content-Digest", "sha-256=:\(value):"))
    }
    #expect(transfer.receiver.begin(head) == .reject)
    lab.transport.end(request.id, .rejected, head: head)
    return true
  }

  func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for i in stride(from: 0, to: bytes.count, by: 3) {
      let group = [0, 1, 2].map { i + $0 < bytes.count ? UInt32(bytes[i + $0]) : 0 }
      let value = group[0] << 16 | group[1] << 8 | group[2]
      for j in 0..<4 {
        text.append(i + j - 1 < bytes.count || j < 2 ? digits[Int(value >> (18 - 6 * UInt32(j)) & 63)] : 61)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  func bodies(_ lab: EngineLab, after first: Int) -> Int {
    lab.transport.requests.dropFirst(first).filter { request in
      !request.headers.contains { $0.name == "Want-Content-Digest" }
    }.reduce(0) { $0 + ($1.range?.count ?? 0) }
  }

  @Test(arguments: [true, false])
  func withDigestsOfPartsOnlyTheBadBlockComesAgain(toHead: Bool) async {
    let lab = EngineLab { $0.connections = 1 }
    let right = ScriptedObject(bytes: pattern(40 * mega + 77))
    let wrong = flipped(right, 21 * mega + 5)
    lab.store.setRight(right.bytes)
    await lab.engine.add([spec("a", size: right.bytes.count)])
    var first = 0
    await serveAll(lab, right) { transfer in
      if answer(transfer, right, lab, toHead: toHead) { return true }
      guard first == 0 || !lab.transport.requests.contains(where: { $0.headOnly }) else { return false }
      first = lab.transport.requests.count
      lab.transport.serve(transfer, wrong)
      return true
    }
    lab.expect("a", right)
    #expect(lab.status(0)?.state == .verified)
    #expect(bodies(lab, after: first) == mega)
    let report = lab.status(0)?.repair
    #expect(report?.bad == [ByteRange(21 * mega, 22 * mega)])
    #expect(report?.step == .server && report?.round == 1 && report?.fetched == mega)
    #expect(lab.seen.transitions.contains { $0.to == .repairing })
    #expect(lab.seen.repairs.last?.report.blocks == 1)
    #expect(lab.transport.requests.contains { $0.headOnly })
  }

  @Test func theServersDigestsThatAgreeEndItWithoutAByte() async {
    let lab = EngineLab { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(20 * mega))
    lab.store.setDigestIsRight(false)
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await serveAll(lab, object) { answer($0, object, lab) }
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.status(0)?.failure?.code == .digest)
    #expect(lab.status(0)?.failure?.sentence.contains("agree with every byte") == true)
    #expect(lab.seen.totals.fetched == object.bytes.count)
    #expect(lab.store.file(lab.path("a")) == nil)
    #expect(lab.store.part(lab.path("a"))?.stored.count == object.bytes.count)
  }

  @Test func withoutDigestsOfPartsEverythingComesAgainAndIsComparedInPlace() async {
    let lab = EngineLab { $0.connections = 3 }
    let right = ScriptedObject(bytes: pattern(20 * mega))
    let wrong = flipped(right, 3 * mega, 17 * mega)
    lab.store.setRight(right.bytes)
    await lab.engine.add([spec("a", size: right.bytes.count)])
    var asked = false
    await serveAll(lab, right) { transfer in
      if answer(transfer, right, lab, toHead: false, toGet: false) {
        asked = true
        return true
      }
      if !asked { lab.transport.serve(transfer, wrong) }
      return !asked
    }
    lab.expect("a", right)
    #expect(lab.seen.totals.fetched == 2 * right.bytes.count)
    #expect(lab.status(0)?.repair?.blocks == 2)
    #expect(lab.status(0)?.repair?.step == .compare)
    #expect(lab.seen.log.contains { $0.text.contains("Fetching 20,971,520 bytes again") })
    // On new connections, and the row never goes back to less than everything.
    #expect(lab.transport.requests.contains { $0.fresh })
    #expect(lab.status(0)?.received == right.bytes.count)
  }

  @Test func theSameBytesASecondTimeAreTheServersFault() async {
    let lab = EngineLab { $0.connections = 2 }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    lab.store.setDigestIsRight(false)
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await serveAll(lab, object) { answer($0, object, lab, toHead: false, toGet: false) }
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.status(0)?.failure?.sentence.contains("the same bytes came") == true)
    #expect(lab.seen.totals.fetched == 2 * object.bytes.count)
  }

  @Test func afterTwoRoundsTheBlocksThatKeptChangingAreNamed() async {
    let lab = EngineLab { $0.connections = 1 }
    let right = ScriptedObject(bytes: pattern(9 * mega))
    lab.store.setDigestIsRight(false)
    await lab.engine.add([spec("a", size: right.bytes.count)])
    var count = 0
    await serveAll(lab, right) { transfer in
      if answer(transfer, right, lab, toHead: false, toGet: false) { return true }
      // Other bytes each time, always at the same place.
      var other = right
      count += 1
      other.bytes[5 * mega + 9] = UInt8(count)
      lab.transport.serve(transfer, other)
      return true
    }
    let failure = lab.status(0)?.failure
    #expect(failure?.code == .digest)
    #expect(failure?.sentence.contains("Blocks 5 (of 1,048,576 bytes, counted from 0) kept changing") == true)
    #expect(lab.seen.totals.fetched == 3 * right.bytes.count)
    #expect(lab.store.part(lab.path("a")) != nil)
    #expect(lab.store.file(lab.path("a")) == nil)
  }

  @Test func aRepairGoesOnAfterAPauseWhereItWas() async {
    let lab = EngineLab { $0.connections = 1 }
    let right = ScriptedObject(bytes: pattern(20 * mega))
    let wrong = flipped(right, 15 * mega)
    lab.store.setRight(right.bytes)
    await lab.engine.add([spec("a", size: right.bytes.count)])
    var asked = false
    await serveAll(lab, right, limit: 15) { transfer in
      if answer(transfer, right, lab, toHead: false, toGet: false) {
        asked = true
        return true
      }
      if asked { return true }  // its bytes wait
      lab.transport.serve(transfer, wrong)
      return true
    }
    #expect(lab.status(0)?.state == .repairing)
    lab.transport.serve(lab.transport.open[0], right, upTo: 2 * mega)
    await lab.run()
    await lab.engine.perform(.pauseAll)
    await lab.run()
    #expect(lab.status(0)?.state == .paused)
    let before = lab.transport.requests.count
    await lab.engine.perform(.resumeAll)
    await serveAll(lab, right) { answer($0, right, lab, toHead: false, toGet: false) }
    lab.expect("a", right)
    #expect(lab.transport.requests.dropFirst(before).first?.range?.start == 2 * mega)
  }

  @Test func withoutRangesABrokenComparisonBeginsAgainAndTheFileStays() async {
    let lab = EngineLab { $0.connections = 1 }
    var right = ScriptedObject(bytes: pattern(9 * mega))
    right.ranges = false
    var wrong = flipped(right, 2 * mega)
    wrong.ranges = false
    lab.store.setRight(right.bytes)
    await lab.engine.add([spec("a", size: right.bytes.count)])
    var asked = false
    var broken = false
    await serveAll(lab, right) { [wrong] transfer in
      if answer(transfer, right, lab, toHead: false, toGet: false) {
        asked = true
        return true
      }
      if !asked {
        lab.transport.serve(transfer, wrong)
      } else if !broken {
        broken = true
        lab.transport.serve(transfer, right, upTo: 5 * mega)
        lab.transport.end(
          transfer.request.id, .failed(Failure(.network, retry: .later(after: nil), "The connection broke.")))
      } else {
        return false
      }
      return true
    }
    #expect(broken)
    // It waits a moment after the break.
    await lab.run(20)
    await serveAll(lab, right)
    lab.expect("a", right)
  }

  @Test func aSmallFileComesAgainTwiceAndNotMore() async {
    let lab = EngineLab()
    lab.store.setDigestIsRight(false)
    let object = ScriptedObject(bytes: pattern(2000))
    await lab.engine.add([spec("x", size: 2000)])
    await serveAll(lab, object)
    #expect(lab.transport.requests.count == 3)
    #expect(lab.status(0)?.state == .failed)
    #expect(lab.status(0)?.failure?.sentence.contains("3 times") == true)
  }

  @Test func aSmallFileThatWasBrokenOnTheWayIsRightTheSecondTime() async {
    let lab = EngineLab()
    let right = ScriptedObject(bytes: pattern(2000))
    let wrong = flipped(right, 7)
    lab.store.setRight(right.bytes)
    await lab.engine.add([spec("x", size: 2000)])
    await serveAll(lab, right) { transfer in
      if lab.transport.requests.count == 1 { lab.transport.serve(transfer, wrong) }
      return lab.transport.requests.count == 1
    }
    lab.expect("x", right)
    #expect(lab.transport.requests.count == 2)
  }

  @Test func withoutRepairAWrongDigestIsTheEnd() async {
    let lab = EngineLab { $0.policy.repairs = false }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    lab.store.setDigestIsRight(false)
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await serveAll(lab, object)
    #expect(lab.status(0)?.failure?.code == .digest)
    #expect(lab.seen.totals.fetched == object.bytes.count)
    #expect(lab.status(0)?.repair == nil)
  }

  @Test func anObjectThatChangedMeanwhileIsNotMixedIn() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    let new = ScriptedObject(bytes: pattern(9 * mega, seed: 2), etag: "\"v2\"")
    lab.store.setDigestIsRight(false)
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await serveAll(lab, object) { answer($0, new, lab) }
    #expect(lab.status(0)?.failure?.code == .changed)
    let part = lab.store.part(lab.path("a"))
    #expect(part?.bytes(object.bytes.count) == object.bytes)
  }
}
