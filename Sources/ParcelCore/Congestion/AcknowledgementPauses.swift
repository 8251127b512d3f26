/// How long acknowledgements really keep the sender waiting.
///
/// A UDT receiver acknowledges every 10 ms when its machine lets it. A busy machine makes that 50 or 200 ms, and a window that counts
/// on 10 ms then holds the sender back; and since what is delivered is a window's worth for each pause, the model would
/// take that for the path's rate, and stay there (seen over loopback: 32 packets every 170 ms for ever).
struct AcknowledgementPauses: Sendable {
  private var maximum = WindowedMaximum(rounds: 10)
  /// When the running pause began; nil when its end will say nothing.
  private var begun: Int?
  private var known = 0
  private let shortest: Int
  /// Longer ones are the path's, which was dead. Microseconds.
  private static let most = 250_000

  /// `shortest`: microseconds of the receiver's clock.
  init(shortest: Int) { self.shortest = shortest }

  /// Microseconds: the longest of the last ten rounds, the receiver's clock at least.
  var longest: Int { max(shortest, known) }

  /// The first packet leaves after nothing was on its way: its acknowledgement takes a round trip (microseconds), too. Nil: unknown.
  mutating func begin(at time: Int, roundTrip: Int?) { begun = roundTrip.map { time + $0 } }

  /// Something is missing: the next acknowledgement waits for that, not for a clock.
  mutating func disturb() { begun = nil }

  /// An acknowledgement came.
  mutating func end(at time: Int) {
    if let begun {
      maximum.include(Double(min(max(0, time - begun), Self.most)))
      known = Int(maximum.value)
    }
    begun = time
  }

  /// A round ended.
  mutating func advance() {
    maximum.advance()
    known = Int(maximum.value)
  }
}
