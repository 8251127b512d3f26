import ParcelCore
import ParcelEngine
import ParcelTesting
import Testing

@Suite struct CredentialTests {
  private func lab() -> EngineLab {
    EngineLab {
      $0.token = "secret-token"
      $0.headers = [HTTPHeader("Cookie", "a=b"), HTTPHeader("X-Study", "7")]
    }
  }

  private func log(_ lab: EngineLab) -> [String] { lab.seen.log.filter { $0.level == .warning }.map(\.text) }

  /// Names of the headers that the only request carried.
  private func sent(_ lab: EngineLab) async -> [String] {
    await lab.run(3)
    return lab.transport.requests.first?.headers.map(\.name) ?? []
  }

  @Test func aServerThatOnlyAManifestNamesGetsNoSecretsAndTheLogSaysSoOnce() async {
    let lab = lab()
    await lab.engine.add([
      DownloadSpec(source: .url("https://evil.example/a")),
      DownloadSpec(source: .url("https://evil.example/b")),
    ])
    #expect(await sent(lab) == ["X-Study"])
    let said = log(lab).filter { $0.contains("No token is sent to https://evil.example:443") }
    #expect(said.count == 1, "\(log(lab))")
  }

  @Test func theServerOfTheIdsGetsThemWhoeverNamesIt() async {
    let lab = lab()
    await lab.engine.add([DownloadSpec(source: .url("https://data.example/other/a"))])
    #expect(await sent(lab) == ["Cookie", "X-Study", "X-Auth-Token"])
    #expect(log(lab).isEmpty)
  }

  @Test func anotherSchemeOrPortIsAnotherServer() async {
    for url in [
      "http://data.example/a", "https://data.example:8443/a", "https://data.example.evil.example/a",
    ] {
      let lab = lab()
      await lab.engine.add([DownloadSpec(source: .url(url))])
      #expect(await sent(lab) == ["X-Study"], "\(url)")
    }
  }

  @Test func aURLThatWasTypedGetsThem() async throws {
    let lab = lab()
    await lab.engine.add([try RowInput.spec("https://mine.example/a")])
    #expect(await sent(lab) == ["Cookie", "X-Study", "X-Auth-Token"])
  }

  @Test func withoutSecretsNothingIsSaid() async {
    let lab = EngineLab { $0.headers = [HTTPHeader("X-Study", "7")] }
    await lab.engine.add([DownloadSpec(source: .url("https://evil.example/a"))])
    #expect(await sent(lab) == ["X-Study"])
    #expect(log(lab).isEmpty)
  }

  @Test func aRedirectFromHttpsToHttpIsFollowedWhenItIsAllowedWithoutSecretsAndNetrc() async {
    let lab = EngineLab {
      $0.token = "secret-token"
      $0.policy.followsDowngrades = true
    }
    let object = ScriptedObject(bytes: pattern(9 * mega))
    await lab.engine.add([spec("r", size: object.bytes.count)])
    await lab.serveAll(object) { transfer in
      guard transfer.request.url.hasPrefix("https://") else {
        #expect(
          !transfer.request.mayUseNetrc && !transfer.request.headers.contains { $0.name == "X-Auth-Token" })
        return false
      }
      #expect(transfer.request.mayUseNetrc)
      let head = ResponseHead(status: 302, headers: [HTTPHeader("Location", "http://bucket.example/key")])
      _ = transfer.receiver.begin(head)
      lab.transport.end(transfer.request.id, .rejected, head: head)
      return true
    }
    lab.expect("r", object)
  }
}
