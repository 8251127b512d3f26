import Foundation
import ParcelCore
import ParcelTesting
import ParcelUDT
import Testing

/// Packet sizes: of the stock peer, and ours.
struct Sizes: Sendable, CustomTestStringConvertible {
  var stock: Int
  var ours: Int?
  var testDescription: String { "stock \(stock), ours \(ours.map(String.init) ?? "as usual")" }

  static let all = [Sizes(stock: 1500), Sizes(stock: 8400), Sizes(stock: 8400, ours: 8400)]

  var options: UDTOptions {
    var options = UDTOptions()
    options.maximumSegment = ours
    return options
  }
}

@Suite("With a stock peer", .serialized, .timeLimit(.minutes(3)))
struct WireTests {
  private static let count = 2_000_003
  private static let bytes = pattern(count, seed: 11)
  private static let summary = "\(count) \(digest(bytes))"

  private func listener(_ options: UDTOptions = UDTOptions()) throws -> UDTListener {
    try UDTListener(host: "127.0.0.1", port: 0, options: options, library: Shared.library())
  }

  private func accepted(_ listener: UDTListener) throws -> UDTStream {
    guard let stream = try listener.accept(timeout: 20) else { throw NobodyCame() }
    return stream
  }

  private func connected(_ stock: RunningProgram, _ options: UDTOptions = UDTOptions()) throws -> UDTStream {
    try UDTStream.connect(
      host: "127.0.0.1", port: port(of: stock), options: options, library: Shared.library())
  }

  @Test("that connects and sends, every byte arrives, then the end", arguments: Sizes.all)
  func stockSends(sizes: Sizes) async throws {
    try await onThread {
      let listener = try listener(sizes.options)
      let stock = try stockPeer(
        ["send", "127.0.0.1", "\(listener.port)", "\(sizes.stock)", "\(Self.count)", "11"])
      let stream = try accepted(listener)
      let got = try stream.readToEnd()
      #expect(got == Self.bytes)
      #expect(!stream.peerIsOurs)
      #expect(stock.wait().code == 0)
      stream.close()
      listener.close()
    }
  }

  @Test("that connects and receives, every byte arrives, and the close knows it", arguments: Sizes.all)
  func stockReceives(sizes: Sizes) async throws {
    try await onThread {
      let listener = try listener(sizes.options)
      let stock = try stockPeer(["receive", "127.0.0.1", "\(listener.port)", "\(sizes.stock)"])
      let stream = try accepted(listener)
      try stream.write(Self.bytes)
      #expect(stream.close())
      #expect(try stock.line() == Self.summary)
      listener.close()
    }
  }

  @Test("that listens and sends, every byte arrives, then the end", arguments: Sizes.all)
  func stockServes(sizes: Sizes) async throws {
    try await onThread {
      let stock = try stockPeer(["listen-send", "\(sizes.stock)", "\(Self.count)", "11"])
      let stream = try connected(stock, sizes.options)
      let got = try stream.readToEnd()
      #expect(got == Self.bytes)
      #expect(stock.wait().code == 0)
      stream.close()
    }
  }

  @Test("that listens and receives, every byte arrives, and the close knows it", arguments: Sizes.all)
  func stockTakes(sizes: Sizes) async throws {
    try await onThread {
      let stock = try stockPeer(["listen-receive", "\(sizes.stock)"])
      let stream = try connected(stock, sizes.options)
      try stream.write(Self.bytes)
      #expect(stream.close())
      #expect(try stock.line(1) == Self.summary)
    }
  }

  @Test("bytes go both ways at once, and it cannot be told that there are no more")
  func echo() async throws {
    let listener = try await onThread { try self.listener() }
    let stock = try stockPeer(["echo", "127.0.0.1", "\(listener.port)", "1500"])
    let stream = try await onThread { try accepted(listener) }
    async let isTold: Bool = onThread {
      try stream.write(Self.bytes)
      return stream.endWriting()
    }
    let got = try await onThread { try stream.read(exactly: Self.count) }
    #expect(got == Self.bytes)
    let told = try await isTold
    #expect(!told)
    try await onThread {
      #expect(stream.close())
      listener.close()
    }
    #expect(try stock.line() == Self.summary)
  }

  @Test("what it sent before it closed says that it is about to be destroyed, and is read whole at once")
  func expiring() async throws {
    try await onThread {
      let stock = try stockPeer(["listen-send", "1500", "1000000", "11"])
      let stream = try connected(stock)
      // It closes when our UDT has acknowledged everything, and ends by itself then.
      #expect(stock.wait().code == 0)
      while !stream.isExpiring { usleep(1000) }
      let got = try stream.readToEnd()
      #expect(got == Array(Self.bytes.prefix(1_000_000)))
      #expect(!stream.isExpiring)
      stream.close()
    }
  }

  @Test("that is killed, reads and writes break in well under libudt's 46 s")
  func dead() async throws {
    let stock = try stockPeer(["listen-hold", "1500"])
    let stream = try await onThread { try connected(stock) }
    stock.stop()
    let expected = StreamEnd.broken("no sign of life from the peer for 15 s")
    let start = ContinuousClock.now
    async let written: StreamEnd? = onThread {
      let some = pattern(1 << 20, seed: 1)
      do {
        while true { try stream.write(some, timeout: 100) }
      } catch {
        return error as? StreamEnd
      }
    }
    try await onThread {
      _ = #expect(throws: expected) { try stream.read(timeout: 100) }
    }
    #expect(try await written == expected)
    #expect(ContinuousClock.now - start < .seconds(25))
    try await onThread { #expect(!stream.close()) }
  }
}
