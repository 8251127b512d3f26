import ParcelCore

/// Numbers as the plain output writes them: powers of ten, Mbit/s, and widths that do not change while a number grows.
package enum PlainNumbers {
  /// Widest text of `bytes`, "999.99 GB".
  static let bytesWidth = 9
  /// Widest text of `rate` up to 99,999 Mbit/s.
  static let rateWidth = 12
  /// Widest text of `duration` below 100 days.
  static let durationWidth = 7

  private static let units: [(name: String, size: Double)] = [
    ("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3),
  ]

  /// The unit that a count of bytes is written in; rounding never gives "1000.00 MB".
  private static func unit(_ bytes: Int) -> (name: String, size: Double)? {
    units.first { Double(bytes) >= $0.size * (1 - 0.5e-5) && bytes >= 1000 }
  }

  /// "1.59 MB", "16.00 kB", "512 B". Negative counts as 0.
  package static func bytes(_ count: Int) -> String {
    guard let unit = unit(count) else { return "\(max(0, count)) B" }
    return Decimal.fixed(Double(count) / unit.size, 2) + " " + unit.name
  }

  /// "1.91 of 4.23 GB": both in the unit of the whole.
  package static func bytes(_ part: Int, of whole: Int) -> String {
    guard let unit = unit(whole) else { return "\(part) of \(whole) B" }
    return Decimal.fixed(Double(part) / unit.size, 2) + " of " + Decimal.fixed(Double(whole) / unit.size, 2)
      + " " + unit.name
  }

  /// Bytes per second as "3.42 Mbit/s", "34.2 Mbit/s", "742 Mbit/s".
  package static func rate(_ bytesPerSecond: Double) -> String {
    let megabits = bytesPerSecond.isFinite ? max(0, bytesPerSecond) * 8 / 1e6 : 0
    return Decimal.fixed(megabits, megabits < 9.995 ? 2 : megabits < 99.95 ? 1 : 0) + " Mbit/s"
  }

  /// "9 s", "12m 05s", "3h 12m", "4d 03h". Negative and unknown (nil) are "–" or, in ASCII, "-".
  package static func duration(_ seconds: Double?, ascii: Bool = false) -> String {
    guard let seconds, seconds >= 0, seconds < 1e9 else { return ascii ? "-" : "–" }
    let whole = Int(seconds.rounded())
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60)m \(two(whole % 60))s"
    case ..<86400: return "\(whole / 3600)h \(two(whole / 60 % 60))m"
    default: return "\(whole / 86400)d \(two(whole / 3600 % 24))h"
    }
  }

  /// 0 ... 100, rounded down, so that 100 means all of it.
  package static func percent(_ part: Int, of whole: Int) -> Int {
    guard whole > 0 else { return 0 }
    return min(100, max(0, Int(Double(part) / Double(whole) * 100)))
  }
}
