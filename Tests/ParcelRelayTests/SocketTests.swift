import Glibc
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelSystem
import ParcelTesting
import Testing

/// TCP to TCP through a relay.
private struct Line {
  let server: TestServer
  let service: RelayService
  let port: Int
  let notices = Notices()

  init(_ server: TestServer, _ change: (inout RelaySettings) -> Void = { _ in }) throws {
    var settings = RelaySettings()
    change(&settings)
    self.server = server
    let notices = self.notices
    service = UDTToTCP.service(
      target: Endpoint(host: "127.0.0.1", port: server.port), settings, observe: { notices.add($0) })
    let listener = try TCPListener(host: "127.0.0.1", port: 0)
    port = listener.port
    try service.accept(from: listener)
  }

  func connect() throws -> TCPStream {
    try TCPStream.connect(host: "127.0.0.1", port: port)
  }

  func stop() {
    service.stop(deadline: 0)
    server.stop()
  }
}

@Suite(.serialized) struct SocketTests {
  @Test func manyMegabytesComeBackAsTheyWent() throws {
    let line = try Line(.echo())
    defer { line.stop() }
    let client = try line.connect()
    let bytes = pattern(50 << 20)
    let writer = Thread {
      try? client.write(bytes)
      _ = client.endWriting()
    }
    #expect(try client.readAll() == bytes)
    writer.join()
    client.close()
    #expect(eventually { line.notices.records.first?.how == "ended" })
  }

  @Test func aHalfCloseGoesThroughInBothDirections() throws {
    // The server answers only after the client's end.
    let line = try Line(
      TestServer { stream in
        let asked = (try? stream.readAll()) ?? []
        try? stream.write(asked.reversed())
        stream.close()
      })
    defer { line.stop() }
    let client = try line.connect()
    try client.write([1, 2, 3])
    #expect(client.endWriting())
    #expect(try client.readAll() == [3, 2, 1])
    client.close()
    // And the other way: the server ends first, then reads.
    let heard = Notebook()
    let other = try Line(
      TestServer { stream in
        _ = stream.endWriting()
        heard.write((try? stream.readAll()) ?? [])
        stream.close()
      })
    defer { other.stop() }
    let second = try other.connect()
    #expect(try second.readAll() == [])
    try second.write([4, 5])
    second.close()
    #expect(eventually { heard.bytes == [4, 5] })
  }

  @Test func aResetIsPassedOnAsOne() throws {
    let line = try Line(
      TestServer { stream in
        try? stream.write([9])
        _ = try? stream.read(exactly: 1)
        stream.abort()
        stream.close()
      })
    defer { line.stop() }
    let client = try line.connect()
    #expect(try client.read(exactly: 1) == [9])
    try client.write([1])
    #expect(throws: StreamEnd.self) { try client.readAll() }
    client.close()
    #expect(eventually { line.service.counters.resets == 1 })
  }

  @Test func aTargetThatRefusesIsAReset() throws {
    let server = try TestServer.echo()
    let line = try Line(server)
    server.stop()
    // The reset may come before `connect` has looked.
    #expect(throws: (any Error).self) { try line.connect().readAll() }
    #expect(eventually { line.notices.refusals.count == 1 })
    #expect(line.notices.refusals[0].failure.sentence.contains("refused"))
    line.service.stop(deadline: 5)
  }

  @Test func anotherAddressOfTheNameIsTriedWhenOneIsSilent() throws {
    // "localhost" has both families here or only one; the server has IPv4.
    let server = try TestServer.echo()
    defer { server.stop() }
    let client = try TCPStream.connect(host: "localhost", port: server.port)
    try client.write([1])
    #expect(try client.read(exactly: 1) == [1])
    client.close()
    #expect(throws: Failure.self) { try TCPStream.connect(host: "no-such-host.invalid", port: 1) }
  }

