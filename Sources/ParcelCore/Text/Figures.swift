/// Numbers as people read them. Each kind has a largest width, so that right-aligned columns never jump.
///
/// Units are powers of ten and their names say so: 1 kB is 1,000 bytes.
package enum Figures {
  /// Shown for what is not known or does not apply.
  package static let none = "–"

  private static let byteUnits = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

  /// Largest width of `bytes`: `999.99 GB`.
  package static let bytesWidth = 9

  /// `512 B`, `1.59 MB`, `812.44 MB`. Negative counts as 0.
  package static func bytes(_ count: Int) -> String {
    let unit = unitIndex(count)
    return number(count, unit) + " " + byteUnits[unit]
  }

  /// `1.91 of 4.23 GB`: both in the unit of the whole; `aligned`: the part as wide as the whole.
  package static func bytes(_ part: Int, of whole: Int, aligned: Bool = false) -> String {
    let unit = unitIndex(whole)
    let total = number(whole, unit)
    let some = number(min(part, whole), unit)
    return (aligned ? padLeft(some, total.utf8.count) : some) + " of " + total + " " + byteUnits[unit]
  }

  private static func unitIndex(_ count: Int) -> Int {
    var unit = 0
    var limit = 1000
    // 999,995 B is 1.00 MB when rounded to two digits, never 1000.00 kB.
    while unit < byteUnits.count - 1, count >= limit - (unit == 0 ? 0 : limit / 200_000) {
      unit += 1
      guard limit <= Int.max / 1000 else { break }
      limit *= 1000
    }
    return unit
  }

  private static func number(_ count: Int, _ unit: Int) -> String {
    let count = max(0, count)
    if unit == 0 { return String(count) }
    var divisor = 1
    for _ in 0..<unit { divisor *= 1000 }
    return hundredths(Double(count) / Double(divisor))
  }

  /// A range in one unit: `0 – 860 MB`.
  package static func range(_ range: (start: Int, end: Int), of whole: Int) -> String {
    let unit = max(0, unitIndex(whole))
    let width = number(whole, unit).utf8.count
    return padLeft(number(range.start, unit), width) + " – " + padLeft(number(range.end, unit), width) + " "
      + byteUnits[unit]
  }

  /// Largest width of `rate`: `99999 Mbit/s`.
  package static let rateWidth = 12

  /// Bytes per second as `402 Mbit/s`, `42.1 Mbit/s`, `4.21 Mbit/s`.
  package static func rate(_ bytesPerSecond: Double) -> String { megabits(bytesPerSecond) + " Mbit/s" }

  /// Bytes per second as a bare number of Mbit/s.
  package static func megabits(_ bytesPerSecond: Double) -> String {
    let value = max(0, bytesPerSecond.isFinite ? bytesPerSecond : 0) * 8 / 1e6
    if value < 9.995 { return hundredths(value) }
    if value < 99.95 { return tenths(value) }
    return String(Int(min(value, 99_999).rounded()))
  }

  /// Largest width of `duration`: `59m 59s`.
  package static let durationWidth = 7

  /// Seconds as `25 s`, `4m 12s`, `2h 05m`, `3d 04h`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 3600 * 24 * 1000 else { return ">999 d" }
    let total = max(0, Int(seconds.rounded()))
    switch total {
    case ..<60: return "\(total) s"
    case ..<3600: return "\(total / 60)m " + twoDigits(total % 60) + "s"
    case ..<86_400: return "\(total / 3600)h " + twoDigits(total / 60 % 60) + "m"
    case ..<8_640_000: return "\(total / 86_400)d " + twoDigits(total / 3600 % 24) + "h"
    default: return "\(total / 86_400) d"
    }
  }

  /// A time that is over: `<0.1 s`, `0.3 s`, `9.4 s`, then as `duration`.
  package static func elapsed(_ seconds: Double) -> String {
    if seconds < 0.05 { return "<0.1 s" }
    return seconds < 9.95 ? tenths(seconds) + " s" : duration(seconds)
  }

  /// Largest width of `milliseconds`: `99999 ms`.
  package static let millisecondsWidth = 8

  /// Seconds as `142 ms`, below 10 ms `4.2 ms`.
  package static func milliseconds(_ seconds: Double) -> String {
    let value = max(0, seconds.isFinite ? seconds : 0) * 1000
    return (value < 9.95 ? tenths(value) : String(Int(min(value, 99_999).rounded()))) + " ms"
  }

  /// Largest width of `share`: `<0.1 %`, `12.3 %`.
  package static let shareWidth = 6

  /// A part of 1 as `0.0 %`, `<0.1 %`, `0.3 %`, `100 %`.
  package static func share(_ part: Double) -> String {
    let percent = min(100, max(0, part.isFinite ? part : 0) * 100)
    if percent > 0, percent < 0.05 { return "<0.1 %" }
    return (percent < 99.95 ? tenths(percent) : "100") + " %"
  }

  /// `60 %`; 100 only when nothing is missing. A file of 0 bytes is complete.
  package static func percent(_ part: Int, of whole: Int) -> String {
    guard whole > 0 else { return "100 %" }
    if part >= whole { return "100 %" }
    return "\(min(99, Int(Double(max(0, part)) / Double(whole) * 100))) %"
  }

  /// `1 file`, `33 files`, `100,000 files`.
  package static func count(_ count: Int, _ word: String) -> String {
    Grouped.text(count) + " " + noun(count, word)
  }

  /// `file` or `files`, where the number stands elsewhere.
  package static func noun(_ count: Int, _ word: String) -> String { count == 1 ? word : word + "s" }

  package static func padLeft(_ text: String, _ width: Int) -> String {
    let missing = width - text.unicodeScalars.count
    return missing > 0 ? String(repeating: " ", count: missing) + text : text
  }

  package static func padRight(_ text: String, _ width: Int) -> String {
    let missing = width - text.unicodeScalars.count
    return missing > 0 ? text + String(repeating: " ", count: missing) : text
  }

  package static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

  private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

  private static func hundredths(_ value: Double) -> String {
    let whole = Int((value * 100).rounded())
    return "\(whole / 100)." + twoDigits(whole % 100)
  }

  private static func tenths(_ value: Double) -> String {
    let whole = Int((value * 10).rounded())
    return "\(whole / 10).\(whole % 10)"
  }
}
