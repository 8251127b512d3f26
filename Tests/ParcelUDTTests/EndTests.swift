import Foundation
import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelUDT

@Suite("Between our own ends", .serialized, .timeLimit(.minutes(3)))
struct EndTests {
  @Test("no more is written in one direction, and the other goes on")
  func halfClose() async throws {
    let there = pattern(300_000, seed: 1)
    let back = pattern(400_000, seed: 2)
    let pair = try await onThread { try Pair() }
    async let isTold = onThread {
      try pair.client.write(there)
      return pair.client.endWriting()
    }
    try await onThread {
      let got = try pair.server.readToEnd()
      #expect(got == there)
      // And once more: an end stays one.
      #expect(try pair.server.read() == [])
    }
    #expect(try await isTold)
    #expect(pair.client.peerIsOurs && pair.server.peerIsOurs)
    async let isDelivered = onThread {
      try pair.server.write(back)
      return pair.server.close()
    }
    try await onThread {
      let got = try pair.client.readToEnd()
      #expect(got == back)
    }
    #expect(try await isDelivered)
    try await onThread { pair.close() }
  }

  @Test("a reader that takes its time loses no byte, and the writer's close waits for it")
  func slowReader() async throws {
    let bytes = pattern(150_000, seed: 3)
    var options = smallBuffers
    options.linger = 60
    let pair = try await onThread { [options] in try Pair(options: options) }
    async let isDelivered = onThread {
      try pair.client.write(bytes)
      return pair.client.close()
    }
    try await onThread {
      var got: [UInt8] = []
      for _ in 0..<4 {
        sleep(1)
        got += try pair.server.read(atMost: 10_000)
      }
      got += try pair.server.readToEnd()
      #expect(got == bytes)
    }
    #expect(try await isDelivered)
    try await onThread {
      #expect(pair.server.close())
      pair.listener.close()
    }
  }

  @Test("a close says when the peer did not read everything")
  func unread() async throws {
    let pair = try await onThread { try Pair() }
    async let isDelivered = onThread {
      try pair.client.write(pattern(100_000, seed: 4))
      return pair.client.close()
    }
    try await onThread {
      _ = try pair.server.read(exactly: 10)
      pair.server.close()
    }
    #expect(try await !isDelivered)
    try await onThread { pair.listener.close() }
  }

  @Test("ends are found although 5 % of all datagrams are lost both ways", arguments: 1...4)
  func lossy(seed: Int) async throws {
    let there = pattern(200_000, seed: UInt64(seed))
    let back = pattern(100_000, seed: UInt64(seed) + 100)
    try await onThread {
      let library = try Shared.library()
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: library)
      let path = LossyPath(to: listener.port, loss: 0.05, seed: UInt64(seed))
      let client = try UDTStream.connect(host: "127.0.0.1", port: path.port, library: library)
      guard let server = try listener.accept(timeout: 20) else { throw NobodyCame() }
      let results = Locked<[Bool]>([])
      let done = DispatchGroup()
      for (stream, mine, theirs) in [(client, there, back), (server, back, there)] {
        done.enter()
        Thread.detachNewThread {
          let isRight: Bool
          do {
            try stream.write(mine)
            let isTold = stream.endWriting()
            let got = try stream.readToEnd()
            isRight = isTold && got == theirs && stream.close()
          } catch {
            isRight = false
          }
          results.locked { $0.append(isRight) }
          done.leave()
        }
      }
      done.wait()
      #expect(results.locked { $0 } == [true, true])
      #expect(path.lost > 0)
      path.stop()
      listener.close()
    }
  }

  @Test("a hundred connections at once carry their own bytes, there and back")
  func hundred() async throws {
    try await onThread {
      let library = try Shared.library()
      var options = UDTOptions()
      options.flowWindow = 1024
      let listener = try UDTListener(host: "127.0.0.1", port: 0, options: options, library: library)
      let server = Background {
        guard let stream = try? listener.accept(timeout: 0.1) else { return }
        Thread.detachNewThread {
          if let bytes = try? stream.readToEnd() { try? stream.write(bytes) }
          stream.close()
        }
      }
      let results = Locked<[Int]>([])
      let done = DispatchGroup()
      for index in 0..<100 {
        done.enter()
        Thread.detachNewThread { [options] in
          let bytes = pattern(20_000 + index, seed: UInt64(index))
          do {
            let stream = try UDTStream.connect(
              host: "127.0.0.1", port: listener.port, options: options, library: library)
            try stream.write(bytes)
            _ = stream.endWriting()
            if try stream.readToEnd() == bytes { results.locked { $0.append(index) } }
            stream.close()
          } catch {
            print("connection \(index): \(error)")
          }
          done.leave()
        }
      }
      done.wait()
      #expect(results.locked { $0.sorted() } == Array(0..<100))
      server.stop()
      listener.close()
    }
  }

  @Test("the path is described by what went over it")
  func path() async throws {
    let pair = try await onThread { try Pair() }
    let bytes = pattern(1_000_000, seed: 5)
    _ = pair.client.path()
    _ = pair.server.path()
    async let sent: Void = onThread { try pair.client.write(bytes) }
    let got = try await onThread { try pair.server.read(exactly: bytes.count) }
    try await sent
    #expect(got == bytes)
    let there = pair.client.path()
    let here = pair.server.path()
    #expect(there.connections == 1 && here.connections == 1)
    #expect(there.sent >= 1_000_000 / 1456 && here.received >= 1_000_000 / 1456)
    #expect(here.receiveRate > 0 && there.receiveRate == 0)
    #expect(there.roundTrip.map { $0 > 0 && $0 < 1 } == true)
    #expect(there.window > 0)
    #expect((0...1).contains(here.loss))
    try await onThread { pair.close() }
  }
}

