import Foundation
import ParcelCore
import ParcelNet
import ParcelTesting
import Testing

@testable import ParcelUDT

@Suite("The shield", .serialized, .timeLimit(.minutes(3)))
struct ShieldTests {
  @Test("the kernel drops what the rules say, packet by packet")
  func kernel() async throws {
    try await onThread {
      let filter = PacketFilter.listening(maximumSegment: 1500)
      let home = try SocketAddress.resolve(host: "127.0.0.1", port: 0).get()[0]
      let sender = LoopbackSocket()
      var random = Seeded(5)
      let noise = (0..<3000).map { _ in ("noise", Packets.mutated(&random)) }
      // Anew for each batch: nobody reads, and a full buffer drops too.
      for batch in [Packets.harmless + Packets.harmful + [("handshake", Packets.handshake())], noise] {
        var socket = try UDPSocket(boundTo: home, filter: filter)
        var sent = 0
        for (name, bytes) in batch {
          if sent % 50 == 0 { socket = try UDPSocket(boundTo: home, filter: filter) }
          sent += 1
          let before = socket.drops
          sender.send(bytes, to: socket.address?.name.port ?? 0)
          let isAdmitted = filter.admits(Datagram(bytes, port: UInt16(sender.port)))
          #expect(socket.drops == before + (isAdmitted ? 0 : 1), "\(name): \(bytes)")
        }
      }
    }
  }

  @Test("a listener under fire goes on, and so does what runs over it")
  func listener() async throws {
    let bytes = pattern(4_000_000, seed: 1)
    let pair = try await onThread { try Pair() }
    let port = pair.listener.port
    let random = Locked(Seeded(6))
    let attackers = (0..<2).map { _ in
      let socket = LoopbackSocket()
      return Background {
        for (_, packet) in Packets.harmful + Packets.harmless { socket.send(packet, to: port) }
        for _ in 0..<200 { socket.send(random.locked { Packets.mutated(&$0) }, to: port) }
        usleep(2000)
      }
    }
    async let sent: Void = onThread { try pair.client.write(bytes) }
    let got = try await onThread { try pair.server.read(exactly: bytes.count) }
    try await sent
    #expect(got == bytes)
    // And somebody else can still come in.
    try await onThread {
      let late = try UDTStream.connect(host: "127.0.0.1", port: port, library: Shared.library())
      guard let server = try pair.listener.accept(timeout: 10) else { throw NobodyCame() }
      try late.write([9])
      #expect(try server.read() == [9])
      late.close()
      server.close()
    }
    for attacker in attackers { attacker.stop() }
    #expect(pair.server.path().drops > 0)
    try await onThread { pair.close() }
  }

  @Test("a right cookie does not help a handshake that asks for what breaks the server")
  func cookie() async throws {
    try await onThread {
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: Shared.library())
      /// Whether the listener answers the second packet of a handshake that `change` has made.
      func isAnswered(_ change: (inout Packets.Handshake) -> Void) -> Bool {
        let socket = LoopbackSocket()
        socket.send(Packets.handshake(), to: listener.port)
        guard let (first, _) = socket.receive(), first.count == 64 else { return false }
        var second = Packets.handshake {
          $0.request = Packets.minusOne
          change(&$0)
        }
        second.replaceSubrange(44..<48, with: first[44..<48])
        socket.send(second, to: listener.port)
        // What is good is answered at once; and nothing else within 0.2 s.
        return (0..<10).contains { _ in socket.receive() != nil }
      }
      #expect(!isAnswered { $0.segment = 44 })
      #expect(!isAnswered { $0.segment = 10 })
      #expect(!isAnswered { $0.window = 20_000_000 })
      #expect(!isAnswered { $0.window = 1 })
      #expect(isAnswered { $0.segment = 1400 })
      let stream = try listener.accept(timeout: 10)
      #expect(stream?.peerIsOurs == false)
      #expect(try listener.accept(timeout: 0) == nil)
      stream?.abort()
      stream?.close()
      listener.close()
    }
  }

  /// Handshakes alone are as if nothing came; anything else ends libudt's attempt at once.
  @Test(
    "a server that answers with what breaks clients gets no connection and breaks nothing",
    arguments: [true, false])
  func responder(handshakesOnly: Bool) async throws {
    let bytes = pattern(2_000_000, seed: 2)
    let pair = try await onThread { try Pair() }
    let socket = LoopbackSocket()
    let requests = Locked(0)
    let random = Locked(Seeded(7))
    let responder = Background {
      guard let (request, port) = socket.receive(), request.count == 64 else { return }
      requests.locked { $0 += 1 }
      // The asker's number stands in the seventh word behind the header.
      let number = request[40..<44]
      func answer(_ packet: [UInt8]) {
        guard packet.count >= 16 else { return socket.send(packet, to: port) }
        var packet = packet
        packet.replaceSubrange(12..<16, with: number)
        socket.send(packet, to: port)
      }
      for (_, packet) in Packets.harmful where !handshakesOnly || packet.starts(with: [0x80, 0]) {
        answer(packet)
      }
      for wrong in [UInt32(44), 10, 0, 1501, .max] {
        for request in [1, Packets.minusOne] {
          answer(
            Packets.handshake {
              $0.segment = wrong
              $0.request = request
            })
        }
      }
      for _ in 0..<200 where !handshakesOnly {
        let noise = random.locked { Packets.mutated(&$0) }
        // A good answer would make a connection with nobody behind it.
        if noise.count != 64 { answer(noise) }
      }
    }
    async let sent: Void = onThread { try pair.client.write(bytes) }
    async let got = onThread { try pair.server.read(exactly: bytes.count) }
    let error = try await onThread {
      #expect(throws: UDTStream.ConnectFailure.self) {
        _ = try UDTStream.connect(host: "127.0.0.1", port: socket.port, library: Shared.library())
      }
    }
    #expect(error?.isSilent == handshakesOnly)
    #expect(requests.locked { $0 } > 0)
    try await sent
    #expect(try await got == bytes)
    responder.stop()
    try await onThread { pair.close() }
  }
}
