import ParcelCore

/// Draws the model. Pure: the same model gives the same frame. Costs what is visible, whatever the list's length.
package func view(_ model: Model) -> Frame {
  var frame = Frame(size: model.size, charset: model.charset)
  let layout = model.layout
  guard !layout.isTooSmall else {
    drawTooSmall(&frame, model)
    return frame
  }
  drawHeader(&frame, model, layout)
  switch model.page {
  case .list:
    if model.rows.isEmpty {
      drawWelcome(&frame, model, layout)
    } else {
      drawList(&frame, model, layout)
      if let pane = layout.pane { drawPane(&frame, model, pane) }
    }
  case .detail: drawDetailPage(&frame, model, layout)
  case .log: drawLog(&frame, model, layout)
  case .help: drawHelp(&frame, model, layout)
  }
  if let dialog = layout.dialog { drawDialog(&frame, model, dialog) }
  drawFooter(&frame, model, layout)
  return frame
}

/// A piece of text and how it looks.
struct Span {
  var text: String
  var style: Style

  init(_ text: String, _ style: Style = .plain) {
    self.text = text
    self.style = style
  }
}

extension Charset {
  func width(_ spans: [Span]) -> Int { spans.reduce(0) { $0 + width($1.text) } }

  /// `spans`, or their beginning and an ellipsis, in at most `width` cells.
  func clipEnd(_ spans: [Span], to width: Int) -> [Span] {
    guard self.width(spans) > width else { return spans }
    var kept: [Span] = []
    var room = width
    for span in spans {
      let used = self.width(span.text)
      if used >= room {
        kept.append(
          Span(used == room ? head(span.text, room - 1) + "…" : clipEnd(span.text, to: room), span.style))
        break
      }
      kept.append(span)
      room -= used
    }
    return kept
  }
}

extension Frame {
  /// Writes spans one after the other in at most `width` cells; answers the cells used.
  @discardableResult
  mutating func put(_ spans: [Span], _ row: Int, _ column: Int, width: Int = .max) -> Int {
    var used = 0
    for span in spans where used < width {
      used += put(span.text, row, column + used, span.style, width: width - used)
    }
    return used
  }

  /// A horizontal line with words in it, at the left and at the right.
  mutating func rule(_ row: Int, _ column: Int, _ width: Int, left: [Span] = [], right: [Span] = []) {
    fill(row, column, width, "─", .quiet)
    let rightWidth = charset.width(right)
    if !right.isEmpty, rightWidth + 4 <= width {
      let start = column + width - rightWidth - 3
      set(row, start, " ", .plain)
      put(right, row, start + 1)
      set(row, start + 1 + rightWidth, " ", .plain)
    }
    guard !left.isEmpty else { return }
    let room = width - 4 - (right.isEmpty ? 0 : rightWidth + 3)
    let used = put(charset.clipEnd(left, to: room), row, column + 3, width: room)
    guard used > 0 else { return }
    set(row, column + 2, " ", .plain)
    set(row, column + 3 + used, " ", .plain)
  }
}

/// Words instead of a screen: what is asked and its keys, else why there is nothing to see.
private func drawTooSmall(_ frame: inout Frame, _ model: Model) {
  let width = max(1, frame.size.columns)
  let smallest = ScreenLayout.smallest
  var text =
    "This terminal is \(frame.size.columns)x\(frame.size.rows); the screen needs \(smallest.columns)x\(smallest.rows). "
    + "Downloads go on."
  var keys = model.hints
  switch model.dialog {
  case .question(let question): text = question.text
  case .preflight(let panel): text = panel.title + "."
  case .prompt(let prompt): text = prompt.title
  case .filter: text = "Filter"
  case nil: keys = keys.filter { $0.rank >= 90 && $0.label != "help" }
  }
  let ends = frame.charset.wrap(keys.map { $0.key + " " + $0.label }.joined(separator: ", "), to: width)
  // What is typed has a line of its own between the words and the keys.
  let editor = model.dialog?.editor
  let room = max(0, frame.size.rows - ends.count - (editor == nil ? 0 : 1))
  let words = frame.charset.wrap(text, to: width, lines: room)
  var row = max(0, (frame.size.rows - words.count - ends.count - (editor == nil ? 0 : 1)) / 2)
  for line in words {
    frame.put(line, row, 0, .warning)
    row += 1
  }
  if let editor {
    drawEditor(&frame, editor, label: "", row, 0, width - 1)
    row += 1
  }
  for line in ends {
    frame.put(line, row, 0, .accent)
    row += 1
  }
}

private func drawWelcome(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  frame.rule(layout.bodyRule, 0, frame.size.columns, left: insecureSpans(model))
  let keys: [(Intent, String)] = [
    (.open, "open a manifest"), (.add, "add a URL or a file id"), (.folder, "choose the target folder"),
    (.server, "choose the server of file ids"), (.tokenFile, "choose the token file"),
    (.help, "show all keys"),
  ]
  let width = 36
  let column = max(1, (frame.size.columns - width) / 2)
  let room = layout.body.rows
  let spaced = room >= keys.count + 5
  var row = layout.body.row + max(0, (room - keys.count - (spaced ? 5 : 1)) / 2)
  frame.put("Nothing to download yet.", row, column, .strong)
  row += spaced ? 2 : 1
  for (intent, words) in keys where row < layout.body.bottom {
    frame.put(Bindings.key(for: intent), row, column + 2, Style(.accent, bold: true))
    frame.put(words, row, column + 6)
    row += 1
  }
  guard spaced else { return }
  frame.put("Nothing is fetched before you ask for it.", row + 1, column, .quiet)
}

/// Red and present all the time while certificates are not checked.
func insecureSpans(_ model: Model) -> [Span] {
  model.settings.insecure
    ? [Span(" INSECURE: certificates are not checked ", Style(.bad, bold: true, reverse: true))] : []
}
