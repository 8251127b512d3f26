import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

/// Who goes on first.
@Suite struct QueueTests {
  let full = Failure(.disk, retry: .held(.space), "No space left.")

  /// Names of the files whose transfers were opened, each once, in that order.
  private func begun(_ requests: some Sequence<TransferRequest>) -> [String] {
    var names: [String] = []
    for request in requests {
      let name = String(request.url.split(separator: "/").last ?? "")
      if !names.contains(name) { names.append(name) }
    }
    return names
  }

  @Test func `when there is room again, what has begun goes on before anything else begins`() async {
    let lab = EngineLab {
      $0.connections = 1
      $0.files = 2
      $0.waitsForEver = true
    }
    lab.store.setSpace("/out", free: .max)
    let object = ScriptedObject(bytes: pattern(4 * mega))
    for name in ["a", "b", "c", "d", "e"] {
      await lab.engine.add([spec(name, size: object.bytes.count, id: name)])
    }
    await lab.run()
    for transfer in lab.transport.open { lab.transport.serve(transfer, object, upTo: mega) }
    await lab.run()
    // Three have begun, and two have a place.
    await lab.engine.perform(.pause([DownloadID(1)]))
    await lab.run()
    await lab.engine.perform(.resume([DownloadID(1)]))
    #expect(lab.status(0)?.state == .running && lab.status(2)?.state == .running)
    lab.store.setSpace("/out", free: 0)
    lab.store.part(lab.path("a"))?.fail(full)
    await lab.run(100)
    #expect(lab.status(0)?.state == .held && lab.status(1)?.state == .waiting)
    let before = lab.transport.requests.count
    lab.store.setSpace("/out", free: .max)
    await lab.run(40)
    await lab.serveAll(object)
    #expect(begun(lab.transport.requests[before...]) == ["a", "c", "b", "d", "e"])
    for name in ["a", "b", "c", "d", "e"] { lab.expect(name, object) }
  }
}
