import ParcelCore
import Testing

@Suite struct VolumeWaitTests {
  let start = Instant(seconds: 100)
  var wait: VolumeWait { VolumeWait(volume: VolumeID(1), place: "/data") }

  @Test func theSentenceSaysWhereHowMuchIsFreeAndHowMuchIsNeeded() {
    var wait = wait
    _ = wait.began(.space, free: 12_300_000_000, needed: 40_000_000_000, stored: 0, now: start)
    #expect(
      wait.status(files: 3, now: start).text == "waiting for space on /data: 12.3 GB free, 40.0 GB needed")
  }

  @Test func onlyTheFirstDownloadIsNews() {
    var wait = wait
    let first = wait.began(.space, free: 0, needed: 1 << 30, stored: 0, now: start)
    let second = wait.began(.space, free: 0, needed: 2 << 30, stored: 0, now: start)
    #expect(first && !second)
  }

  @Test func itGoesOnWhenThereIsRoomForWhatIsNeeded() {
    var wait = wait
    _ = wait.began(.space, free: 0, needed: 10 << 20, stored: 0, now: start)
    let none = wait.looked(free: 9 << 20, needed: 10 << 20, stored: 0, now: start + 3)
    let some = wait.looked(free: 11 << 20, needed: 10 << 20, stored: 0, now: start + 6)
    #expect(!none && some && !wait.isOn)
  }

  @Test func someRoomIsEnoughToGoOnAlthoughMoreIsNeeded() {
    var wait = wait
    _ = wait.began(.space, free: 0, needed: 1 << 40, stored: 0, now: start)
    let little = wait.looked(free: 60 << 20, needed: 1 << 40, stored: 0, now: start + 3)
    let enough = wait.looked(free: 66 << 20, needed: 1 << 40, stored: 0, now: start + 6)
    #expect(!little && enough)
  }

  @Test func roomForOneOfThemIsEnough() {
    var wait = wait
    _ = wait.began(.space, free: 0, needed: 50 << 20, stored: 0, now: start)
    let goes = wait.looked(free: 12 << 20, needed: 50 << 20, least: 10 << 20, stored: 0, now: start + 3)
    #expect(goes)
  }

  @Test func itIsLookedAtEveryThreeSecondsAndNotMoreOften() {
    var wait = wait
    _ = wait.began(.space, free: 0, needed: 1, stored: 0, now: start)
    var looks = 0
    for tick in 0..<300 where wait.takeLook(now: start + Double(tick) / 10) { looks += 1 }
    #expect(looks == 9)
  }

  @Test func aQuotaIsTriedAgainWithPausesThatGrowToFiveMinutes() {
    var wait = wait
    var now = start
    var pauses: [Double] = []
    for _ in 0..<10 {
      _ = wait.began(.quota, free: 1 << 40, needed: 1 << 30, stored: 0, now: now)
      let began = now
      while !wait.looked(free: 1 << 40, needed: 1 << 30, stored: 0, now: now) { now = now + 0.5 }
      pauses.append(now - began)
    }
    #expect(pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300])
  }

  @Test(arguments: [Failure.Hold.readOnly, .permission])
  func whatCannotBeWrittenToGoesOnWhenItCanWhateverTheRoom(kind: Failure.Hold) {
    var wait = wait
    _ = wait.began(kind, free: 1 << 40, needed: 1 << 20, stored: 0, now: start)
    let status = wait.status(files: 1, now: start)
    #expect(
      status.text.hasPrefix("waiting for write access to /data: ") && status.free == nil
        && status.needed == nil)
    let closed = wait.looked(free: 1 << 40, needed: 0, mayWrite: false, stored: 0, now: start + 3)
    let full = wait.looked(free: 0, needed: 1 << 20, mayWrite: true, stored: 0, now: start + 6)
    #expect(!closed && full)
  }

  @Test func aQuotaShowsNoFreeSpaceBecauseTheFigureIsNotItsOwn() {
    var wait = wait
    _ = wait.began(.quota, free: 1 << 40, needed: 1 << 30, stored: 0, now: start)
    let status = wait.status(files: 1, now: start)
    #expect(status.free == nil)
    #expect(status.text == "the disk quota on /data is used up: trying again in 5 s")
  }

  @Test func whereRoomIsShownAndWritingStillFailsItIsNotTriedInALoop() {
    var wait = wait
    var now = start
    var goes = 0
    for _ in 0..<6000 {
      now = now + 0.1
      if !wait.isOn { _ = wait.began(.space, free: 1 << 40, needed: 1 << 30, stored: 0, now: now) }
      if wait.takeLook(now: now), wait.looked(free: 1 << 40, needed: 1 << 30, stored: 0, now: now) {
        goes += 1
      }
    }
    #expect(goes < 10, "in ten minutes it went on \(goes) times")
  }

  @Test func whoeverStoredSomethingSinceTheLastTimeStartsWithShortPausesAgain() {
    var wait = wait
    var now = start
    for round in 0..<5 {
      _ = wait.began(.space, free: 0, needed: 1 << 40, stored: round << 28, now: now)
      let goes = wait.looked(free: 1 << 30, needed: 1 << 40, stored: round << 28, now: now + 3)
      #expect(goes)
      now = now + 100
    }
  }

  @Test func withoutAnAnswerNothingGoesOn() {
    var wait = wait
    _ = wait.began(.space, free: nil, needed: 1, stored: 0, now: start)
    let goes = wait.looked(free: nil, needed: 1, stored: 0, now: start + 1000)
    #expect(!goes)
    #expect(
      wait.status(files: 1, now: start).text == "waiting for space on /data: free space unknown, 1 B needed")
  }
}