  @Test func aThousandConnectionsAreOpenAndAHundredBusy() throws {
    try #require((DescriptorLimit.raise() ?? 0) > 4500)
    let line = try Line(.echo()) { $0.maxConnections = 1000 }
    defer { line.stop() }
    var clients: [TCPStream] = []
    for _ in 0..<1000 {
      let client = try line.connect()
      clients.append(client)
      try client.write([1])
      #expect(try client.read(exactly: 1) == [1])
    }
    #expect(line.service.openConnections == 1000)
    #expect(throws: (any Error).self) { try line.connect().readAll() }
    let busy = clients.prefix(100).enumerated().map { index, client in
      let right = Notebook()
      let thread = Thread {
        let bytes = pattern(1 << 20, seed: UInt64(index + 1))
        let writer = Thread { try? client.write(bytes, timeout: 60) }
        if (try? client.read(exactly: bytes.count, timeout: 60)) == bytes { right.write([1]) }
        writer.join()
      }
      return (thread, right)
    }
    for (thread, right) in busy {
      thread.join()
      #expect(right.bytes == [1])
    }
    for client in clients {
      _ = client.endWriting()
      #expect(try client.readAll() == [])
      client.close()
    }
    #expect(eventually { line.service.openConnections == 0 })
    #expect(line.service.counters.failed == 0)
    #expect(line.service.counters.received == 1000 + 100 << 20)
  }
}

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("0.0.0.0/0", "8.8.8.8", true),
    ("0.0.0.0/0", "2001:db8::1", false), ("::/0", "8.8.8.8", true), ("192.0.2.7", "192.0.2.7", true),
    ("192.0.2.7", "192.0.2.8", false), ("192.0.2.0/25", "::ffff:192.0.2.127", true),
    ("192.0.2.0/25", "::ffff:192.0.2.128", false), ("::ffff:192.0.2.0/120", "192.0.2.9", true),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
    ("fe80::/10", "fe80::1%lo", true), ("10.0.0.0/8", "nonsense", false),
  ])
  func aRangeHoldsWhatBeginsAlike(_ range: String, _ address: String, _ isIn: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(address) == isIn)
  }

  @Test(arguments: [
    "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "::/129", "10.0.0.0/+8", "host",
    "10.0.0.0/08/1",
  ])
  func anythingElseIsNoRange(_ text: String) {
    #expect(AddressRange(text) == nil)
  }
}

@Suite struct MetricsTests {
  @Test func countersAreThereForPrometheusOnThisMachineOnly() throws {
    var counters = RelayCounters()
    counters.total = 42
    counters.path.roundTrip = 0.125
    let text = counters.metrics
    let server = try MetricsServer("127.0.0.1:0") { text }
    defer { server.stop() }
    let client = try TCPStream.connect(host: "127.0.0.1", port: server.port)
    try client.write(Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    let answer = String(decoding: try client.readAll(), as: UTF8.self)
    client.close()
    #expect(answer.hasPrefix("HTTP/1.0 200 OK\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n" + text))
    #expect(
      text.contains("# TYPE parcel_relay_connections_total counter\nparcel_relay_connections_total 42\n"))
    #expect(text.contains("\nparcel_relay_udt_round_trip_seconds 0.125000\n"))
    let other = try TCPStream.connect(host: "127.0.0.1", port: server.port)
    try other.write(Array("GET / HTTP/1.0\r\n\r\n".utf8))
    #expect(String(decoding: try other.readAll(), as: UTF8.self).hasPrefix("HTTP/1.0 404"))
    other.close()
  }

  @Test(arguments: ["0.0.0.0:0", "192.0.2.1:9100", "[::]:0", "nonsense host:1"])
  func metricsAreNotOfferedToOthers(_ address: String) {
    #expect(throws: Failure.self) { try MetricsServer(address) { "" } }
  }
}

@Suite struct LogTests {
  @Test func aConnectionIsOneLineOfJSON() {
    var record = RelayRecord(peer: "192.0.2.1:5", target: "data.example:80")
    (record.sent, record.received, record.seconds) = (10, 2000, 1.5)
    record.outcome = .broken(.far, "reset")
    #expect(
      RelayLog.line(.ended(record), time: 7)
        == #"{"time":7,"peer":"192.0.2.1:5","target":"data.example:80","how":"broken","#
        + #""reason":"data.example:80: reset","sent":10,"received":2000,"spooled":0,"seconds":1.5,"udt":null}"#
    )
    #expect(RelayLog.line(.connected(peer: "a", target: "b", seconds: 1), time: 7) == nil)
  }
}
