import Glibc
import ParcelCore
import ParcelHTTP
import ParcelTesting
import Testing

/// What breaks on the way.
@Suite struct FailureTests {
  @Test func aServerKilledInMidTransferIsABrokenConnection() async throws {
    let nginx = try Nginx()
    try nginx.root.write(Pattern.bytes(0..<Shared.bigSize), to: "big")
    let receiver = StrictReceiver()
    let harness = Harness()
    harness.open(nginx.http + "/slow/big", receiver)
    _ = await receiver.until { !$0.body.isEmpty }
    nginx.stop()
    let state = await receiver.ended()
    #expect(state.breaches.isEmpty)
    #expect(state.end?.failure?.code == .network)
    #expect(state.end?.failure?.retry == .now)
    #expect(state.holds(0..<state.body.count))

    let refused = await harness.fetch(nginx.http + "/big").end?.failure
    #expect(refused?.code == .network)
    #expect(refused?.retry == .later(after: nil))
    #expect(refused?.sentence.contains("connection refused") == true)
    #expect(refused?.sentence.contains(nginx.http + "/big") == true)
  }

  @Test func aNameThatDoesNotExistIsSaid() async throws {
    let failure = await Harness().fetch("http://nowhere.invalid/x").end?.failure
    #expect(failure?.code == .network)
    #expect(
      failure?.sentence == "Could not fetch http://nowhere.invalid/x: the name nowhere.invalid was not found."
    )
  }

  @Test func aProxyThatIsNotThereIsTheProxysFailure() async throws {
    let socket = try ListeningSocket()
    close(socket.descriptor)
    let harness = Harness { $0.proxy = "http://127.0.0.1:\(socket.port)" }
    let failure = await harness.fetch("http://nowhere.invalid/x").end?.failure
    #expect(failure?.code == .proxy)
    #expect(failure?.sentence.contains("the proxy cannot be reached") == true)
  }

  @Test func aServerThatNeverAnswersTheHandshakeTimesOut() async throws {
    let socket = try ListeningSocket()
    defer { close(socket.descriptor) }
    let harness = Harness { $0.connectTimeout = 0.2 }
    let failure = await harness.fetch("https://127.0.0.1:\(socket.port)/x").end?.failure
    #expect(failure?.code == .network)
    #expect(failure?.sentence.contains("did not answer in time") == true)
  }

  @Test(arguments: ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://", "http://a b/", "http://x\u{1b}/"])
  func onlyHTTPURLsAreTaken(url: String) async throws {
    let failure = await Harness().fetch(url).end?.failure
    #expect(failure?.code == .input)
    #expect(failure?.retry == .never)
    #expect(failure?.text.utf8.contains(27) == false)
  }

  @Test func aHeaderThatWouldSmuggleAnotherIsRefused() async throws {
    let nginx = try Shared.server()
    let state = await Harness().fetch(
      nginx.http + "/echo", headers: [HTTPHeader("X-Auth-Token", "abc\r\nRange: bytes=0-1")])
    #expect(state.end?.failure?.code == .input)
    #expect(state.head == nil)
  }

  @Test func aRelaySocketNobodyListensOnIsTheRelaysFailure() async throws {
    var settings = CurlSettings()
    settings.kind = .udt
    settings.connectThrough = .path("/nonexistent/socket")
    let harness = Harness(settings: settings)
    #expect(harness.transport.kind == .udt)
    let failure = await harness.fetch("http://example.invalid/x").end?.failure
    #expect(failure?.code == .proxy)
    #expect(failure?.sentence.contains("the relay cannot be reached") == true)
  }

  @Test func aRelayEndPointNobodyListensOnIsTheRelaysFailure() async throws {
    let socket = try ListeningSocket()
    close(socket.descriptor)
    var settings = CurlSettings()
    settings.connectThrough = .endpoint(Endpoint(host: "127.0.0.1", port: socket.port))
    let failure = await Harness(settings: settings).fetch("http://example.invalid/x").end?.failure
    #expect(failure?.code == .proxy)
    #expect(failure?.sentence.contains("the relay cannot be reached (connection refused)") == true)
  }
}
