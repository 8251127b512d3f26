import ParcelCore

/// Second line where nothing stands beside the graph: rate, time left, transport, as many whole pieces as fit.
func drawPace(_ frame: inout Frame, _ model: Model) {
  let columns = frame.size.columns
  let pace = Pace(model)
  var right = columns - 1
  if columns >= 76, columns < 100, model.totals.files > 0 {
    let verified = verifiedSpans(model.totals)
    let room = right - frame.charset.width(verified) - 3
    // With a relay, how the bytes travel counts more than how many are verified.
    let needed = pace.route == nil ? 0 : pace.essential.reduce(-2) { $0 + frame.charset.width($1) + 3 }
    if needed <= room {
      frame.put(verified, 1, room + 3)
      right = room
    }
  }
  var at = 1
  for piece in pace.row(columns: columns) {
    let width = frame.charset.width(piece)
    guard at + width <= right else { break }
    frame.put(piece, 1, at)
    at += width + 3
  }
}

func drawSide(_ frame: inout Frame, _ model: Model, _ side: Rect) {
  let width = side.columns - 3
  let lines = Pace(model).lines(Size(columns: width, rows: side.rows), frame.charset)
  for (index, line) in lines.prefix(side.rows).enumerated() {
    frame.put(line, side.row + index, side.column + 2, width: width)
  }
}

/// How it goes, in pieces: the state of the run, rate, time left, problems, transport.
private struct Pace {
  var status: [Span]?
  var rate: [Span]?
  var left: [Span]?
  var problems: [Span]?
  /// The transport, and how many connections there are.
  var transport: [Span]?
  /// What is set and should not be forgotten.
  var limits: [Span] = []
  /// The way bytes travel, when it is more than plain http.
  var route: RouteView?

  init(_ model: Model) {
    let totals = model.totals
    status = statusSpan(model).map { [$0] }
    problems = problemSpans(totals)
    if model.phase == .running || (model.phase != .idle && totals.rate > 0) {
      rate = [Span(Figures.padLeft(Figures.rate(totals.rate), Figures.rateWidth), .strong)]
      left = totals.secondsLeft.map {
        [Span(Figures.padLeft(Figures.duration($0), Figures.durationWidth) + " left")]
      }
    }
    guard totals.files > 0 || model.phase == .running else { return }
    route = model.phase == .finished ? nil : model.shownRoute
    // Without a relay the automatic choice is http.
    let choice =
      model.settings.transport == .auto ? TransportKind.http.rawValue : model.settings.transport.rawValue
    transport = [Span(route?.short ?? choice)]
    if totals.connections > 0 { transport?.append(Span(" × \(totals.connections)", .quiet)) }
    if let limit = model.settings.rateLimit {
      limits.append(Span("limit " + Figures.rate(Double(limit)), .quiet))
    }
    if !model.settings.verifies { limits.append(Span("no digests", .warning)) }
  }

  /// What a row must have before it has anything else.
  var essential: [[Span]] { [status, rate, left, problems, transport].compactMap { $0 } }

  /// Pieces for one row, the most important first.
  func row(columns: Int) -> [[Span]] {
    var pieces = essential + limits.map { [$0] }
    guard let route else { return pieces }
    if let path = route.path { pieces.append([Span(path, .quiet)]) }
    if columns >= 100, !route.route.reason.isEmpty { pieces.append([Span(route.route.reason, .quiet)]) }
    return pieces
  }

  /// Lines of a panel of this size, the most important first. Rate and time left share a line where lines are short.
  func lines(_ size: Size, _ charset: Charset) -> [[Span]] {
    guard let route else {
      var lines = [status, rate, left, problems].compactMap { $0 }
      if let transport { lines.append(joined([transport] + limits.map { [$0] })) }
      return lines
    }
    var lines: [[Span]] = []
    for (isJoined, reasonLines) in [(false, 2), (true, 2), (true, 1)] {
      lines = [status].compactMap { $0 } + pace(isJoined: isJoined)
      if let problems { lines.append(problems) }
      lines.append([Span(route.long)])
      if !limits.isEmpty { lines.append(joined(limits.map { [$0] })) }
      lines += charset.wrap(route.route.reason, to: size.columns, lines: reasonLines).map {
        [Span($0, .quiet)]
      }
      if let path = route.path { lines.append([Span(path, .quiet)]) }
      if lines.count <= size.rows { return lines }
    }
    return lines
  }

  private func pace(isJoined: Bool) -> [[Span]] {
    guard let rate else { return [] }
    // Keeps its place while nobody knows how long it takes.
    let left = left ?? [Span(Figures.padLeft(Figures.none, Figures.durationWidth) + " left", .quiet)]
    return isJoined ? [joined([rate, left])] : [rate, left]
  }

  private func joined(_ pieces: [[Span]]) -> [Span] {
    Array(pieces.joined(separator: [Span("   ")]))
  }
}

/// The state of the whole run, when it is not simply running.
private func statusSpan(_ model: Model) -> Span? {
  let totals = model.totals
  if model.isLeaving || model.phase == .stopping { return Span("saving state, then leaving", .warning) }
  switch model.phase {
  // Enter starts nothing while the panel asks.
  case .idle where model.context == .preflight: return Span("not started", .quiet)
  case .idle:
    return totals.files > 0
      ? Span("ready: \(Bindings.key(for: .enter)) starts", .accent) : Span("ready", .quiet)
  case .paused: return Span("‖ all paused: \(Bindings.key(for: .pauseAll)) goes on", .warning)
  case .finished where model.isAllDone: return doneSpan(totals)
  case .finished where totals.files > 0:
    return Span(
      "finished, \(Grouped.text(totals.done)) of \(Grouped.text(totals.files)) done", .warning)
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
  return Span("✔ all complete, \(Grouped.text(totals.verified)) verified", style)
}

private func problemSpans(_ totals: Totals) -> [Span]? {
  var spans: [Span] = []
  if totals.held > 0 {
    let verb = totals.held == 1 ? "waits" : "wait"
    spans.append(Span("◇ \(Grouped.text(totals.held)) \(verb)", .warning))
  }
  if totals.needsUser > 0 {
    if !spans.isEmpty { spans.append(Span("  ")) }
    let verb = totals.needsUser == 1 ? "needs" : "need"
    spans.append(Span("! \(Grouped.text(totals.needsUser)) \(verb) you", .warning))
  }
  if totals.failed > 0 {
    if !spans.isEmpty { spans.append(Span("  ")) }
    spans.append(Span("✘ \(Grouped.text(totals.failed)) failed", .bad))
  }
  return spans.isEmpty ? nil : spans
}
