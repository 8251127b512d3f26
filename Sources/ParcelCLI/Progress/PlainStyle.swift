import ParcelCore

/// What the terminal can show. Every colour has a word or a glyph beside it.
package struct PlainStyle: Hashable, Sendable {
  package var color: Bool
  /// False: ASCII only.
  package var unicode: Bool

  package init(color: Bool, unicode: Bool) {
    self.color = color
    self.unicode = unicode
  }

  /// From the options and the environment: `NO_COLOR` (not empty), `TERM=dumb`, and the locale's character set.
  package init(ascii: Bool, noColor: Bool, environment: (String) -> String?) {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(environment).first { !$0.isEmpty } ?? ""
    let charset = ASCII.lowercased(locale)
    unicode = !ascii && (charset.contains("utf-8") || charset.contains("utf8"))
    color = !noColor && (environment("NO_COLOR") ?? "").isEmpty && environment("TERM") != "dumb"
  }

  enum Color: String {
    case red = "31"
    case green = "32"
    case yellow = "33"
    case cyan = "36"
    case alarm = "1;31"
    case faint = "2"
  }

  func paint(_ text: String, _ wanted: Color?) -> String {
    guard color, let wanted, !text.isEmpty else { return text }
    return "\u{1B}[\(wanted.rawValue)m\(text)\u{1B}[0m"
  }

  var cut: Character { unicode ? "…" : "~" }

  /// The same as in the session.
  func glyph(_ state: DownloadState) -> String {
    switch state {
    case .waiting: unicode ? "·" : "."
    case .opening: unicode ? "◦" : "o"
    case .running: unicode ? "▶" : ">"
    case .paused: unicode ? "‖" : "="
    case .retrying: unicode ? "↻" : "~"
    case .held: unicode ? "◇" : "?"
    case .verifying: unicode ? "≡" : "%"
    case .repairing: unicode ? "✚" : "&"
    case .verified: unicode ? "✔" : "+"
    case .complete: unicode ? "✓" : "*"
    case .needsUser: "!"
    case .failed: unicode ? "✘" : "x"
    }
  }

  func color(_ state: DownloadState) -> Color? {
    switch state {
    case .verified: .green
    case .retrying, .held, .repairing, .needsUser: .yellow
    case .failed: .red
    case .running: .cyan
    case .waiting, .opening, .paused, .verifying, .complete: nil
    }
  }

  /// A bar of exactly `width` columns, filled to `part` of `whole`; eighths of a column where Unicode is there.
  func bar(_ part: Int, of whole: Int, _ width: Int) -> String {
    guard width > 0 else { return "" }
    let share = whole > 0 ? min(1, max(0, Double(part) / Double(whole))) : 0
    guard unicode else {
      let full = Int(share * Double(width - 2))
      return width < 3
        ? TextWidth.blanks(width)
        : "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - 2 - full) + "]"
    }
    let eighths = Int(share * Double(width * 8))
    let full = eighths / 8
    var text = String(repeating: "█", count: full)
    if full < width {
      let rest = eighths % 8
      text.append(rest == 0 ? "░" : Character(["▏", "▎", "▍", "▌", "▋", "▊", "▉"][rest - 1]))
      text += String(repeating: "░", count: width - full - 1)
    }
    return text
  }
}
