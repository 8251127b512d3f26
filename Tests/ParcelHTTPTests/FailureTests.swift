import Glibc
import ParcelCore
import ParcelHTTP
import ParcelSystem
import ParcelTesting
import Synchronization
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
    // The words for what was asked for: not an end that no file has.
    for (range, words) in [
      (0..<10, ", bytes 0 to 9: "), (0..<1 << 40, ": "), (7..<1 << 40, " from byte 7: "),
    ] {
      let failure = await harness.fetch(nginx.http + "/big", range: range).end?.failure
      #expect(failure?.sentence.hasPrefix("Could not fetch \(nginx.http)/big\(words)") == true)
    }
  }

  /// Whatever this machine's resolver would say.
  private func failure(_ host: String, _ answer: NameLookup) async -> Failure? {
    var settings = CurlSettings()
    settings.lookUp = { $0 == host ? answer : .unclear }
    return await Harness(settings: settings).fetch("http://\(host)/x").end?.failure
  }

  @Test func aNameThatIsDeniedNeedsItsUser() async {
    let failure = await failure("nowhere.invalid", .denied)
    #expect(failure?.code == .network && failure?.retry == .needsUser)
    #expect(
      failure?.sentence == "Could not fetch http://nowhere.invalid/x: there is no host named nowhere.invalid."
    )
  }

  @Test func aNameThatNobodyAnswersForIsTriedAgain() async {
    let failure = await failure("nowhere.invalid", .unclear)
    #expect(failure?.code == .network && failure?.retry == .later(after: nil))
    #expect(
      failure?.sentence
        == "Could not fetch http://nowhere.invalid/x: the name nowhere.invalid could not be looked up.")
  }

  @Test func aStopDoesNotWaitForTheResolverAndTheOthersGetItsAnswer() async {
    let isAsked = Mutex(false)
    let gate = Countdown()
    gate.enter()
    var settings = CurlSettings()
    settings.lookUp = { _ in
      isAsked.withLock { $0 = true }
      _ = gate.wait(seconds: 60)
      return .denied
    }
    let harness = Harness(settings: settings)
    let receivers = (0..<6).map { _ in StrictReceiver() }
    let ids = receivers.map { harness.open("http://nowhere.invalid/x", $0) }
    while !isAsked.withLock({ $0 }) { await Task.yield() }
    harness.transport.stop(ids[0])
    let stopped = await receivers[0].ended()
    #expect(stopped.end?.failure == nil && stopped.breaches.isEmpty)
    gate.leave()
    for receiver in receivers.dropFirst() {
      let state = await receiver.ended()
      #expect(state.end?.failure?.retry == .needsUser && state.breaches.isEmpty)
    }
  }

  @Test func theSystemsResolverIsAskedInEarnest() {
    #expect(NameLookup.ask("localhost") == .unclear)
    // A name that no name server is asked for: it is longer than names may be.
    #expect(NameLookup.ask(String(repeating: "a", count: 64) + ".invalid") == .denied)
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
