/// Why downloads wait for the world around them, what they wait for, and how many do: one line for people.
package struct HoldStatus: Hashable, Sendable {
  package var kind: Failure.Hold
  /// The file system's mount point ("/data"), or the server ("https://data.example").
  package var place: String
  /// Downloads that began and wait.
  package var files: Int
  /// Bytes that can be written there now; nil when that is not known, or not what it waits for.
  package var free: Int?
  /// Bytes that unfinished downloads still lack there; nil when unknown.
  package var needed: Int?
  /// "waiting for space on /data: 12.3 GB free, 40.0 GB needed"; printable.
  package var text: String

  package init(kind: Failure.Hold, place: String, files: Int, free: Int?, needed: Int?, text: String) {
    self.kind = kind
    self.place = place
    self.files = files
    self.free = free
    self.needed = needed
    self.text = text
  }
}

/// A wait began, was renewed or ended.
package struct HoldChange: Hashable, Sendable {
  package enum What: String, Sendable {
    case began
    /// What came (a new token) did not help.
    case again
    /// Its downloads go on.
    case ended
    /// Nothing else was left to do, and the run does not wait for ever.
    case givenUp
  }

  package var time: Instant
  package var what: What
  package var hold: HoldStatus
  /// A sentence without its full stop; printable.
  package var text: String

  package init(time: Instant, what: What, hold: HoldStatus, text: String) {
    self.time = time
    self.what = what
    self.hold = hold
    self.text = text
  }
}

/// Bytes for sentences.
enum ByteText {
  private static let units: [(name: String, size: Double)] = [
    ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3),
  ]

  /// "12.3 GB": powers of ten, three digits or four.
  static func short(_ count: Int) -> String {
    guard let unit = units.first(where: { Double(count) >= $0.size * 0.9995 && count >= 1000 }) else {
      return "\(max(0, count)) B"
    }
    let value = Double(count) / unit.size
    return Decimal.fixed(value, value < 99.95 ? 1 : 0) + " " + unit.name
  }
}
