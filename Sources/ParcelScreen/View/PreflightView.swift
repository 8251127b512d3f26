import ParcelCore

func drawPreflight(_ frame: inout Frame, _ panel: PreflightPanel, _ area: Rect) {
  let lines = panel.lines(frame.charset, columns: area.columns)
  let room = area.rows - 1
  let top = max(0, min(panel.top, lines.count - room))
  let hidden = lines.count - room - top
  let right = hidden > 0 ? [Span("\(hidden) more ↓", .quiet)] : top > 0 ? [Span("↑", .quiet)] : []
  frame.rule(
    area.row, 0, area.columns,
    left: [Span(panel.title, Style(.warning, bold: true))], right: right)
  for (offset, line) in lines.dropFirst(top).prefix(room).enumerated() {
    let row = area.row + 1 + offset
    let column = PreflightPanel.textColumn(columns: area.columns)
    switch line.part {
    case .head(let level, let topic):
      let isTrouble = level == .trouble
      let style: Style = isTrouble ? .bad : .warning
      frame.put(isTrouble ? "✘" : "!", row, 1, style)
      frame.put(frame.charset.clipEnd(topic, to: PreflightPanel.topicWidth), row, 3, style.bold())
      frame.put(line.text, row, column)
    case .text: frame.put(line.text, row, column)
    case .remedy: frame.put(line.text, row, column, .quiet)
    }
  }
}
