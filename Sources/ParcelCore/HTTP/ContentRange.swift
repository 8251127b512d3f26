/// The `Content-Range` field (RFC 9110, section 14.4), unit `bytes` only.
package enum ContentRange: Hashable, Sendable {
  /// `bytes 0-99/200`; `size` nil for `*`.
  case part(ByteRange, size: Int?)
  /// `bytes */200`: no range of the object was sent, its size is 200.
  case unsatisfied(size: Int)

  /// Nil for anything else: another unit, an end before its start, an end beyond the size, a number too large.
  package init?(_ text: String) {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
    guard words.count == 2, ASCII.equalsIgnoringCase(words[0], "bytes") else { return nil }
    let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
    guard halves.count == 2 else { return nil }
    let size = Self.number(halves[1])
    guard size != nil || halves[1] == "*" else { return nil }
    if halves[0] == "*" {
      guard let size else { return nil }
      self = .unsatisfied(size: size)
      return
    }
    let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last,
      last < (size ?? .max)
    else { return nil }
    self = .part(ByteRange(first, last + 1), size: size)
  }

  /// Digits only: no sign, no blank.
  private static func number(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? Int(text) : nil
  }
}
