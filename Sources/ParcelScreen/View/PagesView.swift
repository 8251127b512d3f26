import ParcelCore

/// One line of the log at `row`; what would lie above `top` is cut.
private func drawLogLine(_ frame: inout Frame, _ line: LogLine, _ pieces: [String], row: Int, from top: Int) {
  let (glyph, style): (Unicode.Scalar, Style) =
    switch line.level {
    case .info: ("·", .plain)
    case .warning: ("!", .warning)
    case .error: ("✘", .bad)
    }
  if row >= top {
    frame.put(line.clock, row, 1, .quiet)
    frame.set(row, 10, glyph, line.level == .info ? .quiet : style)
  }
  for (offset, piece) in pieces.enumerated() where row + offset >= top {
    frame.put(piece, row + offset, 12, style)
  }
}

func drawLog(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  let body = layout.body
  let log = model.log
  var right: [Span] = []
  if log.fromEnd > 0 { right = [Span("\(Grouped.text(log.fromEnd)) newer ↓", .quiet)] }
  frame.rule(
    layout.bodyRule, 0, frame.size.columns,
    left: insecureSpans(model) + [Span("Log", Style(.accent, bold: true))], right: right)
  if log.lines.isEmpty { frame.put("Nothing happened yet.", body.row + 1, 3, .quiet) }
  // The newest that fit; a long line takes as many rows as it needs.
  var shown: [(line: LogLine, pieces: [String])] = []
  var height = 0
  for line in log.lines[..<(log.lines.count - log.fromEnd)].reversed() where height < body.rows {
    let pieces = frame.charset.wrap(line.text, to: max(1, frame.size.columns - 13))
    shown.append((line, pieces))
    height += pieces.count
  }
  var row = body.row + min(0, body.rows - height)
  for (line, pieces) in shown.reversed() {
    drawLogLine(&frame, line, pieces, row: row, from: body.row)
    row += pieces.count
  }
}

/// One row of the help: up to two columns.
struct HelpRow {
  var cells: [HelpCell?]
}

enum HelpCell {
  case title(String)
  case key(Binding, String)
  /// The rest of a text that did not fit into one line.
  case more(String)
}

extension Model {
  /// The help for the screen's width, from the table.
  var helpLines: [HelpRow] {
    let hasHalves = size.columns >= 110
    let width = (hasHalves ? (size.columns - 2) / 2 : size.columns - 2) - 2 - HelpCell.textColumn
    var groups: [[HelpCell]] = []
    for group in Binding.Group.allCases {
      let bindings = Bindings.table.filter { $0.group == group }
      groups.append(
        [.title(charset.clipEnd(group.rawValue, to: width + HelpCell.textColumn))]
          + bindings.flatMap { binding -> [HelpCell] in
            charset.wrap(binding.helpText, to: max(1, width)).enumerated().map { index, line in
              index == 0 ? .key(binding, line) : .more(line)
            }
          })
    }
    guard hasHalves else {
      return groups.map { $0.map { HelpRow(cells: [$0]) } + [HelpRow(cells: [])] }.joined().dropLast()
    }
    // Halves of about the same height.
    let space = [HelpCell.title("")]
    let left = Array([groups[0], groups[1], groups[2], groups[4]].joined(separator: space))
    let right = Array([groups[3], groups[5]].joined(separator: space))
    return (0..<max(left.count, right.count)).map { index in
      HelpRow(cells: [
        left.indices.contains(index) ? left[index] : nil, right.indices.contains(index) ? right[index] : nil,
      ])
    }
  }
}

extension Model {
  /// Lines of the help that the page has no room for.
  var hiddenHelpLines: Int { max(0, helpLines.count - layout.body.rows) }
}

func drawHelp(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  let body = layout.body
  let lines = model.helpLines
  let top = max(0, min(model.helpTop, lines.count - body.rows))
  let hidden = lines.count - body.rows - top
  let right = hidden > 0 ? [Span("\(hidden) more ↓", .quiet)] : []
  frame.rule(
    layout.bodyRule, 0, frame.size.columns,
    left: insecureSpans(model) + [Span("Keys", Style(.accent, bold: true))], right: right)
  for (offset, line) in lines.dropFirst(top).prefix(body.rows).enumerated() {
    let width = (frame.size.columns - 2) / max(1, line.cells.count)
    for (index, cell) in line.cells.enumerated() {
      draw(cell, &frame, body.row + offset, 2 + index * width, width - 2)
    }
  }
}

private func draw(_ cell: HelpCell?, _ frame: inout Frame, _ row: Int, _ column: Int, _ width: Int) {
  switch cell {
  case nil: break
  case .title(let text): frame.put(text, row, column, .quiet, width: width)
  case .key(let binding, let text):
    let keys = frame.charset.clipEnd(binding.keyNames, to: HelpCell.textColumn - 1)
    frame.put(keys, row, column, Style(.accent, bold: true))
    frame.put(text, row, column + HelpCell.textColumn)
  case .more(let text): frame.put(text, row, column + HelpCell.textColumn)
  }
}

extension HelpCell {
  fileprivate static let textColumn = 15
}

extension Binding {
  /// With where it counts, when that is not to be expected.
  fileprivate var helpText: String {
    guard !contexts.contains(.list), contexts.count < 2 || group == .views else { return help }
    return help + " (" + contexts.map(\.title).joined(separator: ", ") + ")"
  }
}
