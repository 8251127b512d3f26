import ParcelCore
import ParcelHTTP
import ParcelTesting
import Testing

@Suite struct TransferTests {
  let nginx: Nginx
  init() throws { nginx = try Shared.server() }

  @Test func aWholeFileArrivesAsItIs() async throws {
    let state = await Harness().fetch(nginx.http + "/big")
    #expect(state.end?.word == "completed")
    #expect(state.head?.status == 200)
    #expect(state.head?.contentLength == Shared.bigSize)
    #expect(state.holds(0..<Shared.bigSize))
    #expect(state.end?.httpVersion == "1.1")
    #expect((state.end?.connectSeconds ?? -1) > 0)
  }

  @Test(arguments: [0..<1, 0..<100, 5000..<9999, 9999..<10_000])
  func aRangeArrivesWithItsContentRange(_ range: Range<Int>) async throws {
    let state = await Harness().fetch(nginx.http + "/small", range: range)
    #expect(state.head?.status == 206)
    #expect(
      state.head?["content-range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(Shared.smallSize)")
    #expect(state.holds(range))
  }

  @Test func aRangeWithoutAnEndGoesToTheFilesEnd() async throws {
    let state = await Harness().fetch(nginx.http + "/small", range: 9_000..<Int.max)
    #expect(state.head?.status == 206)
    #expect(state.holds(9_000..<Shared.smallSize))
  }

  @Test func aServerWithoutRangesGivesTheWhole() async throws {
    let state = await Harness().fetch(nginx.http + "/norange/small", range: 10..<20)
    #expect(state.head?.status == 200)
    #expect(state.body.count == Shared.smallSize)
  }

  @Test func anEmptyFileBeginsAndEnds() async throws {
    let state = await Harness().fetch(nginx.http + "/empty")
    #expect(state.head?.status == 200)
    #expect(state.writes == 0)
    #expect(state.end?.word == "completed")
  }

  @Test func requestsOneAfterAnotherUseOneConnection() async throws {
    let harness = Harness()
    var connections: [String?] = []
    for start in 0..<5 {
      let state = await harness.fetch(nginx.http + "/small", range: start * 100..<start * 100 + 100)
      connections.append(state.connection)
      #expect((state.end?.connectSeconds != nil) == (start == 0))
    }
    #expect(connections[0] != nil)
    #expect(connections.allSatisfy { $0 == connections[0] })
  }

  @Test func unsharedTransfersAtTheSameTimeHaveConnectionsOfTheirOwn() async throws {
    let harness = Harness { $0.certificateAuthorities = nginx.authority }
    // Each is paused at its first byte, so all are open at once.
    let receivers = (0..<4).map { _ in
      StrictReceiver(answer: { state, _ in state.pauses == 0 ? .pause : .more })
    }
    for receiver in receivers { harness.open(nginx.https + "/big", receiver) }
    for receiver in receivers { _ = await receiver.until { $0.pauses == 1 } }
    harness.transport.resumePaused()
    var connections: Set<String?> = []
    for receiver in receivers {
      let state = await receiver.ended()
      #expect(state.breaches.isEmpty)
      #expect(state.holds(0..<Shared.bigSize))
      #expect(state.end?.httpVersion == "1.1")
      connections.insert(state.connection)
    }
    #expect(connections.count == 4)
  }

  @Test func fiftyTransfersAtOnceAllArrive() async throws {
    let harness = Harness()
    let receivers = (0..<50).map { _ in StrictReceiver() }
    for (i, receiver) in receivers.enumerated() {
      harness.open(nginx.http + "/big", range: i * 1000..<i * 1000 + 300_000, receiver)
    }
    for (i, receiver) in receivers.enumerated() {
      let state = await receiver.ended()
      #expect(state.breaches.isEmpty)
      #expect(state.end?.word == "completed")
      #expect(state.holds(i * 1000..<i * 1000 + 300_000))
    }
  }

  @Test func theRequestSaysWhoAsksAndWantsNoCoding() async throws {
    let harness = Harness { $0.userAgent = "parcel/1.2" }
    let state = await harness.fetch(
      nginx.http + "/echo", headers: [HTTPHeader("X-Auth-Token", "abc"), HTTPHeader("X-Empty", "")])
    #expect(state.text == "range=\nencoding=identity\nagent=parcel/1.2\ntoken=abc\nprotocol=HTTP/1.1\n")
    let gzip = await harness.fetch(nginx.http + "/gzip/small")
    #expect(gzip.head?["content-encoding"] == nil)
    #expect(gzip.holds(0..<Shared.smallSize))
  }

  @Test func aCodedBodyIsNotDecodedBehindOurBack() async throws {
    let state = await Harness().fetch(nginx.http + "/gzipped/small")
    #expect(state.head?["content-encoding"] == "gzip")
    #expect(state.holds(0..<100))
  }

  @Test func aUnixSocketCarriesTheRequestToWhateverHostItNames() async throws {
    #expect(await Harness().fetch(nginx.http + "/small").head?.status == 200)
    var settings = CurlSettings()
    settings.connectThrough = .path(nginx.unixSocket)
    let state = await Harness(settings: settings).fetch("http://data.invalid/small", range: 10..<20)
    #expect(state.head?.status == 206)
    #expect(state.holds(10..<20))
  }

  @Test(arguments: [false, true])
  func aTCPEndPointCarriesTheRequestToWhateverHostItNames(shared: Bool) async throws {
    var settings = CurlSettings()
    settings.connectThrough = .endpoint(Endpoint(host: "127.0.0.1", port: port(nginx.https)))
    let harness = Harness(settings: settings) {
      $0.certificateAuthorities = nginx.authority
      // The way is given: a proxy must not matter.
      $0.proxy = "http://127.0.0.1:9"
    }
    let first = await harness.fetch("https://localhost/small", shared: shared)
    #expect(first.holds(0..<Shared.smallSize))
    #expect(first.end?.httpVersion == (shared ? "2" : "1.1"))
    let second = await harness.fetch("https://localhost/small", shared: shared)
    #expect(second.connection == first.connection)
    // Server name and certificate are those of the URL's host, whoever carries the bytes.
    let other = await harness.fetch("https://data.invalid/small", shared: shared).end?.failure
    #expect(other?.code == .tls)
    #expect(other?.sentence.contains("data.invalid's certificate was refused") == true)
  }

  @Test func everyRequestGoesThroughTheEndPointWhateverItsPort() async throws {
    var settings = CurlSettings()
    settings.connectThrough = .endpoint(Endpoint(host: "127.0.0.1", port: port(nginx.http)))
    let harness = Harness(settings: settings)
    for _ in 0..<20 {
      let state = await harness.fetch("http://data.invalid:81/small", range: 10..<20)
      #expect(state.holds(10..<20))
    }
  }

  @Test func aRedirectIsShownNotFollowed() async throws {
    let state = await Harness().fetch(
      nginx.http + "/elsewhere/small", receiver: StrictReceiver(decide: { _ in .reject }))
    #expect(state.head?.status == 302)
    #expect(state.head?["location"] == nginx.second + "/small")
    #expect(state.end?.word == "rejected")
    #expect(state.end?.errorBody.isEmpty == true)
    #expect(state.writes == 0)
  }
}

/// The port in a URL.
private func port(_ url: String) -> Int { Int(url.split(separator: ":").last ?? "") ?? 0 }
