/// A throughput graph: filled columns of braille dots, two columns and four levels in a cell.
package enum Graph {
  /// Seconds that one dot column stands for.
  private static let spans = [1, 2, 3, 5, 10, 15, 30]

  /// The smallest span that shows all of `seconds` in `columns` dot columns, else the largest.
  package static func span(seconds: Int, columns: Int) -> Int {
    spans.first { $0 * columns >= seconds } ?? spans[spans.count - 1]
  }

  /// The mean of each dot column, newest last, at most `columns`; nothing is smoothed. `history` has one value a second. Columns begin at
  /// multiples of `span` seconds counted from the history's beginning plus `phase`, so that a new second changes only the last one.
  package static func columns(_ history: [Double], columns: Int, span: Int, phase: Int = 0) -> [Double] {
    guard columns > 0, !history.isEmpty else { return [] }
    var values: [Double] = []
    var end = history.count
    while end > 0, values.count < columns {
      let into = (end + phase) % span
      let start = max(0, end - (into == 0 ? span : into))
      values.append(history[start..<end].reduce(0, +) / Double(end - start))
      end = start
    }
    return values.reversed()
  }

  /// The smallest round number at or above `value` whose half is round too, at least 1: 1, 2, 4, 6, 8, 10, 20, …
  package static func ceiling(_ value: Double) -> Double {
    guard value.isFinite else { return 1 }
    var power = 1.0
    while power * 10 < value { power *= 10 }
    for step in [1.0, 2, 4, 6, 8, 10] where step * power >= value { return step * power }
    return power * 10
  }

  /// Fills `rect` with `values` (dot columns, newest last, drawn to the right edge), 0 at the bottom and `top` at the top.
  package static func draw(_ frame: inout Frame, _ rect: Rect, values: [Double], top: Double, style: Style) {
    guard !rect.isEmpty, top > 0 else { return }
    let dots = rect.columns * 2
    let shown = values.suffix(dots)
    let levels = shown.map { value in
      value <= 0 ? 0 : max(1, min(rect.rows * 4, Int((value / top * Double(rect.rows * 4)).rounded())))
    }
    let padded = Array(repeating: 0, count: dots - levels.count) + levels
    for row in 0..<rect.rows {
      let base = (rect.rows - 1 - row) * 4
      for column in 0..<rect.columns {
        let bits = left[clamp(padded[column * 2] - base)] | right[clamp(padded[column * 2 + 1] - base)]
        guard bits != 0, let glyph = Unicode.Scalar(0x2800 + bits) else { continue }
        frame.set(rect.row + row, rect.column + column, glyph, style)
      }
    }
  }

  private static func clamp(_ level: Int) -> Int { max(0, min(4, level)) }
  /// Dots of the left and right column, filled from the bottom.
  private static let left: [UInt32] = [0, 0x40, 0x44, 0x46, 0x47]
  private static let right: [UInt32] = [0, 0x80, 0xA0, 0xB0, 0xB8]
}
