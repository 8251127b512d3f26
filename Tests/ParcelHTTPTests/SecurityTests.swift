import ParcelCore
import ParcelHTTP
import ParcelTesting
import Synchronization
import Testing

/// TLS, credentials, and what the log may say.
@Suite struct SecurityTests {
  let nginx: Nginx
  init() throws { nginx = try Shared.server() }

  private func trusting() -> Harness { Harness { $0.certificateAuthorities = nginx.authority } }

  @Test func sharedTransfersAreStreamsOfOneConnection() async throws {
    let harness = trusting()
    let receivers = (0..<20).map { _ in StrictReceiver() }
    for receiver in receivers { harness.open(nginx.https + "/small", shared: true, receiver) }
    var connections: Set<String?> = []
    for receiver in receivers {
      let state = await receiver.ended()
      #expect(state.breaches.isEmpty)
      #expect(state.end?.httpVersion == "2")
      #expect(state.holds(0..<Shared.smallSize))
      connections.insert(state.connection)
    }
    #expect(connections.count == 1)
  }

  @Test func rangesDoNotKeepSmallFilesFromSharing() async throws {
    let harness = trusting()
    #expect(await harness.fetch(nginx.https + "/small", range: 0..<10).end?.httpVersion == "1.1")
    let receivers = (0..<10).map { _ in StrictReceiver() }
    for receiver in receivers { harness.open(nginx.https + "/small", shared: true, receiver) }
    var connections: Set<String?> = []
    for receiver in receivers { connections.insert(await receiver.ended().connection) }
    #expect(connections.count <= 2)
    #expect(await harness.fetch(nginx.https + "/small", range: 0..<10).end?.httpVersion == "1.1")
  }

  @Test func aServerOfAnUnknownAuthorityIsRefused() async throws {
    let failure = await Harness().fetch(nginx.https + "/small").end?.failure
    #expect(failure?.code == .tls)
    #expect(failure?.retry == .needsUser)
    #expect(failure?.sentence.contains("issuer is not among the known authorities") == true)
  }

  @Test func aCertificateForAnotherNameIsRefused() async throws {
    let failure = await trusting().fetch(nginx.httpsWrongName + "/small").end?.failure
    #expect(failure?.code == .tls)
    #expect(failure?.sentence.contains("it is for another host name") == true)
  }

  @Test func anExpiredCertificateIsRefused() async throws {
    let failure = await trusting().fetch(nginx.httpsExpired + "/small").end?.failure
    #expect(failure?.code == .tls)
    #expect(failure?.sentence.contains("it has expired") == true)
  }

  @Test func insecureTakesAnyCertificate() async throws {
    let harness = Harness { $0.insecure = true }
    for url in [nginx.https, nginx.httpsWrongName, nginx.httpsExpired] {
      #expect(await harness.fetch(url + "/small").end?.word == "completed")
    }
  }

  @Test func aFileOfAuthoritiesThatIsNotThereIsSaid() async throws {
    let harness = Harness { $0.certificateAuthorities = "/nonexistent/ca.pem" }
    let failure = await harness.fetch(nginx.https + "/small").end?.failure
    #expect(failure?.retry == .needsUser)
    #expect(failure?.remedy.contains("--cacert") == true)
  }

  @Test func httpsToAPlainPortIsATLSFailure() async throws {
    let url = nginx.http.replacing("http://", with: "https://") + "/small"
    let failure = await trusting().fetch(url).end?.failure
    #expect(failure?.code == .tls)
    #expect(failure?.retry == .needsUser)
  }

  @Test func basicAuthenticationComesFromTheURLOrNetrcOrIsMissing() async throws {
    let missing = await Harness().fetch(nginx.http + "/auth/small")
    #expect(missing.head?.status == 401)

    let url = nginx.http.replacing("http://", with: "http://user:secret@") + "/auth/small"
    #expect(await Harness().fetch(url).holds(0..<Shared.smallSize))

    let folder = try TemporaryFolder()
    defer { folder.remove() }
    try folder.write("machine 127.0.0.1 login user password secret\n", to: "netrc")
    var settings = CurlSettings()
    settings.netrcFile = folder.path + "/netrc"
    let withNetrc = Harness(settings: settings) { $0.netrc = true }
    #expect(await withNetrc.fetch(nginx.http + "/auth/small").head?.status == 200)
    let off = Harness(settings: settings)
    #expect(await off.fetch(nginx.http + "/auth/small").head?.status == 401)
  }

  @Test func theLogShowsHeadersWithStarsForSecrets() async throws {
    let lines = Mutex<[String]>([])
    var settings = CurlSettings()
    settings.log = { line in lines.withLock { $0.append(line) } }
    let harness = Harness(settings: settings) { $0.debug = true }
    let url =
      nginx.http.replacing("http://", with: "http://user:secret@") + "/small?X-Amz-Signature=hush&part=1"
    _ = await harness.fetch(url, headers: [HTTPHeader("X-Auth-Token", "hush")])
    let log = lines.withLock { $0 }
    #expect(log.contains("> GET /small?X-Amz-Signature=***&part=1 HTTP/1.1"))
    #expect(log.contains("> X-Auth-Token: ***"))
    #expect(log.contains("> Authorization: ***"))
    #expect(log.contains("< HTTP/1.1 200 OK"))
    #expect(log.contains { $0.hasPrefix("< ETag: ") })
    #expect(!log.contains { $0.contains("hush") || $0.contains("c2VjcmV0") })
  }

  @Test func aFailureNamesTheURLWithoutItsSecrets() async throws {
    let url = nginx.https.replacing("https://", with: "https://user:hush@") + "/small?token=hush&a=b"
    let failure = await Harness().fetch(url).end?.failure
    #expect(failure?.text.contains("hush") == false)
    #expect(failure?.text.contains("/small?token=***&a=b") == true)
  }
}
