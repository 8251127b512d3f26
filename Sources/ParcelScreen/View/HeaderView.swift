import ParcelCore

func drawHeader(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  drawCounts(&frame, model)
  if layout.header.rows > 1 { drawPace(&frame, model) }
  if let graph = layout.graph {
    frame.rule(layout.topRule, 0, frame.size.columns, left: insecureSpans(model))
    drawHistory(&frame, graph, model.totals.history, phase: historyPhase(model))
  }
  if let side = layout.side { drawSide(&frame, model, side) }
}

/// First line: what is downloaded, how much of it is here.
private func drawCounts(_ frame: inout Frame, _ model: Model) {
  let columns = frame.size.columns
  let totals = model.totals
  var pieces: [[Span]] = []
  if totals.files > 0 {
    let files = Grouped.text(totals.files)
    let done = Figures.padLeft(Grouped.text(totals.done), files.utf8.count)
    pieces.append([Span(done, .strong), Span("/\(files) \(Figures.noun(totals.files, "file"))")])
    if totals.bytes > 0 {
      pieces.append([
        Span(Figures.bytes(totals.received, of: totals.bytes, aligned: true)),
        Span(
          totals.unsized > 0 && columns >= 76 ? " + \(Grouped.text(totals.unsized)) unknown" : "", .quiet),
      ])
    }
    if columns >= 100 { pieces.append(verifiedSpans(totals)) }
  }
  let title =
    !model.settings.title.isEmpty ? model.settings.title : totals.files > 0 ? "downloads" : "no manifest"
  var right = columns - 1
  for (index, piece) in pieces.enumerated().reversed() {
    let width = frame.charset.width(piece)
    let before = pieces[..<index].reduce(0) { $0 + frame.charset.width($1) + 3 }
    // The title keeps 16 cells; the last pieces go first.
    guard right - width - before >= 16 || index == 0 else { continue }
    frame.put(piece, 0, right - width)
    right -= width + 3
  }
  let used = columns >= 76 ? frame.put("parcel", 0, 1, Style(.accent, bold: true)) + 3 : 1
  let name = frame.charset.clipMiddle(title, to: max(0, right - used))
  frame.put(name, 0, used, model.settings.title.isEmpty ? .quiet : .strong)
}

func verifiedSpans(_ totals: Totals) -> [Span] {
  [Span("verified ", .quiet), Span(Figures.padLeft(Figures.bytes(totals.verifiedBytes), Figures.bytesWidth))]
}

/// Keeps graph columns in place once the history is at its capacity and slides: seconds since the start, then.
private func historyPhase(_ model: Model) -> Int {
  guard model.totals.history.count >= 3_600, let time = model.snapshotTime else { return 0 }
  return Int(time.nanoseconds / 1_000_000_000) - model.totals.history.count
}
