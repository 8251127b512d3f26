import ParcelCore

extension Model {
  /// The relay through which the file's server is reached: where, why, how good the path is. Nothing without a relay.
  func relayLines(_ route: RouteStatus, _ status: DownloadStatus, _ width: Int) -> [DetailLine] {
    // What others do there now says nothing about a file that is done.
    guard let relay = route.relay, !status.state.isDone else { return [] }
    var lines = relayHead(route, relay, status, width)
    // While udt is in use the lines stay, so that a pause between two connections moves nothing.
    let isUsed = route.current == .udt || route.isMeasuring
    guard isUsed || route.path != nil || !route.history.isEmpty else { return lines }
    if isUsed || route.path != nil { lines += pathLines(route.path, width) }
    if let drops = route.path?.drops, drops > 0 {
      let datagrams = Figures.count(drops, "datagram")
      lines += field("drops", "this machine dropped \(datagrams): see parcel doctor", width, .warning)
    }
    if route.history.suffix(Self.rateSeconds(width)).contains(where: { $0 > 0 }) {
      lines.append(.graph("over udt", route.history))
    }
    return lines
  }

  private func relayHead(_ route: RouteStatus, _ relay: Endpoint, _ status: DownloadStatus, _ width: Int)
    -> [DetailLine]
  {
    let room = max(1, width - Self.labelWidth)
    let words = RouteView(route)?.long ?? route.current.rawValue
    var pieces = [[Span(charset.clipMiddle(relay.text, to: room))], [Span(words)]]
    if status.choice != route.choice {
      pieces.append([Span("this file: " + status.choice.rawValue, .accent)])
    }
    // Where the figures leave no column for the flows, they stand here if there is room.
    if width < wideDetail, let path = route.path {
      let flows = [Span(Figures.count(path.connections, "flow"), .quiet)]
      let fitted = (pieces + [flows]).fitted(room, charset)
      if fitted.count == 1 { pieces.append(flows) }
    }
    let reason = charset.wrap(route.reason, to: room)
    if let line = reason.first, reason.count == 1 { pieces.append([Span(line, .quiet)]) }
    var lines = pieces.fitted(room, charset)
    if reason.count > 1 { lines += reason.map { [Span($0, .quiet)] } }
    return lines.enumerated().map { index, line in
      .text([Span(Figures.padRight(index == 0 ? "relay" : "", Self.labelWidth), .quiet)] + line)
    }
  }

  /// Two lines of figures in columns; those that do not fit go whole, from the right.
  private func pathLines(_ path: PathStatistics?, _ width: Int) -> [DetailLine] {
    func cell(_ name: String, _ nameWidth: Int, _ value: String?, _ width: Int) -> [Span] {
      [
        Span(Figures.padRight(name, nameWidth), .quiet),
        Span(Figures.padLeft(value ?? Figures.none, width), value == nil ? .quiet : .plain),
      ]
    }
    /// Of one width.
    func packets(_ count: Int?) -> [Span] {
      [Span(" " + Figures.padRight(Figures.noun(count ?? 0, "packet"), 7), .quiet)]
    }
    let rate = Figures.rateWidth
    let count = 12
    let first = Figures.millisecondsWidth
    let window = path.flatMap { $0.window > 0 ? Grouped.text($0.window) : nil }
    let top = [
      cell("", 0, path?.roundTrip.map(Figures.milliseconds), first),
      cell("receives ", 9, (path?.receiveRate).map(Figures.rate), rate),
      cell("window ", 7, window, count) + packets(path?.window),
      cell("flows ", 8, (path?.connections).map(Grouped.text), count),
    ]
    let bottom = [
      cell("", 0, (path?.loss).map(Figures.share), first),
      cell("lost ", 9, (path?.receiveLost).map(Grouped.text), rate),
      cell("resent ", 7, (path?.resent).map(Grouped.text), count) + packets(path?.resent),
      cell("arrived ", 8, (path?.received).map(Grouped.text), count) + packets(path?.received),
    ]
    let room = max(1, width - Self.labelWidth)
    return [("rtt", top), ("loss", bottom)].map { label, cells in
      .text(
        [Span(Figures.padRight(label, Self.labelWidth), .quiet)] + (cells.fitted(room, charset).first ?? []))
    }
  }
}

extension [[Span]] {
  /// Lines of at most `width` cells: pieces whole, three cells between them.
  func fitted(_ width: Int, _ charset: Charset) -> [[Span]] {
    var lines: [[Span]] = []
    for piece in self where !piece.isEmpty {
      if let last = lines.last, charset.width(last) + 3 + charset.width(piece) <= width {
        lines[lines.count - 1] = last + [Span("   ")] + piece
      } else {
        lines.append(piece)
      }
    }
    return lines
  }
}
