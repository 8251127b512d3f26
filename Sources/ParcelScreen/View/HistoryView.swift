import ParcelCore

/// A throughput graph with its axis: scale at the left, time below. `history` is bytes per second, one a second.
func drawHistory(_ frame: inout Frame, _ rect: Rect, _ history: [Double], phase: Int = 0) {
  guard rect.rows >= 2, rect.columns >= 20 else { return }
  let gutter = 8
  let plot = Rect(
    row: rect.row, column: rect.column + gutter, rows: rect.rows - 1, columns: rect.columns - gutter - 1)
  let span = Graph.span(seconds: history.count, columns: plot.columns * 2)
  let values = Graph.columns(history, columns: plot.columns * 2, span: span, phase: phase)
  let top = Graph.ceiling((values.max() ?? 0) * 8 / 1e6)
  for row in 0..<plot.rows {
    let isLabelled = !values.isEmpty && (row == 0 || (plot.rows == 4 && row == 2))
    let value = top * Double(plot.rows - row) / Double(plot.rows)
    if isLabelled { frame.putRight(scaleText(value), rect.row + row, endingAt: plot.column - 2, .quiet) }
    frame.set(rect.row + row, plot.column - 1, isLabelled ? "┤" : "│", .quiet)
  }
  Graph.draw(&frame, plot, values: values, top: top * 1e6 / 8, style: .accent)
  drawTimeAxis(&frame, plot, secondsPerCell: span * 2)
}

/// Mbit/s without digits that say nothing.
private func scaleText(_ value: Double) -> String {
  value == value.rounded() ? String(Int(value)) : Figures.megabits(value * 1e6 / 8)
}

private func drawTimeAxis(_ frame: inout Frame, _ plot: Rect, secondsPerCell: Int) {
  let row = plot.bottom
  frame.putRight("Mbit/s", row, endingAt: plot.column - 2, .quiet)
  frame.set(row, plot.column - 1, "┴", .quiet)
  frame.fill(row, plot.column, plot.columns, "─", .quiet)
  frame.putRight(" now", row, endingAt: plot.right, .quiet)
  let steps = [30, 60, 120, 300, 600, 1200, 1800, 3600]
  let smallest = plot.columns * secondsPerCell > 135 ? 60 : 30
  guard let step = steps.first(where: { $0 >= smallest && $0 / secondsPerCell >= 14 }) else { return }
  var seconds = step
  while plot.right - 1 - seconds / secondsPerCell > plot.column + 4 {
    let label = seconds % 60 == 0 ? " \(seconds / 60) min " : " \(seconds) s "
    let center = plot.right - 1 - seconds / secondsPerCell
    if center + label.utf8.count / 2 < plot.right - 6 {
      frame.put(label, row, max(plot.column, center - label.utf8.count / 2), .quiet)
    }
    seconds += step
  }
}
