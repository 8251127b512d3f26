/// Rates as people write them: `500k`, `12M`, `1.5G` (bytes per second, powers of ten), `400Mbit`, `10Mbit/s`.
package enum RateText {
  /// Bytes per second, at least 1; nil for no limit (`0`, `off`, `none`, `unlimited`).
  ///
  /// Suffixes in any case: none or `B` bytes; `k`, `M`, `G`, `T` powers of ten, `Ki`, `Mi`, `Gi` powers of two, with or without `B`; `bit` or `bps`
  /// after them for bits; `/s` at the end changes nothing. Blanks before the suffix are allowed.
  /// Throws `Failure(.input, .never)`.
  package static func bytesPerSecond(_ text: String) throws(Failure) -> Int? {
    let lower = ASCII.lowercased(ASCII.trimmed(text))
    if ["0", "off", "none", "unlimited"].contains(lower) { return nil }
    let digits = lower.prefix { $0 == "." || $0.isASCII && $0.isNumber }
    guard let number = Double(digits), digits.utf8.first != UInt8(ascii: "."),
      let unit = unit(ASCII.trimmed(lower.dropFirst(digits.count)))
    else { throw failure(text) }
    let rate = number * unit
    if number == 0 { return nil }
    guard rate >= 1, rate <= 1e15 else { throw failure(text) }
    return Int(rate.rounded())
  }

  /// Bytes per second of one such unit.
  private static func unit(_ suffix: String) -> Double? {
    var rest = Substring(suffix)
    if rest.hasSuffix("/s") { rest = rest.dropLast(2) }
    var factor = 1.0
    if rest.hasSuffix("bits") {
      rest = rest.dropLast(4)
      factor = 1 / 8
    } else if rest.hasSuffix("bit") || rest.hasSuffix("bps") {
      rest = rest.dropLast(3)
      factor = 1 / 8
    } else if rest.hasSuffix("b") {
      rest = rest.dropLast(1)
    }
    switch rest {
    case "": return factor
    case "ki": return factor * 1024
    case "mi": return factor * 1_048_576
    case "gi": return factor * 1_073_741_824
    case "k": return factor * 1e3
    case "m": return factor * 1e6
    case "g": return factor * 1e9
    case "t": return factor * 1e12
    default: return nil
    }
  }

  private static func failure(_ text: String) -> Failure {
    Failure(
      .input, retry: .never, "Could not read the rate '\(Printable.text(String(text.prefix(60))))'.",
      remedy: "Write bytes per second like 500k, 12M or 1.5G, bits like 400Mbit, or 0 for no limit.")
  }
}
