import ParcelCore
import Testing

@Suite("Large packets that vanish")
struct VanishingDataTests {
  private typealias Signs = VanishingData.Signs

  private static func signs(_ peer: PeerProtocol.Peer) -> Signs {
    var signs = Signs()
    (signs.peer, signs.hasWritten) = (peer, true)
    return signs
  }

  /// Looks four times a second for so long, `change` before each look; seconds of the questions, and the verdict that was not to wait, if any.
  private static func watch(
    _ signs: Signs, for seconds: Double = 12, _ change: (inout Signs, Double) -> Void = { _, _ in }
  ) -> (asked: [Double], verdict: VanishingData.Verdict?, at: Double) {
    var signs = signs
    var data = VanishingData(now: .zero)
    var asked: [Double] = []
    for step in 1...Int(seconds * 4) {
      let at = Double(step) / 4
      change(&signs, at)
      switch data.look(signs, now: Instant(seconds: at)) {
      case .wait: break
      case .ask: asked.append(at)
      case let verdict: return (asked, verdict, at)
      }
    }
    return (asked, nil, seconds)
  }

  @Test("are found behind a peer of ours that says twice to have written more than came")
  func found() {
    var question: Double?
    let (asked, verdict, at) = Self.watch(Self.signs(.ours)) { signs, at in
      // Its words are small, so they come: each of ours is answered a tenth of a second later.
      if let asked = question { signs.told = .init(written: 5000, at: Instant(seconds: asked + 0.1)) }
      question = [1, 3, 5].last { $0 <= at - 0.25 }
    }
    #expect(asked == [1, 3] && verdict == .vanishes && at <= 3.5)
  }

  @Test("are not what makes a busy peer silent that has nothing to send, or has not answered yet")
  func idle() {
    let (asked, verdict, _) = Self.watch(Self.signs(.ours)) { signs, at in
      signs.silence = at
      signs.read = 1
      // Late.
      if at > 7 { signs.told = .init(written: 1, at: Instant(seconds: 6.5)) }
    }
    #expect(verdict == nil)
    #expect(asked == [1, 3, 5, 7, 9, 11])
    #expect(Self.watch(Self.signs(.ours)) { signs, at in signs.silence = at }.verdict == nil)
    #expect(Self.watch(Self.signs(.unknown)) { signs, at in signs.silence = at }.verdict == nil)
  }

  @Test("are not what a peer has just written, nor what comes slowly, nor what waits here for a reader")
  func slow() {
    // Each answer tells of more than came; but something comes after each.
    let slow = Self.watch(Self.signs(.ours)) { signs, at in
      signs.packets = Int(at / 1.5)
      signs.told = .init(written: 5000, at: Instant(seconds: at))
    }
    #expect(slow.verdict == nil)
    // One answer, seen again and again.
    let once = Self.watch(Self.signs(.ours)) { signs, at in
      if at >= 2 { signs.told = .init(written: 5000, at: Instant(seconds: 2)) }
    }
    #expect(once.verdict == nil)
    let unread = Self.watch(Self.signs(.ours)) { signs, at in
      signs.hasUnread = true
      signs.told = .init(written: 5000, at: Instant(seconds: at))
    }
    #expect(unread.verdict == nil && unread.asked.isEmpty)
    // Between two such answers it had all come.
    let caughtUp = Self.watch(Self.signs(.ours)) { signs, at in
      signs.read = 100
      signs.told = .init(written: Int(at) % 2 == 0 ? 100 : 5000, at: Instant(seconds: at))
    }
    #expect(caughtUp.verdict == nil)
  }

  @Test(
    "of a stock peer are supposed after some seconds without a word, more on a slow path, and only when something was asked of it"
  )
  func stock() {
    func verdict(_ timeout: Double, hasWritten: Bool = true) -> Double? {
      var signs = Self.signs(.stock)
      (signs.timeout, signs.hasWritten) = (timeout, hasWritten)
      let (asked, verdict, at) = Self.watch(signs) { signs, at in signs.silence = at }
      #expect(asked.isEmpty)
      return verdict == .vanishes ? at : nil
    }
    #expect(verdict(0.3) == 5)
    #expect(verdict(1.5) == 9)
    #expect(verdict(0.3, hasWritten: false) == nil)
    // A keep-alive each 3 s.
    let alive = Self.watch(Self.signs(.stock)) { signs, at in
      signs.silence = at.truncatingRemainder(dividingBy: 3)
    }
    #expect(alive.verdict == nil)
  }

  @Test("are nothing to look for once more has come than small packets hold")
  func passes() {
    let (_, verdict, at) = Self.watch(Self.signs(.stock)) { signs, at in signs.read = at < 2 ? 2799 : 2800 }
    #expect(verdict == .passes && at == 2)
  }
}
