/// What a piece of text means; the terminal decides which colour or attribute that is.
package enum Role: UInt8, Sendable, CaseIterable {
  /// The terminal's own foreground.
  case plain
  /// Frames, labels, what is missing: there when looked for.
  case quiet
  /// What moves and what is selected.
  case accent
  /// Verified.
  case good
  /// Waits for something, or slower than it should be.
  case warning
  /// Failed, or unsafe.
  case bad
}

/// How a cell looks: a role and three flags in one small number, so that cells compare fast.
package struct Style: Hashable, Sendable {
  /// Role in the low 4 bits, then bold, dim, reverse. 0 ..< `Style.count`.
  package let rawValue: UInt8

  /// One more than the largest raw value.
  package static let count = 128

  package init(_ role: Role, bold: Bool = false, dim: Bool = false, reverse: Bool = false) {
    rawValue = role.rawValue | (bold ? 16 : 0) | (dim ? 32 : 0) | (reverse ? 64 : 0)
  }

  package init(rawValue: UInt8) { self.rawValue = rawValue }

  package var role: Role { Role(rawValue: rawValue & 15) ?? .plain }
  package var isBold: Bool { rawValue & 16 != 0 }
  package var isDim: Bool { rawValue & 32 != 0 }
  package var isReverse: Bool { rawValue & 64 != 0 }

  /// The same role and flags, and bold when asked.
  package func bold(_ on: Bool = true) -> Style { on ? Style(rawValue: rawValue | 16) : self }

  package static let plain = Style(.plain)
  package static let quiet = Style(.quiet)
  package static let accent = Style(.accent)
  package static let good = Style(.good)
  package static let warning = Style(.warning)
  package static let bad = Style(.bad)
  package static let strong = Style(.plain, bold: true)
}
