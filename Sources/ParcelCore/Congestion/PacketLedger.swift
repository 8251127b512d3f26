/// What is remembered of each packet between the cumulative acknowledgement and the newest one: 8 bytes each.
///
/// Begins with 1,024 packets and doubles, up to the window, when the span needs it: an idle connection stays small.
struct PacketLedger: Sendable {
  struct Record: Sendable {
    /// Microseconds of the latest transmission, modulo 2^32 (71 minutes).
    var sentAt: UInt32 = 0
    /// The number of the exact point (`RateSampler`) that was newest when it was first sent, modulo 2^16.
    var point: UInt16 = 0
    var marks: Marks = []
    /// Which pacing it was first sent under.
    var pace: Pace = .even
  }

  struct Marks: OptionSet, Sendable {
    let rawValue: UInt8
    /// Reported missing and not believed repaired.
    static let hole = Marks(rawValue: 1)
    /// Sent again, and neither credited nor reported again since.
    static let resent = Marks(rawValue: 2)
    /// Was sent more than once: its times are ambiguous.
    static let repeated = Marks(rawValue: 4)
    /// Left while the application gave too little.
    static let limited = Marks(rawValue: 8)
  }

  /// The pacing a packet left under, against what the path is believed to deliver.
  enum Pace: UInt8, Sendable {
    case slower
    case even
    case faster
  }

  private var records: ContiguousArray<Record>
  private let limit: Int

  /// `limit` packets at most, rounded up to a power of two.
  init(limit: Int) {
    var rounded = 1024
    while rounded < limit { rounded *= 2 }
    self.limit = rounded
    records = ContiguousArray(repeating: Record(), count: 1024)
  }

  subscript(position: Int) -> Record {
    get { records[position & (records.count - 1)] }
    set { records[position & (records.count - 1)] = newValue }
  }

  /// Makes room for `span` packets from `oldest` on. A span over the limit overwrites the oldest: estimates suffer, memory
  /// does not.
  mutating func reserve(span: Int, from oldest: Int) {
    while span > records.count, records.count < limit {
      var larger = ContiguousArray(repeating: Record(), count: records.count * 2)
      for position in oldest..<(oldest + records.count) {
        larger[position & (larger.count - 1)] = records[position & (records.count - 1)]
      }
      records = larger
    }
  }
}
