import ParcelCore

func drawDialog(_ frame: inout Frame, _ model: Model, _ area: Rect) {
  frame.clear(area)
  switch model.dialog {
  case .prompt(let prompt): drawPrompt(&frame, prompt, area)
  case .filter: frame.rule(area.row, 0, area.columns, left: [Span("Filter", Style(.accent, bold: true))])
  case .question(let question):
    frame.rule(area.row, 0, area.columns, left: [Span("Sure?", Style(.warning, bold: true))])
    let lines = frame.charset.wrap(question.text, to: area.columns - 4, lines: area.rows - 1)
    for (index, line) in lines.enumerated() { frame.put(line, area.row + 1 + index, 2, .strong) }
  case .preflight(let panel): drawPreflight(&frame, panel, area)
  case nil: break
  }
  if let editor = model.dialog?.editor {
    drawEditor(&frame, editor, label: model.dialog?.label ?? "", area.bottom - 1, 2, area.columns - 4)
  }
}

extension Dialog {
  /// Before the line that is typed.
  fileprivate var label: String {
    if case .prompt(let prompt) = self { prompt.label } else { "name: " }
  }
}

private func drawPrompt(_ frame: inout Frame, _ prompt: Prompt, _ area: Rect) {
  frame.rule(area.row, 0, area.columns, left: [Span(prompt.title, Style(.accent, bold: true))])
  let lines = area.rows - 2
  if lines > 0 {
    let hidden = prompt.completions.count - lines
    for (index, completion) in prompt.completions.prefix(lines).enumerated() {
      let row = area.row + 1 + index
      if hidden > 0, index == lines - 1 {
        frame.put("… \(Grouped.text(hidden + 1)) more", row, 2 + prompt.label.utf8.count, .quiet)
      } else {
        frame.put(
          completion.name, row, 2 + prompt.label.utf8.count, completion.isFolder ? .accent : .plain,
          width: area.columns - 12)
      }
    }
  }
}

/// The line with its cursor; when it is longer than `width`, the part around the cursor.
func drawEditor(
  _ frame: inout Frame, _ editor: LineEditor, label: String, _ row: Int, _ column: Int, _ width: Int
) {
  let used = frame.put(label, row, column, .quiet)
  let room = max(1, width - used - 1)
  let before = String(editor.characters[..<editor.cursor])
  let visibleBefore = frame.charset.tail(before, room)
  let cut = visibleBefore.unicodeScalars.count < before.unicodeScalars.count
  let shown = frame.put(visibleBefore, row, column + used)
  if cut { frame.set(row, column + used, "…", .quiet) }
  let after = String(editor.characters[editor.cursor...])
  let rest = frame.charset.clipEnd(after, to: max(0, room - shown + 1))
  frame.put(rest, row, column + used + shown)
  frame.cursor = Position(row: row, column: column + used + shown)
}

/// The notice, and the keys of the moment.
func drawFooter(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  var notice: [Span] = []
  if let said = model.notice {
    notice = [Span(frame.charset.clipEnd(said.text, to: frame.size.columns - 6), Style(said.role))]
  } else if let text = model.holdText {
    notice = [Span(frame.charset.clipEnd(text, to: frame.size.columns - 6), Style(.warning, bold: true))]
  }
  frame.rule(layout.bottomRule, 0, frame.size.columns, left: notice)
  let hints = model.hints
  let fixed = hints.filter { $0.rank >= 90 }
  let fixedWidth = fixed.reduce(0) { $0 + hintWidth(frame, $1) + 2 }
  var column = 1
  for hint in hints where hint.rank < 90 {
    let width = hintWidth(frame, hint)
    guard column + width + fixedWidth + 1 <= frame.size.columns else { break }
    drawHint(&frame, hint, layout.footer, column)
    column += width + 2
  }
  var right = max(column, frame.size.columns - fixedWidth + 1)
  for hint in fixed {
    drawHint(&frame, hint, layout.footer, right)
    right += hintWidth(frame, hint) + 2
  }
}

private func hintWidth(_ frame: Frame, _ hint: Hint) -> Int {
  frame.charset.width(hint.key) + 1 + frame.charset.width(hint.label)
}

private func drawHint(_ frame: inout Frame, _ hint: Hint, _ row: Int, _ column: Int) {
  let used = frame.put(hint.key, row, column, Style(.accent, bold: true))
  frame.put(hint.label, row, column + used + 1, .quiet)
}

/// One key of the footer.
package struct Hint: Hashable, Sendable {
  package var key: String
  package var label: String
  package var rank: Int
}

extension Model {
  /// What downloads wait for: the first wait's words, and how many more there are. Stays while they wait.
  var holdText: String? {
    guard let first = holds.first else { return nil }
    return "◇ " + first.text + (holds.count > 1 ? " (and \(holds.count - 1) more)" : "")
  }

  /// The keys of the moment, from the table: those that can do something now, by rank.
  package var hints: [Hint] {
    let shown = Bindings.bindings(in: context).filter { !$0.label.isEmpty && obstacle($0.intent) == nil }
    // The help is for those who do not know the keys yet.
    let hasMore = context == .help && hiddenHelpLines > 0
    let scroll = hasMore ? [Hint(key: Bindings.key(for: .down), label: "scroll", rank: 5)] : []
    return scroll
      + shown.enumerated()
      .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }
      .compactMap { _, binding in
        binding.keys.first.map { Hint(key: $0.name, label: label(binding), rank: binding.rank) }
      }
  }

  /// The footer's words; some say which of two things the key does now.
  private func label(_ binding: Binding) -> String {
    switch binding.intent {
    case .pause where pausable.isEmpty: "resume"
    case .pauseAll where phase == .paused: "resume all"
    case .enter where phase == .idle: "start"
    case .hideDone where list.hidesDone: "show done"
    case .log where page == .log: "list"
    default: binding.label
    }
  }
}
