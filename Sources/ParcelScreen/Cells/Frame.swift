import ParcelCore

/// One character cell: what is shown and how. 8 bytes, compared as numbers.
package struct Cell: Hashable, Sendable {
  /// A Unicode scalar; or 0 for the right half of a wide character; or `Cell.cluster` plus an index into `Frame.clusters` for
  /// a character of several scalars.
  package var code: UInt32
  package var style: Style

  package init(code: UInt32, style: Style) {
    self.code = code
    self.style = style
  }

  package static let cluster: UInt32 = 0x8000_0000
  package static let blank = Cell(code: 0x20, style: .plain)
}

/// The cells of one drawn screen.
///
/// Drawing outside the frame is clipped, never an error: widgets need not know how small a terminal became.
package struct Frame: Sendable {
  package let size: Size
  package let charset: Charset
  /// Row by row.
  package private(set) var cells: [Cell]
  /// Characters of several scalars, see `Cell.code`.
  package private(set) var clusters: [[UInt32]] = []
  /// Where the terminal's cursor is shown; nil hides it.
  package var cursor: Position?

  /// Marks kept on one cell; names may carry hundreds.
  private static let marksPerCell = 3

  package init(size: Size, charset: Charset = .unicode) {
    self.size = size
    self.charset = charset
    cells = Array(repeating: .blank, count: size.rows * size.columns)
  }

  package var bounds: Rect { Rect(row: 0, column: 0, rows: size.rows, columns: size.columns) }

  package subscript(row: Int, column: Int) -> Cell { cells[row * size.columns + column] }

  /// Puts one of the program's own narrow glyphs into a cell.
  package mutating func set(_ row: Int, _ column: Int, _ glyph: Unicode.Scalar, _ style: Style) {
    write(charset.shown(glyph).value, 1, row, column, style)
  }

  /// Writes `text` from (`row`, `column`) on, in at most `width` cells (to the frame's edge without one), cut off at the end.
  /// Answers the cells used.
  @discardableResult
  package mutating func put(
    _ text: String, _ row: Int, _ column: Int, _ style: Style = .plain, width: Int = .max
  ) -> Int {
    guard row >= 0, row < size.rows, width > 0 else { return 0 }
    let limit = min(width, size.columns - column)
    var used = 0
    for scalar in text.unicodeScalars {
      let (value, cells) = charset.shown(scalar)
      if cells == 0 {
        if value != 0, used > 0 { join(value, row, column + used - 1) }
        continue
      }
      if used + cells > limit { break }
      write(value, cells, row, column + used, style)
      used += cells
    }
    return used
  }

  /// Writes `text` so that it ends before column `right`.
  @discardableResult
  package mutating func putRight(_ text: String, _ row: Int, endingAt right: Int, _ style: Style = .plain)
    -> Int
  {
    let width = charset.width(text)
    put(text, row, max(0, right - width), style)
    return width
  }

  /// Repeats a glyph over `count` cells.
  package mutating func fill(_ row: Int, _ column: Int, _ count: Int, _ glyph: Unicode.Scalar, _ style: Style)
  {
    guard count > 0 else { return }
    let value = charset.shown(glyph).value
    for offset in 0..<count { write(value, 1, row, column + offset, style) }
  }

  /// Makes a rectangle blank.
  package mutating func clear(_ rect: Rect) {
    for row in rect.row..<max(rect.row, rect.bottom) { fill(row, rect.column, rect.columns, " ", .plain) }
  }

  private mutating func write(_ value: UInt32, _ width: Int, _ row: Int, _ column: Int, _ style: Style) {
    guard row >= 0, row < size.rows, column >= 0, column + width <= size.columns else { return }
    let index = row * size.columns + column
    // Half of a wide character that stays behind would shift the rest of the row.
    if cells[index].code == 0, column > 0 { cells[index - 1].code = 0x20 }
    if column + width < size.columns, cells[index + width].code == 0 { cells[index + width].code = 0x20 }
    cells[index] = Cell(code: value, style: style)
    if width == 2 { cells[index + 1] = Cell(code: 0, style: style) }
  }

  /// Adds a mark to the character that ends at `column`.
  private mutating func join(_ mark: UInt32, _ row: Int, _ column: Int) {
    guard column >= 0, column < size.columns else { return }
    var index = row * size.columns + column
    if cells[index].code == 0, column > 0 { index -= 1 }
    let code = cells[index].code
    if code & Cell.cluster != 0 {
      let cluster = Int(code & ~Cell.cluster)
      if clusters[cluster].count <= Self.marksPerCell { clusters[cluster].append(mark) }
    } else {
      cells[index].code = Cell.cluster | UInt32(clusters.count)
      clusters.append([code, mark])
    }
  }

  /// The scalars of a cell; none for the right half of a wide character.
  package func scalars(_ cell: Cell) -> [UInt32] {
    if cell.code == 0 { return [] }
    return cell.code & Cell.cluster != 0 ? clusters[Int(cell.code & ~Cell.cluster)] : [cell.code]
  }

  /// A row as text, without spaces at its end.
  package func text(row: Int) -> String {
    var scalars = String.UnicodeScalarView()
    for column in 0..<size.columns {
      for value in self.scalars(self[row, column]) { scalars.append(Unicode.Scalar(value) ?? " ") }
    }
    while scalars.last == " " { scalars.removeLast() }
    return String(scalars)
  }

  /// The whole screen as text: rows joined by line feeds.
  package var text: String { (0..<size.rows).map { text(row: $0) }.joined(separator: "\n") }
}
