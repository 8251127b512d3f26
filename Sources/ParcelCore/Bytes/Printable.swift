/// Makes text from outside safe to show on a terminal: nothing in it can move the cursor, change colours, ring, or turn
/// the order of characters.
package enum Printable {
  /// `text` for each line of its own: line ends stay.
  package static func lines(_ text: some StringProtocol) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { Printable.text($0) }.joined(
      separator: "\n")
  }

  /// Control characters become their pictures (`␛`), other invisible ones `�`; with `ascii` all become `?`.
  /// Line ends count as control characters, a tab becomes a blank.
  package static func text(_ text: some StringProtocol, ascii: Bool = false) -> String {
    // Nearly every text; a loop over its storage is many times as fast as over its view.
    let isPlain = text.utf8.withContiguousStorageIfAvailable { bytes in
      for byte in bytes where byte < 32 || byte >= 127 { return false }
      return true
    }
    if isPlain == true { return String(text) }
    var out = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar == "\t" {
        out.append(" ")
      } else if ascii, !scalar.isASCII || isHidden(scalar) {
        out.append("?")
      } else if scalar.value < 32 {
        out.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
      } else if scalar.value == 127 {
        out.append("\u{2421}")
      } else {
        out.append(isHidden(scalar) ? "\u{FFFD}" : scalar)
      }
    }
    return String(out)
  }

  /// Characters that a reader cannot see as such: controls (C0, DEL, C1), line separators, bidi marks and overrides,
  /// zero-width and filling characters, tags, private use, unassigned ones.
  package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 127 { return scalar.value < 32 }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
      return true
    default:
      // Fillers and joiners that pass for letters and marks. The two selectors that choose between text and picture stay:
      // names with such signs have them.
      return scalar.properties.isDefaultIgnorableCodePoint && !(0xFE0E...0xFE0F).contains(scalar.value)
    }
  }
}
