/// Numbers in decimal notation, without a locale.
package enum Decimal {
  /// Decimal text with that many places, 0 ... 6, for values below 10^12.
  package static func fixed(_ value: Double, _ places: Int) -> String {
    var scale = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = Int((value * Double(scale)).rounded())
    guard places > 0 else { return "\(scaled)" }
    let digits = String(scaled % scale)
    return "\(scaled / scale)." + String(repeating: "0", count: places - digits.utf8.count) + digits
  }
}
