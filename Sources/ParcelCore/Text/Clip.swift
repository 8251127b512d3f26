/// Texts made to fit a number of cells.
extension Charset {
  /// Stands for what was left out.
  package var ellipsis: String { self == .ascii ? "~" : "…" }

  /// `text` as the terminal will show it, for output that does not go through a frame.
  package func text(_ text: String) -> String {
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if let form = Unicode.Scalar(self.shown(scalar).value), form.value > 0 { shown.append(form) }
    }
    return String(shown)
  }

  /// Exactly `width` cells: filled with blanks, or cut as a row's name.
  package func fit(_ text: String, _ width: Int) -> String {
    let cut = clipName(text, to: width)
    return cut + Figures.blanks(width - self.width(cut))
  }

  /// The same at the right end.
  package func right(_ text: String, _ width: Int) -> String {
    Figures.blanks(width - self.width(text)) + text
  }

  /// `text`, or its beginning and an ellipsis, in at most `width` cells.
  package func clipEnd(_ text: String, to width: Int) -> String {
    guard width > 0 else { return "" }
    guard text.utf8.count > width, self.width(text) > width else { return text }
    return head(text, width - 1) + ellipsis
  }

  /// `text`, or its beginning, an ellipsis and its end, in at most `width` cells. The end is the file's kind where there is one
  /// (`….maf.gz`), so that most of the room is left for what tells names of one data set apart.
  package func clipMiddle(_ text: String, to width: Int) -> String {
    guard width > 0 else { return "" }
    guard text.utf8.count > width, self.width(text) > width else { return text }
    guard width > 8 else { return clipEnd(text, to: width) }
    var end = tail(text, min(9, width / 3))
    if let dot = end.firstIndex(of: "."), end[dot...].utf8.count >= 3 { end = String(end[dot...]) }
    return head(text, width - 1 - self.width(end)) + ellipsis + end
  }

  /// A row's name in at most `width` cells: without its middle, or, of a URL (no name is known), its last parts, whole where there is
  /// room: those of one server begin alike.
  package func clipName(_ text: String, to width: Int) -> String {
    let isURL = text.hasPrefix("https://") || text.hasPrefix("http://")
    guard isURL, width > 8, self.width(text) > width else { return clipMiddle(text, to: width) }
    let end = tail(text, width - 1)
    if let slash = end.firstIndex(of: "/"), end[slash...] != "/" { return ellipsis + end[slash...] }
    return clipMiddle(text.hasSuffix("/") ? text : Path.name(text), to: width)
  }

  /// The longest beginning that takes at most `width` cells.
  package func head(_ text: String, _ width: Int) -> String {
    var used = 0
    var end = text.unicodeScalars.startIndex
    for index in text.unicodeScalars.indices {
      let cells = shown(text.unicodeScalars[index]).width
      if used + cells > width { break }
      used += cells
      end = text.unicodeScalars.index(after: index)
    }
    return String(text.unicodeScalars[..<end])
  }

  /// The longest end that takes at most `width` cells.
  package func tail(_ text: String, _ width: Int) -> String {
    var used = 0
    var start = text.unicodeScalars.endIndex
    var candidate = start
    while candidate > text.unicodeScalars.startIndex {
      candidate = text.unicodeScalars.index(before: candidate)
      let cells = shown(text.unicodeScalars[candidate]).width
      if used + cells > width { break }
      used += cells
      // Never begin with a mark that belongs to the character before.
      if cells > 0 { start = candidate }
    }
    return String(text.unicodeScalars[start...])
  }

  /// `text` broken at spaces into lines of at most `width` cells; a longer word is cut.
  package func wrap(_ text: String, to width: Int) -> [String] {
    guard width > 0 else { return [] }
    var lines: [String] = []
    var line = ""
    for part in text.split(separator: " ") {
      var word = String(part)
      if !line.isEmpty, self.width(line) + 1 + self.width(word) <= width {
        line += " " + word
        continue
      }
      if !line.isEmpty { lines.append(line) }
      while self.width(word) > width {
        let piece = head(word, width)
        guard !piece.isEmpty else { return lines }
        lines.append(piece)
        word = String(word.unicodeScalars.dropFirst(piece.unicodeScalars.count))
      }
      line = word
    }
    if !line.isEmpty { lines.append(line) }
    return lines
  }
}
