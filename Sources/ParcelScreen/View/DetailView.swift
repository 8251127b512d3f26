import ParcelCore

/// One line of the detail.
enum DetailLine {
  case text([Span])
  /// A label and bytes per second, one a second.
  case graph(String, [Double])
  case map
  case legend
  case segment(Int, SegmentStatus)
}

extension Model {
  /// The detail of the selected row as lines of `width` cells; `isPage` when it has the screen for itself.
  func detailLines(width: Int, isPage: Bool) -> [DetailLine] {
    guard let id = list.selected, let detail, detail.id == id else { return [] }
    let status = rows.status(id)
    var lines: [DetailLine] = []
    if isPage { lines += summary(status).fitted(width, charset).map { .text($0) } }
    lines += failureLines(status, width)
    if let repair = status.repair { lines += repairLines(repair, status, width) }
    let isDone = status.state.isDone
    if isDone { lines += fetchLines(detail, status, width) }
    if !isPage, !isDone { lines.append(.graph("rate", detail.history)) }
    lines.append(.map)
    if isPage, width < wideDetail { lines.append(.legend) }
    for (index, segment) in detail.segments.enumerated() { lines.append(.segment(index + 1, segment)) }
    if isPage, let route = detail.route { lines += relayLines(route, status, width) }
    lines += factLines(id, status, detail, width)
    return lines
  }

  /// In pieces.
  private func summary(_ status: DownloadStatus) -> [[Span]] {
    let state = StateView(status)
    var pieces = [[Span(String(state.glyph) + " " + state.word, state.style.bold())]]
    if let size = status.size {
      let received = status.state.isDone ? size : status.received
      pieces += [
        [Span(Figures.percent(received, of: size))], [Span(Figures.bytes(received, of: size, aligned: true))],
      ]
    } else if status.received > 0 {
      pieces.append([Span(Figures.bytes(status.received) + " of unknown")])
    }
    if status.state == .running && !status.isWaiting || status.state == .repairing && status.connections > 0 {
      pieces.append([Span(Figures.rate(status.rate))])
      if let left = status.secondsLeft { pieces.append([Span(Figures.duration(left) + " left")]) }
    }
    if let note = status.note { pieces.append([Span(note, .warning)]) }
    return pieces
  }

  private func failureLines(_ status: DownloadStatus, _ width: Int) -> [DetailLine] {
    guard let failure = status.failure else { return [] }
    let isOver = status.state.isActive || status.state.isDone
    let style: Style = isOver ? .quiet : status.state == .failed ? .bad : .warning
    let label = isOver ? "earlier" : "why"
    var lines = field(label, failure.sentence, width, style)
    if !failure.remedy.isEmpty { lines += field("do", failure.remedy, width, isOver ? .quiet : .plain) }
    return lines
  }

  /// What this run did for a finished file, as far as it is known.
  private func fetchLines(_ detail: DownloadDetail, _ status: DownloadStatus, _ width: Int) -> [DetailLine] {
    guard let report = detail.fetched else { return [] }
    guard report.bytes > 0 else { return field("fetched", "nothing in this run: it was here", width, .quiet) }
    var text = report.words(of: status.size ?? report.bytes)
    if let peak = report.peak, report.average.map({ peak > $0 }) ?? true {
      text += ", peak " + Figures.rate(peak)
    }
    return field("fetched", text + ", over " + report.transports, width)
  }

  private func factLines(
    _ id: DownloadID, _ status: DownloadStatus, _ detail: DownloadDetail, _ width: Int
  ) -> [DetailLine] {
    var lines = field("to", detail.target, width)
    let origin = rows.info(id).url(server: settings.server)
    lines += field("from", origin, width)
    if let url = detail.resolvedURL, url != origin { lines += field("over", url, width) }
    for digest in detail.digests {
      let progress: String
      switch status.state {
      case .verified: progress = "right"
      case _ where status.hashed > 0: progress = "hashed to " + Figures.bytes(status.hashed)
      default: progress = "not checked yet"
      }
      let source = digest.source == .manifest ? "" : ", from the " + digest.source.rawValue
      lines += field(digest.algorithm.rawValue, digest.hex + "  " + progress + source, width)
    }
    if detail.digests.isEmpty {
      lines += field("digest", "none is known: the file can be complete, not verified", width, .quiet)
    }
    if detail.rangesSupported == false {
      lines += field("server", "gives no ranges: one connection, and a break begins again", width, .warning)
    }
    if let validator = detail.validator { lines += field("version", validator, width, .quiet) }
    return lines
  }

  static let labelWidth = 9

  /// A label and a text on as many lines as it needs.
  func field(_ label: String, _ text: String, _ width: Int, _ style: Style = .plain) -> [DetailLine] {
    let wrapped = charset.wrap(text, to: max(1, width - Self.labelWidth))
    return wrapped.enumerated().map { index, line in
      .text([Span(Figures.padRight(index == 0 ? label : "", Self.labelWidth), .quiet), Span(line, style)])
    }
  }

