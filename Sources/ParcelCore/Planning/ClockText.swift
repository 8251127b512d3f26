/// Times of day as text, for sentences.
package enum ClockText {
  /// "14:02:31" and 600 give "14:12"; what is no time of day comes back as it is.
  package static func later(_ clock: String, by seconds: Double) -> String {
    let parts = clock.split(separator: ":").map { Int($0) }
    guard parts.count >= 2, let hour = parts[0], let minute = parts[1], (0..<24).contains(hour),
      (0..<60).contains(minute), seconds >= 0, seconds < 1e6
    else { return clock }
    let second = parts.count > 2 ? parts[2] ?? 0 : 0
    let total = (hour * 3600 + minute * 60 + second + Int(seconds)) % 86_400
    return two(total / 3600) + ":" + two(total / 60 % 60)
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
