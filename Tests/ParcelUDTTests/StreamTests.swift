import ParcelCore
import ParcelUDT
import Testing

@Suite("A UDT stream", .serialized, .timeLimit(.minutes(2)))
struct StreamTests {
  @Test("carries bytes both ways, unchanged and in order")
  func bothWays() async throws {
    let there = pattern(3_000_001, seed: 1)
    let back = pattern(2_000_003, seed: 2)
    let pair = try await onThread { try Pair() }
    async let server = onThread {
      let got = try pair.server.read(exactly: there.count)
      try pair.server.write(back)
      return got
    }
    async let client = onThread {
      try pair.client.write(there)
      return try pair.client.read(exactly: back.count)
    }
    #expect(try await server == there)
    #expect(try await client == back)
    try await onThread { pair.close() }
  }

  @Test("carries bytes both ways at once through buffers much smaller than they are")
  func smallerBuffers() async throws {
    let there = pattern(1_000_001, seed: 3)
    let back = pattern(1_000_003, seed: 4)
    let pair = try await onThread { try Pair(options: smallBuffers) }
    async let sentThere: Void = onThread { try pair.client.write(there) }
    async let sentBack: Void = onThread { try pair.server.write(back) }
    async let gotThere = onThread { try pair.server.read(exactly: there.count) }
    async let gotBack = onThread { try pair.client.read(exactly: back.count) }
    _ = try await (sentThere, sentBack)
    #expect(try await gotThere == there)
    #expect(try await gotBack == back)
    try await onThread { pair.close() }
  }

  @Test("names its peer by the numbers of its address")
  func names() async throws {
    try await onThread {
      let pair = try Pair()
      #expect(pair.client.peer == "127.0.0.1:\(pair.listener.port)")
      #expect(pair.server.peer.hasPrefix("127.0.0.1:"))
      #expect(pair.server.peer != pair.client.peer)
      pair.close()
    }
  }

  @Test("a read without bytes ends with the timeout, and the stream is still good")
  func readTimeout() async throws {
    try await onThread {
      let pair = try Pair()
      #expect(throws: StreamEnd.timeout) { try pair.server.read(timeout: 0.3) }
      try pair.client.write([1, 2, 3])
      #expect(try pair.server.read(exactly: 3) == [1, 2, 3])
      #expect(pair.client.close())
      pair.close()
    }
  }

  @Test("a write that the peer never reads ends with the timeout")
  func writeTimeout() async throws {
    try await onThread {
      let pair = try Pair(options: smallBuffers)
      #expect(throws: StreamEnd.timeout) { try pair.client.write(pattern(4 << 20, seed: 5), timeout: 0.5) }
      pair.close()
    }
  }

  @Test("the peer reads everything written before the close, then the end")
  func close() async throws {
    let bytes = pattern(500_000, seed: 6)
    let pair = try await onThread { try Pair() }
    async let isDelivered = onThread {
      try pair.client.write(bytes)
      return pair.client.close()
    }
    try await onThread {
      let got = try pair.server.read(exactly: bytes.count)
      #expect(got == bytes)
      #expect(try pair.server.read() == [])
    }
    #expect(try await isDelivered)
    try await onThread {
      #expect(throws: StreamEnd.broken("the peer closed the connection")) {
        for _ in 0..<100_000 { try pair.server.write([1]) }
      }
      pair.close()
    }
  }

  @Test("a close wakes the peer's waiting read with the end")
  func closeWakes() async throws {
    let pair = try await onThread { try Pair() }
    async let got = onThread { try pair.server.read(timeout: 60) }
    _ = try await onThread { pair.client.close() }
    #expect(try await got == [])
    try await onThread { pair.close() }
  }

  @Test("after an abort the peer is told that it was reset, at once")
  func abort() async throws {
    try await onThread {
      let pair = try Pair()
      try pair.client.write([7])
      #expect(try pair.server.read() == [7])
      pair.client.abort()
      #expect(throws: StreamEnd.broken("stopped")) { try pair.client.read() }
      #expect(throws: StreamEnd.broken("stopped")) { try pair.client.write([1]) }
      #expect(!pair.client.close())
      let reset = StreamEnd.broken("the peer reset the connection")
      #expect(throws: reset) { try pair.server.read(timeout: 60) }
      #expect(throws: reset) { try pair.server.write([1]) }
      #expect(!pair.server.close())
      pair.close()
    }
  }

  @Test("stopReading makes a waiting read answer 0, and writing goes on")
  func stopReading() async throws {
    let pair = try await onThread { try Pair() }
    async let got = onThread { try pair.server.read(timeout: 60) }
    pair.server.stopReading()
    #expect(try await got == [])
    try await onThread {
      #expect(try pair.server.read() == [])
      try pair.server.write([1, 2])
      #expect(try pair.client.read(exactly: 2) == [1, 2])
      pair.close()
    }
  }
}
