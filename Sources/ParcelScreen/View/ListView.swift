import ParcelCore

func drawList(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  drawListRule(&frame, model, layout)
  let columns = ListColumns(width: layout.list.columns)
  drawListHeader(&frame, columns, layout.list.row)
  let list = model.list
  if list.visible.isEmpty {
    let text =
      list.filter.isEmpty
      ? "Every file is finished and hidden: \(Bindings.key(for: .hideDone)) shows them."
      : "No name contains '\(list.filter)'."
    frame.put(text, layout.list.row + 2, 4, .quiet, width: layout.list.columns - 5)
    return
  }
  let isFocused = model.context != .detail
  for line in 0..<layout.listLines where list.top + line < list.visible.count {
    let id = list.id(at: list.top + line)
    drawRow(&frame, model, id, columns, layout.list.row + 1 + line, isFocused: isFocused)
  }
}

/// The line above the list: what narrows it, and where the window stands.
private func drawListRule(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  var left = layout.graph == nil ? insecureSpans(model) : []
  func add(_ text: String, _ style: Style) {
    if !left.isEmpty { left.append(Span("  ")) }
    left.append(Span(text, style))
  }
  let list = model.list
  if !list.filter.isEmpty { add("filter: \(list.filter)", .accent) }
  if list.hidesDone { add("finished hidden", .accent) }
  if !list.marked.isEmpty { add("◆ \(Grouped.text(list.marked.count)) marked", .accent) }
  var right: [Span] = []
  if list.visible.count > layout.listLines, layout.listLines > 0 {
    let last = min(list.visible.count, list.top + layout.listLines)
    let of = Grouped.text(list.visible.count)
    let window = Grouped.text(list.top + 1) + "–" + Grouped.text(last) + " of " + of
    right = [Span(window, .quiet)]
  } else if list.visible.count < model.totals.files {
    right = [Span("\(Grouped.text(list.visible.count)) of \(Grouped.text(model.totals.files))", .quiet)]
  }
  frame.rule(layout.bodyRule, 0, frame.size.columns, left: left, right: right)
}

private func drawListHeader(_ frame: inout Frame, _ columns: ListColumns, _ row: Int) {
  if columns.hasWord { frame.put("State", row, columns.state.start + 2, .quiet) }
  frame.put("File", row, columns.name.start, .quiet)
  frame.put("Progress", row, columns.bar.start, .quiet)
  if let size = columns.size { frame.putRight("Size", row, endingAt: size.end, .quiet) }
  if let rate = columns.rate { frame.putRight("Rate", row, endingAt: rate.end, .quiet) }
  if let left = columns.left { frame.putRight("Left", row, endingAt: left.end, .quiet) }
  if let via = columns.via { frame.putRight("Via", row, endingAt: via.end, .quiet) }
}

private func drawRow(
  _ frame: inout Frame, _ model: Model, _ id: DownloadID, _ columns: ListColumns, _ row: Int, isFocused: Bool
) {
  let status = model.rows.status(id)
  let state = StateView(status)
  let isSelected = id == model.list.selected
  let isMarked = model.list.marked.contains(id)
  if isSelected { frame.set(row, 0, "▸", Style(isFocused ? .accent : .quiet, bold: true)) }
  if isMarked { frame.set(row, 1, "◆", .accent) }
  frame.set(row, columns.state.start, state.glyph, state.style.bold(isSelected))
  if columns.hasWord { frame.put(state.word, row, columns.state.start + 2, state.style.bold(isSelected)) }
  let nameStyle: Style = status.state == .waiting && !isSelected ? .quiet : .plain
  let name = frame.charset.clipName(model.rows.info(id).name, to: columns.name.width)
  frame.put(name, row, columns.name.start, nameStyle.bold(isSelected), width: columns.name.width)
  drawProgress(&frame, status, columns, row)
  drawNumbers(&frame, status, columns, row)
}

private func drawProgress(_ frame: inout Frame, _ status: DownloadStatus, _ columns: ListColumns, _ row: Int)
{
  let bar = columns.bar
  if status.state.isDone {
    frame.fill(row, bar.start, bar.width, Bars.done, .good)
    frame.putRight("100 %", row, endingAt: columns.percent.end)
    return
  }
  let style: Style = status.state.isActive ? .accent : .quiet
  Bars.draw(
    &frame, row, bar.start, width: bar.width, hashed: status.hashed,
    received: status.size == nil ? 0 : status.received, whole: status.size ?? 1, style: style)
  let percent = status.size.map { Figures.percent(status.received, of: $0) } ?? Figures.none
  frame.putRight(percent, row, endingAt: columns.percent.end, status.received == 0 ? .quiet : .plain)
}

private func drawNumbers(_ frame: inout Frame, _ status: DownloadStatus, _ columns: ListColumns, _ row: Int) {
  if let size = columns.size {
    let text =
      status.size.map(Figures.bytes) ?? (status.received > 0 ? Figures.bytes(status.received) : Figures.none)
    frame.putRight(text, row, endingAt: size.end, status.size == nil ? .quiet : .plain)
  }
  if let note = StateView.note(status) {
    let column = columns.note(frame.charset.width(note))
    let style: Style =
      switch status.state {
      case .needsUser, .retrying, .held, .repairing: .warning
      case .failed: .bad
      default: .quiet
      }
    frame.fill(row, column.start, column.width, " ", .plain)
    frame.putRight(frame.charset.clipEnd(note, to: column.width), row, endingAt: column.end, style)
    return
  }
  let isMoving = status.state == .running || status.state == .repairing
  if let rate = columns.rate, isMoving {
    frame.putRight(Figures.rate(status.rate), row, endingAt: rate.end)
  }
  if let left = columns.left, isMoving {
    frame.putRight(status.secondsLeft.map(Figures.duration) ?? Figures.none, row, endingAt: left.end)
  }
  if let via = columns.via, let transport = status.transport, status.state.isActive || status.state.isDone {
    let text = transport.rawValue + (status.connections > 1 ? " × \(status.connections)" : "")
    frame.putRight(text, row, endingAt: via.end, .quiet)
  }
}
