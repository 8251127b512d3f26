import Glibc
import ParcelCore
import ParcelHTTP
import ParcelSystem
import ParcelTesting
import ParcelTunnel
import Synchronization
import Testing

/// Real transfers through a stand-in for the relay program, from a real server.
@Suite(.serialized) struct TransferTests {
  let nginx: Nginx
  init() throws { nginx = try Shared.server() }

  private func relay(_ behaviour: String) -> Endpoint { Endpoint(host: behaviour, port: port(nginx.http)) }
  private var secureRelay: Endpoint { Endpoint(host: "plain", port: port(nginx.https)) }

  @Test func bytesComeThroughRightAndConnectionsAreUsedAgain() async throws {
    let lab = Lab()
    let relay = relay("plain")
    let first = await lab.fetch("http://data.invalid/big", through: relay, range: 1000..<3_000_000)
    #expect(first.word == "completed")
    #expect(first.holds(1000..<3_000_000))
    // The time to a socket of this machine says nothing; the relay's round trip does.
    #expect(first.end?.connectSeconds == 0.142)
    let second = await lab.fetch("http://data.invalid/small", through: relay)
    #expect(second.holds(0..<1000))
    #expect(second.head?["x-connection"] == first.head?["x-connection"])
    #expect(second.end?.connectSeconds == nil)
    #expect(lab.transport.path(to: relay)?.loss == 0.003)
    #expect(lab.transport.path(to: Endpoint(host: "other")) == nil)
    #expect(lab.transport.facts(of: relay)?.connectSeconds == 0.142)
    #expect(lab.transport.facts(of: relay)?.starts == 1)
  }

  @Test func tlsAndHTTP2AreEndToEndWithTheServer() async throws {
    let lab = Lab { $0.certificateAuthorities = nginx.authority }
    let collectors = (0..<20).map { _ in Collector() }
    for collector in collectors {
      lab.open("https://localhost/small", through: secureRelay, shared: true, collector)
    }
    var connections: Set<String?> = []
    for collector in collectors {
      let state = await collector.ended()
      #expect(state.word == "completed")
      #expect(state.end?.httpVersion == "2")
      #expect(state.holds(0..<1000))
      connections.insert(state.head?["x-connection"])
    }
    #expect(connections.count == 1)
  }

  @Test func theCertificateMustBeForTheURLsHost() async throws {
    let lab = Lab { $0.certificateAuthorities = nginx.authority }
    let state = await lab.fetch("https://data.invalid/small", through: secureRelay)
    #expect(state.failure?.code == .tls)
    #expect(state.failure?.sentence.contains("it is for another host name") == true)
  }

  @Test func manyTransfersAtOnceAllEndRight() async throws {
    let lab = Lab()
    let relay = relay("plain")
    let collectors = (0..<40).map { _ in Collector() }
    for (i, collector) in collectors.enumerated() {
      lab.open("http://h/big", through: relay, range: i * 100_000..<(i + 1) * 100_000, collector)
    }
    for (i, collector) in collectors.enumerated() {
      #expect(await collector.ended().holds(i * 100_000..<(i + 1) * 100_000))
    }
  }

