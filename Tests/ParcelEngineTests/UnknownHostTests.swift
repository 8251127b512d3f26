import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

/// Hosts that have no address.
@Suite struct UnknownHostTests {
  let denied = Failure(.network, retry: .needsUser, "There is no host of that name.")

  @Test func `a host that does not exist fails with the first try, and the others go on`() async {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(2 * mega))
    let elsewhere = DownloadSpec(source: .url("https://nowhere.example/x"), name: "x", size: 2 * mega)
    await lab.engine.add([elsewhere, spec("a", size: object.bytes.count)])
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.contains("nowhere") else { return false }
      lab.transport.end(transfer.request.id, .failed(denied))
      return true
    }
    #expect(lab.status(0)?.state == .needsUser && lab.status(0)?.failure?.code == .network)
    #expect(lab.transport.requests.count { $0.url.contains("nowhere") } == 1)
    lab.expect("a", object)
  }

  @Test func `a name that was known a moment ago is tried again, and the download goes on where it was`()
    async
  {
    let lab = EngineLab { $0.connections = 1 }
    let object = ScriptedObject(bytes: pattern(4 * mega))
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await lab.run()
    lab.transport.serve(lab.transport.open[0], object, upTo: mega)
    await lab.run()
    let first = lab.transport.open[0].request.id
    lab.transport.end(first, .failed(Failure(.network, retry: .now, "The connection broke.")))
    for _ in 0..<3 {
      for _ in 0..<100 where lab.transport.open.isEmpty { await lab.run(1) }
      if let transfer = lab.transport.open.first { lab.transport.end(transfer.request.id, .failed(denied)) }
      await lab.run(1)
      #expect(lab.status(0)?.state == .retrying)
    }
    await lab.run(100)
    await lab.serveAll(object)
    #expect(lab.transport.requests.count == 5 && lab.transport.requests.last?.range?.start == mega)
    lab.expect("a", object)
  }

  @Test func `with until-done a host that does not exist is waited for`() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.policy.retry = .untilDone
      $0.waitsForEver = true
    }
    let object = ScriptedObject(bytes: pattern(2 * mega))
    await lab.engine.add([spec("a", size: object.bytes.count)])
    await lab.run()
    lab.transport.end(lab.transport.open[0].request.id, .failed(denied))
    await lab.run()
    #expect(lab.status(0)?.state == .retrying)
    await lab.run(20)
    await lab.serveAll(object)
    lab.expect("a", object)
  }
}
