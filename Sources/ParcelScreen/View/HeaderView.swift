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
    let files = Figures.grouped(totals.files)
    let done = Figures.padLeft(Figures.grouped(totals.done), files.utf8.count)
    pieces.append([Span(done, .strong), Span("/" + files + (totals.files == 1 ? " file" : " files"))])
    if totals.bytes > 0 {
      pieces.append([
        Span(Figures.bytes(totals.received, of: totals.bytes)),
        Span(
          totals.unsized > 0 && columns >= 76 ? " + \(Figures.grouped(totals.unsized)) unknown" : "", .quiet),
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

private func verifiedSpans(_ totals: Totals) -> [Span] {
  [Span("verified ", .quiet), Span(Figures.padLeft(Figures.bytes(totals.verifiedBytes), Figures.bytesWidth))]
}

/// Second line where nothing stands beside the graph: rate, time left, transport, as many whole pieces as fit.
private func drawPace(_ frame: inout Frame, _ model: Model) {
  let columns = frame.size.columns
  var right = columns - 1
  if columns >= 76, columns < 100, model.totals.files > 0 {
    let verified = verifiedSpans(model.totals)
    right -= frame.charset.width(verified)
    frame.put(verified, 1, right)
    right -= 3
  }
  var at = 1
  for piece in paceLines(model) {
    let width = frame.charset.width(piece)
    guard at + width <= right else { break }
    frame.put(piece, 1, at)
    at += width + 3
  }
}

private func drawSide(_ frame: inout Frame, _ model: Model, _ side: Rect) {
  for (index, line) in paceLines(model).prefix(side.rows).enumerated() {
    frame.put(line, side.row + index, side.column + 2, width: side.columns - 3)
  }
}

/// How it goes, most important first: the state of the run, problems, transport.
private func paceLines(_ model: Model) -> [[Span]] {
  let totals = model.totals
  var lines: [[Span]] = []
  if let status = statusSpan(model) {
    lines.append([status])
  }
  if model.phase == .running || (model.phase != .idle && totals.rate > 0) {
    lines.append([Span(Figures.padLeft(Figures.rate(totals.rate), Figures.rateWidth), .strong)])
    let left = totals.secondsLeft.map {
      Figures.padLeft(Figures.duration($0), Figures.durationWidth) + " left"
    }
    if let left { lines.append([Span(left)]) }
  }
  if let problems = problemSpans(totals) { lines.append(problems) }
  if totals.files > 0 || model.phase == .running {
    var transport = [Span(model.settings.transport.rawValue)]
    if totals.connections > 0 { transport.append(Span(" × \(totals.connections)", .quiet)) }
    if let limit = model.settings.rateLimit {
      transport.append(Span("   limit " + Figures.rate(Double(limit)), .quiet))
    }
    if !model.settings.verifies { transport.append(Span("   no digests", .warning)) }
    lines.append(transport)
  }
  return lines
}

/// The state of the whole run, when it is not simply running.
private func statusSpan(_ model: Model) -> Span? {
  let totals = model.totals
  if model.isLeaving || model.phase == .stopping { return Span("saving state, then leaving", .warning) }
  switch model.phase {
  case .idle:
    return totals.files > 0
      ? Span("ready: \(Bindings.key(for: .enter)) starts", .accent) : Span("ready", .quiet)
  case .paused: return Span("‖ all paused: \(Bindings.key(for: .pauseAll)) goes on", .warning)
  case .finished where model.isAllDone: return doneSpan(totals)
  case .finished where totals.files > 0:
    return Span(
      "finished, \(Figures.grouped(totals.done)) of \(Figures.grouped(totals.files)) done", .warning)
  default: return nil
  }
}

private func doneSpan(_ totals: Totals) -> Span {
  let style = Style(.good, bold: true)
  if totals.verified == totals.files {
    return Span(
      totals.files == 1 ? "✔ the file is verified" : "✔ all \(Figures.count(totals.files, "file")) verified",
      style)
  }
  return Span("✔ all complete, \(Figures.grouped(totals.verified)) verified", style)
}

private func problemSpans(_ totals: Totals) -> [Span]? {
  var spans: [Span] = []
  if totals.needsUser > 0 {
    let verb = totals.needsUser == 1 ? "needs" : "need"
    spans.append(Span("! \(Figures.grouped(totals.needsUser)) \(verb) you", .warning))
  }
  if totals.failed > 0 {
    if !spans.isEmpty { spans.append(Span("  ")) }
    spans.append(Span("✘ \(Figures.grouped(totals.failed)) failed", .bad))
  }
  return spans.isEmpty ? nil : spans
}

/// Keeps graph columns in place once the history is at its capacity and slides: seconds since the start, then.
private func historyPhase(_ model: Model) -> Int {
  guard model.totals.history.count >= 3_600, let time = model.snapshotTime else { return 0 }
  return Int(time.nanoseconds / 1_000_000_000) - model.totals.history.count
}
