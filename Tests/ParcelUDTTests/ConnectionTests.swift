import Foundation
import ParcelCore
import ParcelTesting
import ParcelUDT
import Testing

@Suite("Connecting over UDT", .serialized, .timeLimit(.minutes(2)))
struct ConnectionTests {
  /// A UDP socket on loopback that never answers; its port.
  private final class Silence {
    private let socket = LoopbackSocket()
    var port: Int { socket.port }

    /// How many sockets have asked.
    var callers: Int {
      var ports: Set<Int> = []
      while let (_, port) = socket.receive() { ports.insert(port) }
      return ports.count
    }
  }

  @Test("to nobody fails with a sentence that says so")
  func nobody() async throws {
    try await onThread {
      let silence = Silence()
      let error = #expect(throws: UDTStream.ConnectFailure.self) {
        _ = try UDTStream.connect(host: "127.0.0.1", port: silence.port, library: Shared.library())
      }
      #expect(error?.isSilent == true)
      #expect(
        error?.failure.sentence
          == "Could not connect to '127.0.0.1' port \(silence.port) over UDT: nobody answered within 3 s, asked twice."
      )
      #expect(silence.callers == 2, "each attempt has a socket of its own")
      #expect(error?.failure.code == .network)
      #expect(error?.failure.remedy.isEmpty == false)
    }
  }

  @Test("to a port that cannot be fails with a sentence")
  func badPort() async throws {
    try await onThread {
      let error = #expect(throws: UDTStream.ConnectFailure.self) {
        _ = try UDTStream.connect(host: "127.0.0.1", port: 70_000, library: Shared.library())
      }
      #expect(error?.isSilent == false)
      #expect(error?.failure.sentence.contains("a port is a number from 0 to 65,535") == true)
    }
  }

  @Test("works on IPv6", .enabled(if: loopbackHasIPv6))
  func version6() async throws {
    let bytes = pattern(200_000, seed: 7)
    try await onThread {
      let pair = try Pair(host: "::1")
      #expect(pair.client.peer == "[::1]:\(pair.listener.port)")
      try pair.client.write(bytes)
      #expect(try pair.server.read(exactly: bytes.count) == bytes)
      pair.close()
    }
  }

  @Test("an accept without a caller answers nil")
  func acceptTimeout() async throws {
    try await onThread {
      let listener = try UDTListener(host: "127.0.0.1", port: 0, library: Shared.library())
      #expect(try listener.accept(timeout: 0.1) == nil)
      listener.close()
    }
  }

  @Test("closing the listener ends a waiting accept, and says that it was stopped")
  func acceptClosed() async throws {
    let listener = try await onThread {
      try UDTListener(host: "127.0.0.1", port: 0, library: Shared.library())
    }
    async let accepted: Failure? = onThread {
      do {
        _ = try listener.accept(timeout: 60)
        return nil
      } catch {
        return error as? Failure
      }
    }
    try await onThread { listener.close() }
    #expect(try await accepted?.code == .cancelled)
  }

  @Test("a port that is taken is refused with the system's reason")
  func portTaken() async throws {
    try await onThread {
      let silence = Silence()
      let failure = #expect(throws: Failure.self) {
        _ = try UDTListener(host: "127.0.0.1", port: silence.port, library: Shared.library())
      }
      #expect(
        failure?.sentence
          == "Could not listen on '127.0.0.1' port \(silence.port) for UDT: Address already in use.")
    }
  }

  @Test("what a listener accepted outlives it")
  func outlives() async throws {
    try await onThread {
      let pair = try Pair()
      pair.listener.close()
      try pair.client.write([4, 5])
      #expect(try pair.server.read(exactly: 2) == [4, 5])
      pair.close()
    }
  }
}

/// Whether this machine has ::1.
private let loopbackHasIPv6: Bool = {
  let socket = Glibc.socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
  guard socket >= 0 else { return false }
  defer { close(socket) }
  var address = sockaddr_in6()
  address.sin6_family = sa_family_t(AF_INET6)
  address.sin6_addr = in6addr_loopback
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
    }
  }
}()
