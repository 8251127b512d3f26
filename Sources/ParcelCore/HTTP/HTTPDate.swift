/// A date in one of the three forms HTTP knows (RFC 9110, section 5.6.7), as seconds since 1970-01-01 00:00 UTC.
package enum HTTPDate {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
  private static let days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  private static let longDays = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]

  /// `now`, in seconds since 1970, decides the century of a year with two digits: one that seems more than 50 years
  /// ahead is in the past. Whether the day of the week fits the date is not checked. Nil for anything else.
  package static func parse(_ text: String, now: Int) -> Int? {
    let words = text.split(separator: " ", omittingEmptySubsequences: true)
    guard let first = words.first else { return nil }
    if first.hasSuffix(",") {
      let name = String(first.dropLast())
      if days.contains(name) { return fixdate(words) }
      return longDays.contains(name) ? rfc850(words, now: now) : nil
    }
    return days.contains(String(first)) ? asctime(words) : nil
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`
  private static func fixdate(_ words: [Substring]) -> Int? {
    guard words.count == 6, words[5] == "GMT", let day = number(words[1], digits: 2),
      let year = number(words[3], digits: 4)
    else { return nil }
    return seconds(year: year, month: words[2], day: day, time: words[4])
  }

  /// `Sunday, 06-Nov-94 08:49:37 GMT`
  private static func rfc850(_ words: [Substring], now: Int) -> Int? {
    guard words.count == 4, words[3] == "GMT" else { return nil }
    let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
    guard date.count == 3, let day = number(date[0], digits: 2), let short = number(date[2], digits: 2)
    else { return nil }
    let thisYear = year(of: now)
    var year = thisYear - thisYear % 100 + short
    if year > thisYear + 50 { year -= 100 }
    return seconds(year: year, month: date[1], day: day, time: words[2])
  }

  /// `Sun Nov  6 08:49:37 1994`
  private static func asctime(_ words: [Substring]) -> Int? {
    guard words.count == 5, let day = number(words[2], digits: words[2].utf8.count), words[2].utf8.count <= 2,
      let year = number(words[4], digits: 4)
    else { return nil }
    return seconds(year: year, month: words[1], day: day, time: words[3])
  }

  private static func number(_ text: Substring, digits: Int) -> Int? {
    guard text.utf8.count == digits, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return Int(text)
  }

  private static func seconds(year: Int, month: Substring, day: Int, time: Substring) -> Int? {
    let parts = time.split(separator: ":", omittingEmptySubsequences: false)
    guard let index = months.firstIndex(of: String(month)), parts.count == 3,
      let hour = number(parts[0], digits: 2), let minute = number(parts[1], digits: 2),
      let second = number(parts[2], digits: 2), hour < 24, minute < 60, second <= 60, day >= 1,
      day <= length(of: index + 1, year: year)
    else { return nil }
    return daysSince1970(year: year, month: index + 1, day: day) * 86_400 + hour * 3600 + minute * 60 + second
  }

  /// For dates in other notations; nil for a day that the calendar does not have.
  static func seconds(year: Int, month: Int, day: Int, secondOfDay: Int) -> Int? {
    guard (1...12).contains(month), day >= 1, day <= length(of: month, year: year) else { return nil }
    return daysSince1970(year: year, month: month, day: day) * 86_400 + secondOfDay
  }

  private static func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

  private static func length(of month: Int, year: Int) -> Int {
    switch month {
    case 2: isLeap(year) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  /// Days of the proleptic Gregorian calendar, counted in years that start in March so that the leap day is the last.
  private static func daysSince1970(year: Int, month: Int, day: Int) -> Int {
    let marchYear = month <= 2 ? year - 1 : year
    let era = (marchYear >= 0 ? marchYear : marchYear - 399) / 400
    let yearOfEra = marchYear - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  private static func year(of seconds: Int) -> Int {
    let day = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    var year = 1970 + day / 366
    while daysSince1970(year: year + 1, month: 1, day: 1) <= day { year += 1 }
    return year
  }
}

/// The `Retry-After` field (RFC 9110, section 10.2.3).
package enum RetryAfter {
  /// Longest wait that is believed, in seconds: a day.
  package static let longest = 86_400.0

  /// Seconds to wait from `now` (seconds since 1970): 0 for a date that has passed. Nil when it is neither a number of
  /// seconds nor a date.
  package static func parse(_ text: String, now: Int) -> Double? {
    let text = ASCII.trimmed(text)
    if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) {
      return min(longest, Double(text) ?? longest)
    }
    guard let date = HTTPDate.parse(text, now: now) else { return nil }
    return min(longest, Double(max(0, date - now)))
  }
}
