import ParcelCore
import ParcelTunnel
import Synchronization
import Testing

/// What goes to the inner transports, seen by inner transports that only take notes.
@Suite struct FanOutTests {
  /// Notes its calls; ends a transfer when told to.
  private final class Inner: Transport {
    let kind = TransportKind.udt
    private let notes = Mutex<[String]>([])
    private let receivers = Mutex<[TransferID: any TransferReceiver]>([:])

    var calls: [String] {
      notes.withLock { notes in
        defer { notes = [] }
        return notes
      }
    }
    private func note(_ call: String) { notes.withLock { $0.append(call) } }

    func open(_ request: TransferRequest, receiver: any TransferReceiver) {
      note("open \(request.id.number)")
      receivers.withLock { $0[request.id] = receiver }
    }
    func stop(_ id: TransferID) {
      note("stop \(id.number)")
      receivers.withLock { $0.removeValue(forKey: id) }?.end(TransferEnd(reason: .stopped))
    }
    func resumePaused() { note("resume") }
    func setRateLimit(_ bytesPerSecond: Int?) { note("limit \(bytesPerSecond.map(String.init) ?? "none")") }
    func shutDown() { note("shut down") }
  }

  private final class Bench: Sendable {
    let made = Mutex<[Inner]>([])
    let paths = Mutex<[String]>([])
    func make(_ path: String) -> Inner {
      paths.withLock { $0.append(path) }
      let inner = Inner()
      made.withLock { $0.append(inner) }
      return inner
    }
    var all: [Inner] { made.withLock { $0 } }
  }

  private func request(_ number: UInt64, _ relay: String) -> TransferRequest {
    TransferRequest(
      id: TransferID(number), url: "http://h/x", range: nil, headers: [], shared: false,
      relay: Endpoint(host: relay))
  }

  @Test func eachRelayHasOneTransportMadeWhenItIsFirstAskedFor() async {
    let bench = Bench()
    let transport = TunnelTransport(program: "/nonexistent", makeTransport: bench.make)
    #expect(bench.all.isEmpty)
    let receivers = (0..<3).map { _ in Collector() }
    transport.open(request(1, "a"), receiver: receivers[0])
    transport.open(request(2, "b"), receiver: receivers[1])
    transport.open(request(3, "a"), receiver: receivers[2])
    #expect(Set(bench.paths.withLock { $0 }).count == 2)
    let (a, b) = (bench.all[0], bench.all[1])
    #expect(a.calls == ["open 1", "open 3"])
    #expect(b.calls == ["open 2"])
    transport.resumePaused()
    transport.stop(TransferID(3))
    transport.stop(TransferID(99))
    #expect(await receivers[2].ended().word == "stopped")
    // It has ended: unknown from now on.
    transport.stop(TransferID(3))
    transport.shutDown()
    #expect(a.calls == ["resume", "stop 3", "shut down"])
    #expect(b.calls == ["resume", "shut down"])
    transport.stop(TransferID(1))
    #expect(await receivers[0].ended().word == "stopped")
  }

  @Test func theRateLimitIsSharedByRelaysThatCarrySomething() async {
    let bench = Bench()
    let transport = TunnelTransport(program: "/nonexistent", makeTransport: bench.make)
    let receivers = (0..<3).map { _ in Collector() }
    transport.open(request(1, "a"), receiver: receivers[0])
    #expect(bench.all[0].calls == ["open 1"])
    transport.setRateLimit(900)
    #expect(bench.all[0].calls == ["limit 900"])
    transport.open(request(2, "b"), receiver: receivers[1])
    let (a, b) = (bench.all[0], bench.all[1])
    #expect(a.calls == ["limit 450"])
    #expect(b.calls == ["limit 450", "open 2"])
    transport.open(request(3, "b"), receiver: receivers[2])
    #expect(b.calls == ["open 3"])
    transport.stop(TransferID(1))
    #expect(await receivers[0].ended().word == "stopped")
    #expect(a.calls == ["stop 1", "limit 450"])
    #expect(b.calls == ["limit 900"])
    transport.setRateLimit(nil)
    #expect(a.calls == ["limit none"])
    #expect(b.calls == ["limit none"])
    transport.shutDown()
  }
}
