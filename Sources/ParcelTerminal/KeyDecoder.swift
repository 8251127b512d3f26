import CNcurses
import Glibc
import ParcelScreen

/// Curses codes to keys, and bracketed paste to one text.
struct KeyDecoder {
  /// The paste so far, nil outside of one.
  private var paste: String.UnicodeScalarView?
  /// A paste longer than this is cut: nobody means that.
  private static let longestPaste = 100_000

  /// The event that this code completes, nil for none.
  mutating func decode(_ code: wint_t, isFunctionKey: Bool) -> Event? {
    if isFunctionKey { return decodeFunctionKey(Int32(bitPattern: code)) }
    if paste != nil {
      if let scalar = Unicode.Scalar(code), (paste?.count ?? 0) < Self.longestPaste { paste?.append(scalar) }
      return nil
    }
    return Self.key(code).map { .key($0) }
  }

  private mutating func decodeFunctionKey(_ code: Int32) -> Event? {
    if code == CN_PASTE_BEGIN {
      paste = String.UnicodeScalarView()
      return nil
    }
    if code == CN_PASTE_END {
      defer { paste = nil }
      return paste.map { .paste(String($0)) }
    }
    return Self.functionKeys[code].map { .key($0) }
  }

  private static let functionKeys: [Int32: Key] = [
    KEY_UP: .up, KEY_DOWN: .down, KEY_LEFT: .left, KEY_RIGHT: .right, KEY_PPAGE: .pageUp,
    KEY_NPAGE: .pageDown,
    KEY_HOME: .home, KEY_END: .end, KEY_ENTER: .enter, KEY_BTAB: .backTab, KEY_BACKSPACE: .backspace,
    KEY_DC: .delete,
  ]

  private static func key(_ code: wint_t) -> Key? {
    switch code {
    case 9: return .tab
    case 10, 13: return .enter
    case 27: return .escape
    case 8, 127: return .backspace
    case 1...26: return Unicode.Scalar(code + 96).map { .control(Character($0)) }
    case 0..<32: return nil
    default: return Unicode.Scalar(code).map { .character(Character($0)) }
    }
  }
}
