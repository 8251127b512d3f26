import Foundation
import ParcelCore
import ParcelUDT
import Testing

extension CongestionPreset {
  /// All that a sender may have.
  static let all: [CongestionPreset] = [.model, .fair, .native, .fixed(bytesPerSecond: 20_000_000)]
}

@Suite("Congestion control and repair", .serialized, .timeLimit(.minutes(5)))
struct CongestionTests {
  private static let count = 3_000_007
  private static let bytes = pattern(count, seed: 21)
  private static let summary = "\(count) \(digest(bytes))"

  private func options(_ preset: CongestionPreset) -> UDTOptions {
    var options = UDTOptions()
    options.congestion = preset
    return options
  }

  @Test("every preset carries every byte, both ways at once", arguments: CongestionPreset.all)
  func presets(preset: CongestionPreset) async throws {
    let pair = try await onThread { try Pair(options: options(preset)) }
    async let sentThere: Void = onThread { try pair.client.write(Self.bytes) }
    async let sentBack: Void = onThread { try pair.server.write(Self.bytes) }
    async let gotThere = onThread { try pair.server.read(exactly: Self.count) }
    async let gotBack = onThread { try pair.client.read(exactly: Self.count) }
    _ = try await (sentThere, sentBack)
    #expect(try await gotThere == Self.bytes)
    #expect(try await gotBack == Self.bytes)
    try await onThread { pair.close() }
  }

  @Test(
    "what a lossy path swallows is sent again, by us and unasked by the application",
    arguments: [CongestionPreset.model, .fair, .fixed(bytesPerSecond: 20_000_000)], [0.01, 0.05])
  func lossy(preset: CongestionPreset, loss: Double) async throws {
    let library = try Shared.library()
    let listener = try UDTListener(host: "127.0.0.1", port: 0, options: options(preset), library: library)
    let path = LossyPath(to: listener.port, loss: loss, seed: 5)
    let client = try await onThread {
      try UDTStream.connect(host: "127.0.0.1", port: path.port, library: library)
    }
    let accepted = try await onThread { try listener.accept(timeout: 20) }
    let server = try #require(accepted)
    async let isDelivered = onThread {
      try server.write(Self.bytes)
      return server.close()
    }
    let got = try await onThread { try client.readToEnd() }
    #expect(got == Self.bytes)
    // Nothing was sent again by this end: what the other one repaired is what a person wants to know.
    let seen = client.path()
    #expect(seen.receiveRepaired > 0 && seen.receiveRepaired <= seen.receiveLost)
    #expect(try await isDelivered)
    #expect(path.lost > 0)
    try await onThread {
      client.close()
      listener.close()
      path.stop()
    }
  }

  @Test("a stock sender's bytes all come over a lossy path", arguments: [1, 2] as [UInt64])
  func stockSender(seed: UInt64) async throws {
    try await onThread {
      let stock = try stockPeer(["listen-send", "1500", "\(Self.count)", "21"])
      let path = LossyPath(to: try port(of: stock), loss: 0.02, seed: seed)
      let stream = try UDTStream.connect(host: "127.0.0.1", port: path.port, library: Shared.library())
      let got = try stream.read(exactly: Self.count)
      #expect(got == Self.bytes)
      #expect(!stream.peerIsOurs)
      stream.close()
      path.stop()
      stock.stop()
    }
  }

  @Test("a stock receiver gets all bytes over a lossy path", arguments: [1, 2] as [UInt64])
  func stockReceiver(seed: UInt64) async throws {
    try await onThread {
      let stock = try stockPeer(["listen-receive", "1500"])
      let path = LossyPath(to: try port(of: stock), loss: 0.02, seed: seed)
      let stream = try UDTStream.connect(host: "127.0.0.1", port: path.port, library: Shared.library())
      try stream.write(Self.bytes)
      #expect(stream.close())
      #expect(try stock.line(1) == Self.summary)
      path.stop()
      stock.stop()
    }
  }

  @Test("connections that are closed or broken off in the middle of a transfer leave nothing behind")
  func brokenOff() async throws {
    let library = try Shared.library()
    let listener = try UDTListener(host: "127.0.0.1", port: 0, library: library)
    try await onThread {
      for round in 0..<100 {
        let client = try UDTStream.connect(host: "127.0.0.1", port: listener.port, library: library)
        guard let server = try listener.accept(timeout: 10) else { throw NobodyCame() }
        let writer = Background { _ = try? server.write(Self.bytes, timeout: 0.1) }
        _ = try client.read()
        if round % 2 == 0 { server.abort() } else { client.abort() }
        writer.stop()
        client.close()
        if round % 3 == 0 { server.abort() }
        server.close()
      }
      // The same listener still works.
      let client = try UDTStream.connect(host: "127.0.0.1", port: listener.port, library: library)
      guard let server = try listener.accept(timeout: 10) else { throw NobodyCame() }
      try server.write([1, 2, 3])
      #expect(try client.read(exactly: 3) == [1, 2, 3])
      client.close()
      server.close()
      listener.close()
    }
  }
}
