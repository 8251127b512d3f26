/// A rate at which the path delivered packets.
package struct RateSample: Hashable, Sendable {
  /// Packets per second.
  package var rate: Double
  /// Packets counted in it.
  package var packets: Int
  /// Seconds over which it was taken.
  package var seconds: Double
  /// The application gave too little in that time: the path can do at least this, perhaps more.
  package var isLimited: Bool
}

/// Turns exact delivered counts into rate samples.
///
/// Each packet remembers the newest exact point at the time it left. When it is proven to have arrived, at another exact point,
/// the packets delivered between the two points, over the longer of the time in which they arrived and the time in which they
/// were sent, are a sample (draft-ietf-ccwg-bbr, "Delivery Rate Samples"; the longer time, because acknowledgements that
/// bunch up would otherwise show more than was ever sent).
struct RateSampler: Sendable {
  private struct Point: Sendable {
    var time = 0
    var delivered = 0
    /// When the newest packet proven at this point was sent.
    var sentAt: UInt32 = 0
  }

  private static let count = 256
  private var points = ContiguousArray(repeating: Point(), count: RateSampler.count)
  /// The newest point's number.
  private(set) var newest = 0

  /// Begins with a point at the first packet, time 0.
  init() {}

  /// The number each packet that leaves now remembers.
  var mark: UInt16 { UInt16(truncatingIfNeeded: newest) }

  /// Nothing was on its way before `time`: what is sent now starts from here.
  mutating func restart(at time: Int, delivered: Int) {
    newest += 1
    points[newest % Self.count] = Point(
      time: time, delivered: delivered, sentAt: UInt32(truncatingIfNeeded: time))
  }

  /// A sample that ends at the exact point `delivered` at `time`, for the newest proven packet `record`. Nil when the points it
  /// needs are gone. It reaches back to the packet's own point, and further until it spans `shortest` microseconds.
  func sample(time: Int, delivered: Int, record: PacketLedger.Record, shortest: Int) -> RateSample? {
    var number = newest - Int(mark &- record.point)
    let oldest = max(1, newest - Self.count + 1)
    while number > oldest, time - points[number % Self.count].time < shortest { number -= 1 }
    guard number >= oldest else { return nil }
    let point = points[number % Self.count]
    let sending = Int(Int32(bitPattern: record.sentAt &- point.sentAt))
    let interval = max(time - point.time, sending)
    guard interval >= shortest, delivered > point.delivered else { return nil }
    let packets = delivered - point.delivered
    return RateSample(
      rate: Double(packets) * 1e6 / Double(interval), packets: packets, seconds: Double(interval) / 1e6,
      isLimited: record.marks.contains(.limited))
  }

  /// Remembers an exact point, unless the newest is less than `spacing` microseconds old.
  mutating func remember(time: Int, delivered: Int, sentAt: UInt32, spacing: Int) {
    guard time - points[newest % Self.count].time >= spacing else { return }
    newest += 1
    points[newest % Self.count] = Point(time: time, delivered: delivered, sentAt: sentAt)
  }
}