@Suite("Finding the way", .serialized, .timeLimit(.minutes(2)))
struct RouteTests {
  @Test("one listener takes IPv4 and IPv6")
  func dualStack() async throws {
    try await onThread {
      let library = try Shared.library()
      let listener = try UDTListener(port: 0, library: library)
      let hosts = listener.host == "::" ? ["127.0.0.1", "::1", "localhost"] : ["127.0.0.1"]
      for host in hosts {
        let client = try UDTStream.connect(host: host, port: listener.port, library: library)
        guard let server = try listener.accept(timeout: 10) else { throw NobodyCame() }
        try client.write([1, 2, 3])
        #expect(try server.read(exactly: 3) == [1, 2, 3])
        #expect(client.close())
        server.close()
      }
      listener.close()
    }
  }

  @Test("with IPv4 only, nothing else is listened on")
  func version4() async throws {
    try await onThread {
      var options = UDTOptions()
      options.isIPv4Only = true
      let listener = try UDTListener(port: 0, options: options, library: Shared.library())
      #expect(listener.host == "0.0.0.0")
      listener.close()
    }
  }

  @Test("packets are as large as an Ethernet takes them, of both families, unless other sizes are asked for")
  func segments() async throws {
    #expect(UDTOptions().segment(isIPv6: false) == 1500 && UDTOptions().segment(isIPv6: true) == 1480)
    var options = UDTOptions()
    options.maximumSegment = 8400
    #expect(options.forC(isIPv6: false).maximum_segment == 8400)
    #expect(options.forC(isIPv6: true).maximum_segment == 8400)
  }

  @Test("the packet sizes that got nothing through are not tried again with that peer")
  func sizes() async throws {
    try await onThread {
      let library = try Shared.library()
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: library)
      let connector = UDTConnector(library: library)
      var asked: [Int?] = []
      for _ in 0..<3 {
        let stream = try connector.connect(host: "127.0.0.1", port: listener.port)
        asked.append(stream.requestedSegment)
        #expect(connector.noData(from: stream) == (asked.count < 3))
        stream.abort()
        stream.close()
      }
      #expect(asked == [nil, 1400, 1280])
      listener.close()
    }
  }

  @Test(
    "what is offered to a peer gets smaller when many connections are open, and as large as before when they have gone"
  )
  func crowd() async throws {
    try await onThread {
      let library = try Shared.library()
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: library)
      let connector = UDTConnector(library: library)
      func windowOfOneMore() throws -> (UDTStream, UDTStream, Int) {
        let client = try connector.connect(host: "127.0.0.1", port: listener.port)
        guard let server = try listener.accept(timeout: 10) else { throw NobodyCame() }
        return (client, server, server.offeredWindow)
      }
      var open: [(UDTStream, UDTStream, Int)] = []
      for _ in 0...UDTOptions.crowd { open.append(try windowOfOneMore()) }
      #expect(open.map(\.2).prefix(UDTOptions.crowd).allSatisfy { $0 >= 16_384 })
      #expect(open.last?.2 == UDTOptions.crowdedWindow)
      for (client, server, _) in open {
        client.abort()
        client.close()
        server.close()
      }
      open = []
      let (client, server, window) = try windowOfOneMore()
      #expect(window >= 16_384)
      client.abort()
      client.close()
      server.close()
      listener.close()
    }
  }
}

/// A lock around a value that closures share.
final class Locked<Value>: @unchecked Sendable {
  private var value: Value
  private let lock = NSLock()
  init(_ value: Value) { self.value = value }
  func locked<R>(_ body: (inout Value) -> R) -> R {
    lock.lock()
    defer { lock.unlock() }
    return body(&value)
  }
}
