import ParcelCore
import Testing

/// Values whose changing methods `#expect` may call.
private final class Waiting {
  private var wait: TokenWait
  init(_ origin: String) { wait = TokenWait(origin: origin) }
  func refused(_ token: Int) -> TokenWait.News { wait.refused(token) }
  func answered() { wait.answered() }
  func renewed() { wait.renewed() }
  var isOn: Bool { wait.isOn }
  var isClosed: Bool { wait.isClosed }
  func text(_ files: Int, _ renewal: String) -> String { wait.status(files: files, renewal: renewal).text }
}

private final class Watched {
  private var watch: TokenFileWatch
  init(_ watch: TokenFileWatch) { self.watch = watch }
  func saw(_ stamp: TokenFileWatch.Stamp?) -> Bool { watch.saw(stamp) }
  func read(_ text: String, after: TokenFileWatch.Stamp?) -> TokenFileWatch.Answer {
    watch.read(.success(Array(text.utf8)), after: after)
  }
}

@Suite struct TokenWaitTests {
  @Test func oneSentenceForAllThatAreRefused() {
    let wait = Waiting("https://data.example")
    #expect(wait.refused(0) == .expired)
    for _ in 0..<20 { #expect(wait.refused(0) == .nothing) }
  }

  @Test func afterSomeRefusalsInARowNobodyElseAsks() {
    let wait = Waiting("https://data.example")
    for _ in 0..<3 {
      _ = wait.refused(0)
      #expect(!wait.isClosed)
    }
    _ = wait.refused(0)
    #expect(wait.isClosed)
  }

  @Test func whereSomeNeedNoTokenTheOthersMayTry() {
    let wait = Waiting("https://data.example")
    for _ in 0..<50 {
      _ = wait.refused(0)
      wait.answered()
    }
    #expect(wait.isOn && !wait.isClosed)
  }

  @Test func aNewTokenThatIsRefusedTooIsNewsOfItsOwn() {
    let wait = Waiting("https://data.example")
    _ = wait.refused(0)
    wait.renewed()
    #expect(!wait.isOn)
    #expect(wait.refused(1) == .refusedAgain)
    #expect(wait.refused(1) == .nothing)
    #expect(
      wait.text(2, "N gives it")
        == "waiting for a new token (N gives it): https://data.example refused the new token too")
  }

  @Test(arguments: [
    (401, "", false, true), (403, "", false, false), (403, "", true, true),
    (403, "Your token is invalid or expired.", false, true),
    (403, "You don't have access to this project", false, false), (407, "", true, false),
    (403, "The provided token has expired.", false, true),
  ])
  func whichRefusalsAreTheTokensFault(status: Int, words: String, worked: Bool, about: Bool) {
    let failure = Failure(.credentials, retry: .needsUser, "Refused.")
    #expect(TokenRule.isAboutToken(failure, status: status, words: words, worked: worked) == about)
  }

  @Test func aSecretIsNowhereWrittenOut() {
    let secret = Secret("very-secret")
    #expect(!"\(secret)".contains("very") && !String(reflecting: secret).contains("very"))
    #expect(!"\(Command.useToken(secret))".contains("very"))
  }
}

@Suite struct TokenFileWatchTests {
  typealias Stamp = TokenFileWatch.Stamp
  func stamp(_ seconds: Int, size: Int = 10, inode: UInt64 = 1) -> Stamp {
    Stamp(seconds: seconds, nanoseconds: 0, inode: inode, size: size)
  }
  private var watch: Watched { Watched(TokenFileWatch(path: "/t", token: "old", stamp: stamp(1))) }

  @Test func anUnchangedFileIsNeverRead() {
    let watch = watch
    for _ in 0..<100 { #expect(!watch.saw(stamp(1))) }
  }

  @Test func aChangedFileIsReadOnceItStandsStill() {
    let watch = watch
    #expect(!watch.saw(stamp(2)))
    #expect(!watch.saw(stamp(3)))
    #expect(watch.saw(stamp(3)))
    #expect(watch.read("new\n", after: stamp(3)) == .token("new"))
    #expect(!watch.saw(stamp(3)))
  }

  @Test func aFileThatChangesWhileItIsReadIsReadAgain() {
    let watch = watch
    _ = watch.saw(stamp(2))
    #expect(watch.saw(stamp(2)))
    #expect(watch.read("ne", after: stamp(2, size: 11)) == .nothing)
    #expect(watch.saw(stamp(2, size: 11)))
    #expect(watch.read("new", after: stamp(2, size: 11)) == .token("new"))
  }

  @Test func aFileThatIsAwayForAMomentIsWaitedFor() {
    let watch = watch
    #expect(!watch.saw(nil))
    #expect(!watch.saw(stamp(2, inode: 9)))
    #expect(watch.saw(stamp(2, inode: 9)))
  }

  @Test func anotherFileInItsPlaceIsSeenThoughSizeAndTimeAreTheSame() {
    let watch = watch
    _ = watch.saw(stamp(1, inode: 2))
    #expect(watch.saw(stamp(1, inode: 2)))
  }

  @Test(arguments: ["", " \n", "two words", "es\u{1B}[2Jcape", "zeile\nzwei"])
  func whatHoldsNoTokenLeavesTheOldOneInUseAndSaysSoOnce(text: String) {
    let watch = watch
    _ = watch.saw(stamp(2))
    _ = watch.saw(stamp(2))
    guard case .remark(let words) = watch.read(text, after: stamp(2)) else {
      Issue.record("taken: \(text)")
      return
    }
    #expect(words.contains("stays in use"))
    #expect(!watch.saw(stamp(2)))
  }

  @Test func theSameTokenWrittenAgainIsNoNews() {
    let watch = watch
    _ = watch.saw(stamp(2))
    _ = watch.saw(stamp(2))
    #expect(watch.read("old\n", after: stamp(2)) == .nothing)
  }
}

@Suite struct UntilDoneTests {
  @Test func pausesGrowToFiveMinutesAndNeverEnd() {
    let policy = RetryPolicy.untilDone
    var longest = 0.0
    for failures in 1...10_000 {
      #expect(!policy.givesUp(after: failures))
      longest = max(longest, policy.delay(failures: failures, retryAfter: nil, random: 1))
    }
    #expect(longest == 300)
    #expect(policy.delay(failures: 20, retryAfter: nil, random: 0) == 150)
    #expect(policy.delay(failures: 1, retryAfter: 3600, random: 0) == 3600)
  }

  @Test func whatWaitingMayMendIsTriedAgainAndWhatItCannotIsNot() {
    let policy = RetryPolicy.untilDone
    let certificate = Failure(.tls, retry: .needsUser, "Expired.")
    #expect(policy.outlasts(certificate) && !RetryPolicy().outlasts(certificate))
    for code in [Failure.Code.notFound, .changed, .digest, .size, .input, .credentials, .disk, .exists] {
      #expect(!policy.outlasts(Failure(code, retry: .needsUser, "So it is.")))
    }
    #expect(!policy.outlasts(Failure(.server, retry: .never, "501")))
  }
}
