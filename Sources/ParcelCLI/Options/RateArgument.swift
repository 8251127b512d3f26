/// `--limit-rate`. The one place that knows how a rate is written is `bytesPerSecond(_:)`; when `RateText` of ParcelCore is
/// there, `init` calls it instead and the rest of this file goes.
package struct RateArgument: Hashable, Sendable {
  /// From 1.
  package var bytesPerSecond: Int

  package init?(argument: String) {
    guard let value = Self.bytesPerSecond(argument) else { return nil }
    bytesPerSecond = value
  }

  /// A decimal number, then a unit: none or `B` (bytes), `k` `M` `G` `T` with or without `B` (powers of ten), `Ki` `Mi` `Gi`
  /// (powers of two), `kbit` `Mbit` `Gbit` (bits); `/s` may follow. Upper and lower case are the same. Nil for anything else,
  /// below one byte and above 10^15 bytes per second.
  static func bytesPerSecond(_ text: String) -> Int? {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let value = Double(number), value.isFinite else { return nil }
    var unit = text[number.endIndex...].lowercased()
    if unit.first == " " { unit.removeFirst() }
    if unit.hasSuffix("/s") { unit.removeLast(2) }
    guard let factor = factors[unit] else { return nil }
    let bytes = value * factor
    return bytes >= 1 && bytes <= 1e15 ? Int(bytes) : nil
  }

  private static let factors: [String: Double] = [
    "": 1, "b": 1, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
    "ki": 1024, "kib": 1024, "mi": 1_048_576, "mib": 1_048_576, "gi": 1_073_741_824, "gib": 1_073_741_824,
    "bit": 0.125, "kbit": 125, "mbit": 125e3, "gbit": 125e6,
  ]
}
