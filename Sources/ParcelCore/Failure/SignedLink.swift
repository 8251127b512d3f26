/// When a signed URL ends, by its own words.
package enum SignedLink {
  /// Seconds since 1970; nil for a URL that does not say.
  package static func end(of url: String) -> Int? {
    guard let mark = url.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    var values: [String: String] = [:]
    for part in url[url.utf8.index(after: mark)...].split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2 else { continue }
      values[ASCII.lowercased(pair[0])] = String(decoding: PercentCoding.decode(pair[1].utf8), as: UTF8.self)
    }
    // S3's and CloudFront's older form: a moment.
    if let moment = values["expires"].flatMap({ Int($0) }), values["signature"] != nil { return moment }
    for kind in ["x-amz", "x-goog"] {
      if let start = values[kind + "-date"].flatMap(compactTime),
        let span = values[kind + "-expires"].flatMap({ Int($0) }),
        span >= 0, span < 1 << 40
      {
        return start + span
      }
    }
    // Azure: 2026-05-05T12:00:00Z.
    if values["sig"] != nil, let end = values["se"] {
      return compactTime(String(decoding: end.utf8.filter { $0 != 45 && $0 != 58 }, as: UTF8.self))
    }
    return nil
  }

  /// "20260505T120000Z"; a missing time of day is midnight.
  private static func compactTime(_ text: String) -> Int? {
    let digits = Array(text.utf8.filter { $0 >= 48 && $0 <= 57 }.map { Int($0) - 48 })
    guard digits.count == 14 || digits.count == 8 else { return nil }
    func number(_ range: Range<Int>) -> Int {
      range.upperBound <= digits.count ? digits[range].reduce(0) { $0 * 10 + $1 } : 0
    }
    return HTTPDate.seconds(
      year: number(0..<4), month: number(4..<6), day: number(6..<8),
      secondOfDay: number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14))
  }
}