  /// How far the detail can scroll.
  var lastDetailTop: Int {
    let layout = self.layout
    let area: Rect
    if page == .detail {
      area = detailPageAreas(self, layout.body).lines
    } else if let pane = layout.pane {
      area = paneArea(pane)
    } else {
      return 0
    }
    return max(0, detailLines(width: area.columns, isPage: page == .detail).count - area.rows)
  }
}

private func paneArea(_ pane: Rect) -> Rect {
  Rect(row: pane.row + 1, column: pane.column + 2, rows: pane.rows - 1, columns: pane.columns - 3)
}

private func detailPageAreas(_ model: Model, _ body: Rect) -> (graph: Rect?, lines: Rect) {
  // Time goes on under a graph, and nothing more happens to a finished file.
  let isDone = model.selectedStatus?.state.isDone == true
  let hasGraph = body.rows >= 14 && model.detail?.history.isEmpty == false && !isDone
  let graph = hasGraph ? Rect(row: body.row, column: body.column, rows: 5, columns: body.columns) : nil
  let top = hasGraph ? 6 : 0
  let lines = Rect(
    row: body.row + top, column: body.column + 2, rows: body.rows - top, columns: body.columns - 3)
  return (graph, lines)
}

func drawPane(_ frame: inout Frame, _ model: Model, _ pane: Rect) {
  if pane.column > 0 {
    for row in pane.row..<pane.bottom { frame.set(row, pane.column - 1, "│", .quiet) }
  }
  let isFocused = model.context == .detail
  frame.rule(
    pane.row, pane.column, pane.columns, left: titleSpans(frame, model, pane.columns, isFocused: isFocused),
    right: scrollSpans(model, paneArea(pane), isPage: false))
  drawLines(&frame, model, paneArea(pane), isPage: false)
}

func drawDetailPage(_ frame: inout Frame, _ model: Model, _ layout: ScreenLayout) {
  let areas = detailPageAreas(model, layout.body)
  frame.rule(
    layout.bodyRule, 0, frame.size.columns,
    left: insecureSpans(model) + titleSpans(frame, model, frame.size.columns, isFocused: true),
    right: scrollSpans(model, areas.lines, isPage: true))
  if let graph = areas.graph {
    drawHistory(&frame, graph, model.detail?.history ?? [])
    frame.fill(graph.bottom, 0, frame.size.columns, "─", .quiet)
  }
  drawLines(&frame, model, areas.lines, isPage: true)
}

private func titleSpans(_ frame: Frame, _ model: Model, _ width: Int, isFocused: Bool) -> [Span] {
  guard let id = model.list.selected else { return [] }
  let status = model.rows.status(id)
  var facts = status.size.map { "  " + Figures.bytes($0) } ?? ""
  if status.connections > 0, let transport = status.transport {
    facts += "  \(Figures.count(status.connections, "connection")) over \(transport.rawValue)"
  }
  let name = frame.charset.clipName(
    model.rows.info(id).name, to: max(12, width - 18 - frame.charset.width(facts)))
  return [Span(name, isFocused ? Style(.accent, bold: true) : .strong), Span(facts, .quiet)]
}

private func scrollSpans(_ model: Model, _ area: Rect, isPage: Bool) -> [Span] {
  let count = model.detailLines(width: area.columns, isPage: isPage).count
  let hidden = count - area.rows - model.detailTop
  return hidden > 0 ? [Span("\(hidden) more ↓", .quiet)] : []
}

private func drawLines(_ frame: inout Frame, _ model: Model, _ area: Rect, isPage: Bool) {
  let lines = model.detailLines(width: area.columns, isPage: isPage)
  if lines.isEmpty { frame.put("…", area.row, area.column, .quiet) }
  let top = max(0, min(model.detailTop, lines.count - area.rows))
  for (offset, line) in lines.dropFirst(top).prefix(area.rows).enumerated() {
    draw(
      line, &frame, model, Rect(row: area.row + offset, column: area.column, rows: 1, columns: area.columns))
  }
}

private func draw(_ line: DetailLine, _ frame: inout Frame, _ model: Model, _ area: Rect) {
  switch line {
  case .text(let spans):
    frame.put(frame.charset.clipEnd(spans, to: area.columns), area.row, area.column, width: area.columns)
  case .graph(let label, let history): drawRate(&frame, label, history, area)
  case .map: drawMap(&frame, model, area)
  case .legend: drawLegend(&frame, area.row, area.column + Model.labelWidth, area.right)
  case .segment(let number, let segment): drawSegment(&frame, model, number, segment, area)
  }
}

