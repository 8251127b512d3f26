/// How long acknowledgements really keep the sender waiting.
///
/// A UDT receiver acknowledges every 10 ms when its machine lets it. A busy machine makes that 50 or 200 ms, and a window that counts
/// on 10 ms then holds the sender back; and since what is delivered is a window's worth for each pause, the model would
/// take that for the path's rate, and stay there (seen over loopback: 32 packets every 170 ms for ever).
struct AcknowledgementPauses: Sendable {
  private var maximum = WindowedMaximum(rounds: 10)
  private var begun = 0
  private let shortest: Int
  /// Longer ones are not the machine's: the path was dead.
  private static let most = 250_000

  /// `shortest`: microseconds of the receiver's clock.
  init(shortest: Int) { self.shortest = shortest }

  /// Microseconds: the longest of the last ten rounds, the receiver's clock at least.
  private(set) var longest: Int {
    get { max(shortest, known) }
    set { known = newValue }
  }
  private var known = 0

  /// The first packet after nothing was on its way.
  mutating func begin(at time: Int) { begun = time }

  /// An acknowledgement came. One that stood before a hole waited for the hole, not for a clock: it does not count.
  mutating func end(at time: Int, counts: Bool) {
    if counts {
      maximum.include(Double(min(time - begun, Self.most)))
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