  @Test func aProgramThatCrashesInMidTransferIsNamedAndStartedAgain() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("", to: "once")
    let lab = Lab()
    let relay = relay("crash=500000,once=\(folder.path)/once")
    let broken = await lab.fetch("http://h/big", through: relay)
    #expect(broken.failure?.code == .proxy)
    #expect(broken.failure?.retry == .later(after: nil))
    #expect(broken.failure?.sentence.contains("the relay program was killed by signal 11.") == true)
    #expect(broken.failure?.sentence.contains("Could not fetch http://h/big") == true)
    #expect(broken.holds(0..<broken.body.count))
    #expect(broken.ends == 1)
    let next = await lab.fetch("http://h/big", through: relay)
    #expect(next.word == "completed")
    #expect(next.holds(0..<Shared.size))
    #expect(lab.transport.facts(of: relay)?.starts == 2)
  }

  @Test func aProgramThatIsKilledInMidTransferIsNamedAndStartedAgain() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let fifo = try Fifo(in: folder)
    let lab = Lab()
    let relay = relay("fifo=\(fifo.path)")
    let collector = Collector()
    lab.open("http://h/slow/big", through: relay, collector)
    _ = await collector.until { !$0.body.isEmpty }
    let program = try #require(await fifo.program())
    kill(program, SIGKILL)
    let state = await collector.ended()
    #expect(state.failure?.code == .proxy)
    #expect(state.failure?.sentence.contains("was killed by signal 9") == true)
    // While nobody knows yet whether the next one runs.
    let waiting = (0..<10).map { _ in Collector() }
    for collector in waiting { lab.open("http://h/small", through: relay, collector) }
    for collector in waiting { #expect(await collector.ended().holds(0..<1000)) }
  }

  @Test func aRelayThatDoesNotAnswerIsNamed() async throws {
    let state = await Lab().fetch("http://h/small", through: relay("refuse"))
    #expect(state.failure?.code == .proxy)
    #expect(state.failure?.retry == .later(after: nil))
    #expect(
      state.failure?.text
        == "Could not reach the relay 'refuse:\(port(nginx.http))' over UDP: nobody answered. "
        + "Check that a UDT relay runs there and that firewalls let UDP port \(port(nginx.http)) through.")
  }

  @Test func aRefusalIsGivenWithItsReason() async throws {
    let state = await Lab().fetch("http://h/small", through: relay("refuse=the name was not found."))
    #expect(state.failure?.sentence.hasSuffix("over UDP: the name was not found.") == true)
  }

  @Test func aProgramThatEndsAtOnceFailsItsTransfersAtOnce() async throws {
    let lab = Lab()
    let relay = relay("exit")
    for _ in 0..<3 {
      let state = await lab.fetch("http://h/small", through: relay)
      #expect(state.failure?.code == .proxy)
      #expect(state.failure?.sentence.contains("it ended with status 7") == true)
    }
  }

  @Test func aMissingProgramIsSaidWithWhatToDo() async throws {
    let state = await Lab(program: "/nonexistent/relay").fetch("http://h/small", through: relay("plain"))
    #expect(state.failure?.code == .proxy)
    #expect(state.failure?.retry == .needsUser)
    #expect(
      state.failure?.text
        == "Could not start '/nonexistent/relay', which carries UDT: No such file or directory. "
        + "Install it beside this program, or use --transport http.")
  }

  @Test func linesThatAreNoReportsAreIgnored() async throws {
    let state = await Lab().fetch("http://h/small", through: relay("garbage"))
    #expect(state.holds(0..<1000))
  }

  @Test func aProgramThatIsNeverReadyIsKilledAndStartedAgain() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let fifo = try Fifo(in: folder)
    let ahead = Ahead()
    let tunnel = try Tunnel(
      relay: relay("fifo=\(fifo.path),mute"), program: Built.relay, now: { ahead.now })
    let first = try #require(await fifo.program())
    ahead.jump(6)
    tunnel.settle(opened: ahead.now, original: nil) { _ in }
    let second = try #require(await fifo.program())
    #expect(first != second)
    #expect(kill(first, 0) == -1)
    tunnel.shutDown()
    #expect(await onThread { tunnel.waitUntilGone(seconds: 60) })
    #expect(await fifo.isLeft())
  }

  @Test func aRequestWithoutARelayIsRefused() async throws {
    let state = await Lab().fetch("http://h/small", through: nil)
    #expect(state.failure?.code == .input)
    #expect(state.failure?.retry == .never)
  }

  @Test func shutDownStopsWhatIsOpenAndEndsTheProgram() async throws {
    let folder = try TemporaryFolder()
    defer { folder.remove() }
    let fifo = try Fifo(in: folder)
    let lab = Lab()
    let relay = relay("fifo=\(fifo.path)")
    let collector = Collector()
    lab.open("http://h/slow/big", through: relay, collector)
    _ = await collector.until { !$0.body.isEmpty }
    lab.transport.shutDown()
    let state = await collector.ended()
    #expect(state.word == "stopped")
    #expect(state.ends == 1)
    #expect(await onThread { lab.transport.waitUntilGone(seconds: 60) })
    #expect(await fifo.isLeft())
    #expect(await lab.fetch("http://h/small", through: relay).word == "stopped")
  }

  @Test func stopEndsATransfer() async throws {
    let lab = Lab()
    let collector = Collector()
    let id = lab.open("http://h/slow/big", through: relay("plain"), collector)
    _ = await collector.until { !$0.body.isEmpty }
    lab.transport.stop(id)
    #expect(await collector.ended().word == "stopped")
  }

  @Test func aServersOwnEndIsNotTheTunnels() async throws {
    let server = try EndlessServer(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc".utf8))
    let state = await Lab().fetch("http://h/x", through: Endpoint(host: "plain", port: server.port))
    #expect(state.failure?.code == .network)
    #expect(state.failure?.retry == .now)
  }

  @Test func aBodyThatEndsWithTheConnectionIsCompleteOnlyWhenTheTunnelHeld() async throws {
    let body = [UInt8](repeating: 65, count: 200_000)
    let server = try EndlessServer(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + body)
    let lab = Lab()
    let whole = await lab.fetch("http://h/x", through: Endpoint(host: "plain", port: server.port))
    #expect(whole.word == "completed")
    #expect(whole.body.count == body.count)
    let cut = await lab.fetch("http://h/x", through: Endpoint(host: "cut=100000", port: server.port))
    #expect(cut.failure?.code == .proxy)
    #expect(cut.failure?.sentence.contains("no answer for 15 s") == true)
    #expect(cut.body.count < body.count)
  }
}

/// A clock that runs on and can jump.
final class Ahead: Sendable {
  private let offset = Mutex(0.0)
  var now: Instant { MonotonicClock.now() + offset.withLock { $0 } }
  func jump(_ seconds: Double) { offset.withLock { $0 += seconds } }
}

/// Answers every connection with the same bytes and closes it; ends with this process.
final class EndlessServer: Sendable {
  let port: Int

  init(_ answer: [UInt8]) throws {
    let socket = try ListeningSocket()
    port = socket.port
    let started = ServiceThread.start {
      while true {
        let client = accept(socket.descriptor, nil, nil)
        guard client >= 0 else { continue }
        var request = [UInt8](repeating: 0, count: 4096)
        _ = recv(client, &request, request.count, 0)
        var sent = 0
        while sent < answer.count {
          let count = answer.withUnsafeBytes {
            send(client, $0.baseAddress?.advanced(by: sent), answer.count - sent, Int32(MSG_NOSIGNAL))
          }
          if count <= 0 { break }
          sent += count
        }
        close(client)
      }
    }
    guard started else { throw FixtureError("no thread") }
  }
}
