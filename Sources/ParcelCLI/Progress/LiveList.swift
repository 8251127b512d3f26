import ParcelCore

/// The live list of a terminal: one line a running file, then the total. A function of what is known and the size.
struct LiveList {
  var style: PlainStyle
  /// Of the terminal. Lines are at most `columns - 1` wide, so that none wraps.
  var columns: Int
  /// Of the terminal. The list takes at most `rows - 1` lines.
  var rows: Int

  private var width: Int { max(1, columns - 1) }

  func lines(_ fold: RunFold) -> [String] {
    let room = max(0, rows - 2 - (rows > 4 ? min(2, fold.holds.count) : 0))
    let all = fold.live
    // When not all fit, one line says how many are not shown.
    let shown = all.count <= room ? all.count : max(0, room - 1)
    var lines = all.prefix(shown).compactMap { fold.row($0).map { line($0, fold.hasRelay) } }
    if shown < all.count && room > 0 {
      lines.append(
        style.charset.head("  \(style.unicode ? "…" : "...") and \(all.count - shown) more", width))
    }
    if rows > 4 {
      for hold in fold.holds.prefix(2) {
        let text = style.charset.head(
          style.charset.text("\(style.glyph(.held)) \(Printable.text(hold.text))"), width)
        lines.append(style.paint(text, .yellow))
      }
    }
    lines.append(totalLine(fold))
    return lines
  }

  /// Which fields a file's line has at this width; they go from the right of the list below.
  private struct Fields {
    var size: Bool
    var rate: Bool
    var left: Bool
    var via: Bool
    /// Columns after the glyph and before the fields.
    var middle: Int

    init(width: Int, hasRelay: Bool) {
      via = hasRelay && width >= 90
      left = width >= 72
      size = width >= 62
      rate = width >= 44
      middle = width - 2 - 6
      if size { middle -= Figures.bytesWidth + 2 }
      if rate { middle -= Figures.rateWidth + 2 }
      if left { middle -= Figures.durationWidth + 2 }
      if via { middle -= LiveList.viaWidth + 2 }
    }
  }

  /// "http" or "udt".
  private static let viaWidth = 4

  private func line(_ row: RunFold.Row, _ hasRelay: Bool) -> String {
    let fields = Fields(width: width, hasRelay: hasRelay)
    let status = row.status
    let name = style.charset.text(Printable.text(row.info.name))
    let glyph = style.paint(style.glyph(status), style.color(status.state))
    guard fields.middle >= 4 else { return style.charset.head(style.glyph(status) + " " + name, width) }

    let nameWidth = fields.middle >= 20 ? min(44, fields.middle * 55 / 100) : fields.middle
    let barWidth = fields.middle - nameWidth - 2
    var text = glyph + " " + style.charset.fit(name, nameWidth)
    if nameWidth < fields.middle {
      text +=
        "  "
        + style.paint(style.bar(status.received, of: status.size ?? 0, barWidth), style.color(status.state))
    }
    let percent = status.size.map { Figures.percent(status.received, of: $0) } ?? ""
    text += style.charset.right(percent, 6)
    if fields.size {
      let size = Figures.bytes(status.size ?? status.received)
      text += "  " + style.charset.right(size, Figures.bytesWidth)
    }
    return text + pace(status, fields)
  }

  /// Rate and time left, or in their place why there is none.
  private func pace(_ status: DownloadStatus, _ fields: Fields) -> String {
    guard fields.rate else { return "" }
    let both =
      Figures.rateWidth + (fields.left ? Figures.durationWidth + 2 : 0)
      + (fields.via ? Self.viaWidth + 2 : 0)
    // A repair that fetches has a rate.
    if status.isWaiting || status.state != .running && !(status.state == .repairing && status.connections > 0)
    {
      let words = status.isWaiting ? "waits " + (status.note ?? "") : status.note ?? status.state.rawValue
      let word = style.charset.text(Printable.text(words))
      return "  " + style.charset.right(style.charset.head(word, both), both)
    }
    var text = "  " + style.charset.right(Figures.rate(status.rate), Figures.rateWidth)
    if fields.left {
      let left = (status.secondsLeft.map(Figures.duration) ?? style.none)
      text += "  " + style.charset.right(left, Figures.durationWidth)
    }
    if fields.via { text += "  " + style.charset.right(status.transport?.rawValue ?? "", Self.viaWidth) }
    return text
  }