private func drawRate(_ frame: inout Frame, _ label: String, _ history: [Double], _ area: Rect) {
  frame.put(label, area.row, area.column, .quiet)
  let plot = Rect(
    row: area.row, column: area.column + Model.labelWidth, rows: 1, columns: rateWidth(columns: area.columns))
  let values = Graph.columns(history, columns: plot.columns * 2, span: 1)
  let peak = values.max() ?? 0
  Graph.draw(&frame, plot, values: values, top: max(1, peak), style: .accent)
  let words =
    "peak " + Figures.rate(peak) + " in " + Figures.duration(Double(min(history.count, plot.columns * 2)))
  if !history.isEmpty, frame.charset.width(words) <= area.right - plot.right - 2 {
    frame.put(words, area.row, plot.right + 2, .quiet)
  }
}

/// From here on the legend stands beside the map, and the bars of segments are as long as the map.
let wideDetail = 90

/// Cells of the map and of the file's graph.
private func mapWidth(_ area: Rect) -> Int { mapWidth(columns: area.columns) }
private func mapWidth(columns: Int) -> Int {
  let room = max(0, columns - Model.labelWidth)
  // What stands beside a segment takes 60 at most, its transport included.
  return columns >= wideDetail ? room - 60 : room
}

/// Cells of a graph in one line.
private func rateWidth(columns: Int) -> Int {
  columns >= wideDetail ? mapWidth(columns: columns) : mapWidth(columns: columns) / 2
}

extension Model {
  /// Seconds that a graph in one line shows.
  static func rateSeconds(_ columns: Int) -> Int { max(0, rateWidth(columns: columns) * 2) }
}

/// Cells of a segment's bar: what range, rate, age and retries leave, and with `hasRelay` the transport.
private func barWidth(_ area: Rect, hasRelay: Bool) -> Int {
  if area.columns >= wideDetail { return mapWidth(area) }
  let room = area.columns - Model.labelWidth
  return room >= 62 ? room - (hasRelay ? 60 : 54) : max(0, room / 2)
}

private func drawMap(_ frame: inout Frame, _ model: Model, _ area: Rect) {
  guard let detail = model.detail, let status = model.selectedStatus else { return }
  frame.put("map", area.row, area.column, .quiet)
  let column = area.column + Model.labelWidth
  let width = mapWidth(area)
  let isDone = status.state.isDone
  let parts = BlockMap.parts(
    size: status.size ?? 0, hashed: isDone ? status.size ?? 0 : status.hashed, stored: detail.stored,
    segments: detail.segments, width: width)
  for (index, part) in parts.enumerated() {
    let style: Style = isDone ? .good : part.style
    frame.set(area.row, column + index, part.glyph, style)
  }
  if area.columns >= wideDetail { drawLegend(&frame, area.row, column + width + 2, area.right) }
}

private func drawLegend(_ frame: inout Frame, _ row: Int, _ column: Int, _ right: Int) {
  var at = column
  for part in [BlockMap.Part.hashed, .received, .inFlight, .missing] {
    let width = part.word.utf8.count + 2
    guard at + width <= right else { break }
    frame.set(row, at, part.glyph, part.style)
    frame.put(part.word, row, at + 2, .quiet)
    at += width + 2
  }
}

private func drawSegment(
  _ frame: inout Frame, _ model: Model, _ number: Int, _ segment: SegmentStatus, _ area: Rect
) {
  let status = model.selectedStatus
  let row = area.row
  frame.putRight(String(number), row, endingAt: area.column + 3, .quiet)
  let column = area.column + Model.labelWidth
  let width = barWidth(area, hasRelay: model.detail?.route?.relay != nil)
  let isMoving = segment.activity == .receiving
  Bars.draw(
    &frame, row, column, width: width,
    hashed: max(0, min(segment.received, (status?.hashed ?? 0) - segment.range.start)),
    received: segment.received,
    whole: segment.range.count, style: isMoving ? .accent : .quiet)
  var at = column + width + 2
  func add(_ text: String, _ style: Style, _ frame: inout Frame) {
    let width = frame.charset.width(text)
    guard at + width <= area.right else { return }
    frame.put(text, row, at, style)
    at += width + 2
  }
  let range = Figures.range((segment.range.start, segment.range.end), of: status?.size ?? segment.range.end)
  add(range, .plain, &frame)
  if isMoving {
    add(Figures.padLeft(Figures.rate(segment.rate), Figures.rateWidth), .plain, &frame)
  } else {
    let style: Style = segment.activity == .stalled ? .warning : .quiet
    add(Figures.padLeft(segment.activity.rawValue, Figures.rateWidth), style, &frame)
  }
  add(Figures.padLeft(Figures.duration(segment.age), Figures.durationWidth), .quiet, &frame)
  let tries = segment.retries == 1 ? "1 retry  " : Figures.padRight("\(segment.retries) retries", 9)
  add(tries, segment.retries > 0 ? .warning : .quiet, &frame)
  add(segment.transport.rawValue, .quiet, &frame)
}
