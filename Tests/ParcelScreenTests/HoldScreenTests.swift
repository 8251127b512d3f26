import ParcelCore
import Testing

@testable import ParcelScreen

/// What waits for room or for a token, and the prompt for a new one.
@Suite struct HoldScreenTests {
  private func waiting(_ columns: Int = 80, _ rows: Int = 24) -> Model {
    var model = Fixture.model(columns, rows)
    let full = Failure(.disk, retry: .held(.space), "Paused 'x': no space left on /data.")
    model.change([2: Fixture.status(.held, received: 50, failure: full)])
    model.holds = [
      HoldStatus(
        kind: .space, place: "/data", files: 1, free: 12_300_000_000, needed: 40_000_000_000,
        text: "waiting for space on /data: 12.3 GB free, 40.0 GB needed")
    ]
    return model
  }

  @Test(arguments: [(80, 24), (120, 40), (60, 20)])
  func theScreenSaysWhatIsWaitedForAsLongAsItIs(columns: Int, rows: Int) {
    var model = waiting(columns, rows)
    #expect(view(model).text.contains("◇ waiting for space on /data: 12.3 GB free"))
    #expect(view(model).text.contains("for space"))
    model.holds = []
    #expect(!view(model).text.contains("12.3 GB free"))
  }

  @Test func aWaitThatBeginsReplacesWhatWasSaidBefore() {
    var model = Fixture.model(80, 24)
    model.say("The new token is sent from now on.")
    let hold = HoldStatus(
      kind: .token, place: "https://data.example", files: 6, free: nil, needed: nil,
      text: "waiting for a new token (N gives it): https://data.example refused the new token too")
    var snapshot = Snapshot(time: .zero, generation: 2)
    snapshot.phase = model.phase
    snapshot.totals = model.totals
    snapshot.settings = model.settings
    snapshot.holds = [hold]
    snapshot.holdChanges = [HoldChange(time: .zero, what: .again, hold: hold, text: hold.text)]
    model.send(.snapshot(snapshot))
    #expect(view(model).text.contains("waiting for a new token (N gives it)"))
    #expect(!view(model).text.contains("is sent from now on"))
  }

  @Test func aWaitingFileCanBePausedAndTriedAgain() {
    var model = waiting()
    #expect(model.press(.character("r")) == [.perform(.retry([DownloadID(2)]))])
    #expect(model.press(.character(" ")) == [.perform(.pause([DownloadID(2)]))])
  }

  @Test func aTokenIsTypedAsStarsAndGoesToTheEngineOnly() {
    var model = Fixture.model(80, 24)
    model.press(.character("N"))
    for character in "s3cr.et/+=" { model.press(.character(character)) }
    #expect(view(model).text.contains("token: **********"))
    #expect(!view(model).text.contains("s3cr"))
    #expect(model.press(.enter) == [.perform(.useToken(Secret("s3cr.et/+=")))])
    #expect(!view(model).text.contains("s3cr"))
  }

  @Test func aPastedTokenIsTakenWithoutItsLineEnd() {
    var model = Fixture.model(80, 24)
    model.press(.character("N"))
    model.send(.paste("eyJhbGciOi.abc\n"))
    #expect(model.press(.enter) == [.perform(.useToken(Secret("eyJhbGciOi.abc")))])
  }

  @Test(arguments: ["abc\u{1B}[31mdef", "two words", "line\nline", "\u{9B}2J", "", "naïve"])
  func aPasteThatIsNoTokenIsRefusedWhole(text: String) {
    var model = Fixture.model(80, 24)
    model.press(.character("N"))
    model.send(.paste(text))
    #expect(view(model).text.contains("nothing was taken"))
    #expect(model.press(.enter).isEmpty)
  }

  @Test func aTypedTokenWithABlankIsAskedForOnceMore() {
    var model = Fixture.model(80, 24)
    model.press(.character("N"))
    for character in "a b" { model.press(.character(character)) }
    #expect(model.press(.enter).isEmpty)
    #expect(model.context == .prompt)
    #expect(!view(model).text.contains("***"))
  }
}
