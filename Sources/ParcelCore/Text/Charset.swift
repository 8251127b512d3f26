/// Which characters the terminal can show, and how wide each is there.
///
/// Every text goes through `shown` on its way into a frame. So nothing strange in a name or an error sentence ever reaches
/// the terminal: control, bidirectional and other invisible characters become a replacement mark, and an ASCII terminal gets
/// ASCII. The program's own glyphs are written as Unicode everywhere; their ASCII forms are in `asciiForm`.
package enum Charset: Sendable {
  case unicode, ascii

  /// The scalar to show for `scalar` and its width in cells: 0 (joins the cell before), 1 or 2. A value of 0 shows nothing.
  package func shown(_ scalar: Unicode.Scalar) -> (value: UInt32, width: Int) {
    let value = scalar.value
    if value >= 0x20 && value < 0x7F { return (value, 1) }
    if self == .ascii { return Self.asciiForm(scalar) }
    if (0x2500...0x25FC).contains(value) || (0x2800...0x28FF).contains(value) { return (value, 1) }
    if value < 0xA0 { return (Self.replacement, 1) }
    if value < 0x300 { return value == 0xAD ? (Self.replacement, 1) : (value == 0xA0 ? 0x20 : value, 1) }
    return Self.wideForm(scalar)
  }

  /// U+FFFD, the mark for what cannot be shown.
  private static let replacement: UInt32 = 0xFFFD

  private static func wideForm(_ scalar: Unicode.Scalar) -> (value: UInt32, width: Int) {
    let value = scalar.value
    // Variation selectors change a glyph's width in some terminals and not in others: dropped.
    if (0xFE00...0xFE0F).contains(value) || (0xE0100...0xE01EF).contains(value) { return (0, 0) }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
      return (replacement, 1)
    case .spaceSeparator:
      return (0x20, 1)
    case .nonspacingMark, .enclosingMark:
      return (value, 0)
    default:
      if (0x1160...0x11FF).contains(value) || (0xD7B0...0xD7FF).contains(value) { return (value, 0) }
      return (value, isWide(scalar) ? 2 : 1)
    }
  }

  /// East Asian wide and fullwidth blocks (Unicode Standard Annex 11, as blocks) and emoji shown as pictures.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
      0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F,
      0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18DF7, 0x1B000...0x1B2FF, 0x20000...0x3FFFD:
      return true
    default:
      return scalar.properties.isEmojiPresentation
    }
  }

  /// Cells that `text` takes.
  package func width(_ text: String) -> Int {
    var total = 0
    for scalar in text.unicodeScalars { total += shown(scalar).width }
    return total
  }
}

extension Charset {
  /// What an ASCII terminal shows for a character that is not ASCII: a look-alike for the program's own glyphs, else `?`.
  private static func asciiForm(_ scalar: Unicode.Scalar) -> (value: UInt32, width: Int) {
    let value = scalar.value
    if (0x2800...0x28FF).contains(value) { return (braille(value), 1) }
    if let form = forms[value] { return (form, 1) }
    guard value >= 0x300 else { return (question, 1) }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return (0, 0)
    default: return (question, 1)
    }
  }

  private static let question = UInt32(UInt8(ascii: "?"))

  /// A graph column of 0 to 8 dots as one of four heights of ink.
  private static func braille(_ value: UInt32) -> UInt32 {
    switch (value & 0xFF).nonzeroBitCount {
    case 0: UInt32(UInt8(ascii: " "))
    case 1...2: UInt32(UInt8(ascii: "."))
    case 3...5: UInt32(UInt8(ascii: ":"))
    default: UInt32(UInt8(ascii: "#"))
    }
  }

  private static let forms: [UInt32: UInt32] = {
    let pairs: [(String, String)] = [
      ("─┬┴", "-"), ("━", "="), ("│┤", "|"), ("–—", "-"), ("…", "~"), ("·", "."), ("×", "x"), ("▸", ">"),
      ("▶", ">"), ("‖", "="), ("◇", "?"), ("✔✓", "+"), ("✘", "x"), ("↻", "~"), ("◦", "o"), ("≡", "%"),
      ("✚", "&"),
      ("◆", "*"),
      ("█", "#"), ("▓", "="), ("▒", "~"), ("░", "."), ("▏▎▍", "."), ("▌▋▊▉", "-"),
      ("↑", "^"), ("↓", "v"), ("←", "<"), ("→", ">"),
    ]
    var table: [UInt32: UInt32] = [:]
    for (glyphs, form) in pairs {
      for glyph in glyphs.unicodeScalars { table[glyph.value] = form.unicodeScalars.first?.value }
    }
    return table
  }()
}
