/// How many columns text takes on a terminal, and text cut or filled to a number of columns.
enum TextWidth {
  /// Control characters count as nothing: they must not be in the text (`printable`).
  static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + columns($1) } }

  static func columns(_ character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.isASCII { return first.value >= 32 && first.value != 127 ? 1 : 0 }
    if first.properties.isEmojiPresentation || isWide(first.value) { return 2 }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format, .control: return 0
    default: return character.unicodeScalars.contains { $0.value == 0xFE0F } ? 2 : 1
    }
  }

  /// East Asian wide and full-width blocks (Unicode Standard Annex 11), by range.
  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
      0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF,
      0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// Exactly `width` columns: filled with blanks, or with its middle replaced by `mark`, because names of one data set
  /// differ at both ends.
  static func fit(_ text: String, _ width: Int, mark: Character) -> String {
    let length = of(text)
    if length <= width { return text + blanks(width - length) }
    guard width > 1 else { return width == 1 ? String(mark) : "" }
    let tail = (width - 1) / 2
    let head = width - 1 - tail
    let first = prefix(text, head)
    let last = String(prefix(String(text.reversed()), tail).reversed())
    return first + blanks(head - of(first)) + String(mark) + last + blanks(tail - of(last))
  }

  /// As many characters from the start as fit.
  static func prefix(_ text: String, _ width: Int) -> String {
    var used = 0
    var kept = ""
    for character in text {
      used += columns(character)
      if used > width { break }
      kept.append(character)
    }
    return kept
  }

  static func right(_ text: String, _ width: Int) -> String { blanks(width - of(text)) + text }

  static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

}