  /// A part of the total line; the greatest `rank` goes first when room is short.
  private struct Part {
    var text: String
    var rank: Int
    var color: PlainStyle.Color?
  }

  private func totalLine(_ fold: RunFold) -> String {
    let totals = fold.totals
    let percent =
      totals.bytes > 0 && totals.unsized == 0
      ? Figures.percent(totals.received, of: totals.bytes) : ""
    var before = [Part(text: "\(totals.done)/\(Figures.count(totals.files, "file"))", rank: 0)]
    before.append(Part(text: fold.bytesText, rank: 4))
    var after = [Part(text: style.charset.right(percent, 5), rank: 2)]
    if fold.phase == .running {
      after.append(
        Part(text: style.charset.right(Figures.rate(totals.rate), Figures.rateWidth), rank: 3))
      let left = (totals.secondsLeft.map(Figures.duration) ?? style.none)
      after.append(Part(text: style.charset.right(left, Figures.durationWidth) + " left", rank: 5))
    } else {
      after.append(
        Part(text: fold.phase == .stopping ? "stopping, saving progress" : fold.phase.rawValue, rank: 3))
    }
    let troubled = totals.failed + totals.needsUser
    if troubled > 0 { after.append(Part(text: "\(troubled) failed", rank: 1, color: .red)) }
    if fold.settings.insecure { after.append(Part(text: "INSECURE", rank: 0, color: .alarm)) }
    return fill(before, after, totals)
  }

  private func fill(_ before: [Part], _ after: [Part], _ totals: Totals) -> String {
    var before = before
    var after = after
    func used() -> Int {
      (before + after).reduce(0) { $0 + style.charset.width($1.text) } + 2 * (before.count + after.count - 1)
    }
    while used() > width, let last = (before + after).map(\.rank).max(), last > 0 {
      before.removeAll { $0.rank == last }
      after.removeAll { $0.rank == last }
    }
    let room = width - used() - 2
    var pieces = before.map { style.paint($0.text, $0.color) }
    if room >= 8 { pieces.append(style.paint(style.bar(totals.received, of: totals.bytes, room), .cyan)) }
    pieces += after.map { style.paint($0.text, $0.color) }
    return used() <= width ? pieces.joined(separator: "  ") : style.charset.head(before[0].text, width)
  }
}

extension RunFold {
  /// Some server has a relay, so that how bytes travel is worth a word.
  var hasRelay: Bool { routes.contains { $0.relay != nil } }

  /// "over udt", "over http and udt", "measuring udt"; nil without a relay.
  private var transportText: String? {
    guard hasRelay else { return nil }
    let used = TransportKind.allCases.filter { kind in routes.contains { $0.current == kind } }
    return (routes.contains(where: \.isMeasuring) ? "measuring " : "over ")
      + used.map(\.rawValue).joined(separator: " and ")
  }

  /// "1.91 of 4.23 GB"; while sizes are unknown "1.91 of at least 4.23 GB", or only what was received.
  var bytesText: String {
    if totals.bytes == 0 { return Figures.bytes(totals.received) }
    let text = Figures.bytes(totals.received, of: totals.bytes)
    guard totals.unsized > 0, let of = text.firstIndex(of: "o") else { return text }
    return text[..<of] + "of at least" + text[text.index(of, offsetBy: 2)...]
  }

  /// "12/33 files, 1.91 of 4.23 GB, 45 %, 742 Mbit/s, 25 s left", with a relay "…, over udt".
  var progressText: String {
    var parts = ["\(totals.done)/\(Figures.count(totals.files, "file"))", bytesText]
    if totals.bytes > 0, totals.unsized == 0 {
      parts.append(Figures.percent(totals.received, of: totals.bytes))
    }
    switch phase {
    case .running:
      parts.append(Figures.rate(totals.rate))
      if let left = totals.secondsLeft { parts.append(Figures.duration(left) + " left") }
      if let transportText { parts.append(transportText) }
    case .stopping: parts.append("stopping, saving progress")
    case .idle, .paused, .finished: parts.append(phase.rawValue)
    }
    if totals.held > 0 { parts.append("\(totals.held) \(totals.held == 1 ? "waits" : "wait")") }
    let troubled = totals.failed + totals.needsUser
    if troubled > 0 { parts.append("\(troubled) failed") }
    if settings.insecure { parts.append("INSECURE: certificates are not checked") }
    return parts.joined(separator: ", ")
  }
}
