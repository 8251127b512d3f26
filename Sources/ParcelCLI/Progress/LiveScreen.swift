import ParcelCore

/// Keeps a few lines at the bottom of a terminal up to date while other lines scroll away above them.
///
/// Nothing is hidden or switched, so there is nothing to restore when the program dies.
struct LiveScreen {
  /// Columns of each line that is on the terminal now.
  private var shown: [Int] = []

  /// The text that, in one write, replaces the live lines by `permanent` lines and new live lines. The cursor is below them
  /// before and after.
  mutating func redraw(permanent: [String], live: [String], columns: Int) -> String {
    var text = ""
    let height = shown.reduce(0) { $0 + max(1, ($1 + max(1, columns) - 1) / max(1, columns)) }
    if height > 0 { text += "\r\u{1B}[\(height)A" }
    for line in permanent + live { text += line + "\u{1B}[K\n" }
    if live.count < shown.count || height > shown.count { text += "\u{1B}[J" }
    shown = live.map { Charset.unicode.width(Self.withoutColor($0)) }
    return text
  }

  /// Without the colours of `PlainStyle.paint`.
  static func withoutColor(_ text: String) -> String {
    guard text.utf8.contains(0x1B) else { return text }
    var kept = ""
    var inside = false
    for scalar in text.unicodeScalars {
      if scalar.value == 0x1B { inside = true } else if !inside { kept.unicodeScalars.append(scalar) }
      if inside && scalar == "m" { inside = false }
    }
    return kept
  }
}
