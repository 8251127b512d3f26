import CNcurses
import ParcelScreen

/// Curses attributes and colour pairs for styles, chosen by what the terminal can do.
///
/// Backgrounds stay the terminal's own. The colours have middle brightness, so that they read on light and on dark.
struct Palette {
  struct Look {
    var attributes: UInt32
    var pair: Int32
  }

  /// By `Style.rawValue`.
  private let looks: [Look]

  /// Defines the pairs. `colors` is 0 for none. Call on the terminal's thread, after the screen is open.
  init(colors: Int) {
    for (index, role) in Role.allCases.enumerated() where colors > 0 {
      if let color = Self.color(role, colors) { init_pair(Int16(index + 1), Int16(color), -1) }
    }
    looks = (0..<Style.count).map { raw in Self.look(Style(rawValue: UInt8(raw)), colors) }
  }

  subscript(style: Style) -> Look { looks[Int(style.rawValue) & (Style.count - 1)] }

  private static func look(_ style: Style, _ colors: Int) -> Look {
    var attributes: UInt32 = 0
    if style.isBold { attributes |= CN_BOLD }
    if style.isDim { attributes |= CN_DIM }
    if style.isReverse { attributes |= CN_REVERSE }
    guard colors > 0, color(style.role, colors) != nil else {
      // Glyphs and words carry the meaning; weight helps a little.
      switch style.role {
      case .quiet: attributes |= CN_DIM
      case .bad, .warning: attributes |= CN_BOLD
      case .plain, .accent, .good: break
      }
      return Look(attributes: attributes, pair: 0)
    }
    return Look(attributes: attributes, pair: Int32(style.role.rawValue) + 1)
  }

  /// The foreground of a role; nil keeps the terminal's own.
  private static func color(_ role: Role, _ colors: Int) -> Int? {
    switch role {
    case .plain: nil
    case .quiet: colors >= 256 ? 244 : (colors >= 16 ? 8 : nil)
    case .accent: colors >= 256 ? 33 : 6
    case .good: colors >= 256 ? 71 : 2
    case .warning: colors >= 256 ? 172 : 3
    case .bad: colors >= 256 ? 167 : 1
    }
  }
}
