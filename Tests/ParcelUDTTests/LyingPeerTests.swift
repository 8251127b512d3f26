import Glibc
import ParcelCore
import ParcelTesting
import Testing

@testable import ParcelUDT

/// What a peer can do once it is connected, which no packet filter can tell from what is right.
@Suite("A connected peer that lies", .serialized, .timeLimit(.minutes(3)))
struct LyingPeerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var lie: LyingPeer.Lie
    var congestion = CongestionPreset.model
    var testDescription: String { "\(lie), \(congestion == .native ? "native" : "model")" }

    static let all =
      LyingPeer.Lie.allCases.map { Case(lie: $0) } + [
        Case(lie: .roundTrip, congestion: .native), Case(lie: .window, congestion: .native),
      ]

    var options: UDTOptions {
      var options = UDTOptions()
      options.congestion = congestion
      return options
    }
  }

  /// Writes to `stream` while the liar behind it says its lies; what ended that before they were over.
  private static func deceive(_ stream: UDTStream, _ liar: LyingPeer, _ lie: LyingPeer.Lie) -> StreamEnd? {
    let end = Locked<StreamEnd?>(nil)
    let some = pattern(100_000, seed: 3)
    let writer = Background {
      guard end.locked({ $0 == nil }) else {
        usleep(1000)
        return
      }
      do { try stream.write(some, timeout: 0.3) } catch let error as StreamEnd {
        if error != .timeout { end.locked { $0 = error } }
      } catch {}
    }
    var random = Seeded(8)
    // A turn takes 20 ms when nothing comes: all together some time-outs and repairs.
    for _ in 0..<(lie == .noise ? 5 : 15) {
      liar.tell(lie, &random)
      // As a relay asks for it.
      _ = stream.signs
      _ = stream.path()
    }
    let found = end.locked { $0 }
    stream.abort()
    writer.stop()
    stream.close()
    return found
  }

  /// An honest connection of the same listener carries its bytes meanwhile.
  private func expectUnharmed(
    _ pair: Pair, while body: @escaping @Sendable () throws -> Void
  ) async throws {
    let bytes = pattern(500_000, seed: 4)
    async let lies: Void = onThread(body)
    async let sent: Void = onThread { try pair.server.write(bytes) }
    let got = try await onThread { try pair.client.read(exactly: bytes.count) }
    try await sent
    try await lies
    #expect(got == bytes)
    try await onThread { pair.close() }
  }

  @Test("as a client harms nobody else, and what cannot be is its end", arguments: Case.all)
  func client(of it: Case) async throws {
    let pair = try await onThread { try Pair(options: it.options) }
    // The smallest window that is taken: libudt's list of losses has room for twice as many.
    let liar = LyingPeer(window: 32)
    #expect(try await onThread { liar.connect(to: pair.listener.port) })
    let stream = try await onThread { try pair.listener.accept(timeout: 10) }
    let deceived = try #require(stream)
    try await expectUnharmed(pair) {
      let end = Self.deceive(deceived, liar, it.lie)
      if it.lie == .ahead || it.lie == .farAhead { #expect(end == .broken("the UDT connection was lost")) }
      if it.lie == .roundTrip { #expect(end == nil) }
      #expect((0...60).contains(deceived.path().roundTrip ?? 0))
    }
  }

  @Test("as a server harms nobody else", arguments: LyingPeer.Lie.allCases)
  func server(lie: LyingPeer.Lie) async throws {
    let pair = try await onThread { try Pair() }
    let liar = LyingPeer()
    async let isConnected = onThread { liar.accept() }
    let stream = try await onThread {
      try UDTStream.connect(host: "127.0.0.1", port: liar.port, library: Shared.library())
    }
    #expect(try await isConnected)
    try await expectUnharmed(pair) { _ = Self.deceive(stream, liar, lie) }
  }
}
