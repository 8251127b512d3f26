import ParcelCore

/// Takes one event into the model and answers what the driver must do. `now` is the moment of the event.
package func update(_ model: inout Model, _ event: Event, now: Instant) -> [Effect] {
  model.now = now
  if let notice = model.notice, notice.until <= now { model.notice = nil }
  let selected = model.list.selected
  var effects: [Effect]
  switch event {
  case .key(let key): effects = model.press(key)
  case .paste(let text): effects = model.paste(text)
  case .snapshot(let snapshot): effects = model.take(snapshot)
  case .resize(let size):
    model.size = size
    effects = [.repaint]
  case .tick: effects = []
  case .completions(let path, let completions):
    model.take(completions, for: path)
    effects = []
  case .stopRequested: effects = model.stop()
  case .preflight(let report, let check):
    model.take(report, check)
    effects = []
  }
  model.showWaitingPanel()
  if model.list.selected != selected {
    model.detail = nil
    model.detailTop = 0
    effects.append(.perform(.select(model.list.selected)))
  }
  model.list.reveal(lines: model.layout.listLines)
  return effects
}

extension Model {
  mutating func say(_ text: String, _ role: Role = .plain) {
    // Long enough to read: 2 s and a bit for each word.
    let words = text.split(separator: " ").count
    notice = Notice(text: text, role: role, until: now + min(10, 2 + 0.35 * Double(words)))
  }

  // MARK: From outside

  fileprivate mutating func take(_ snapshot: Snapshot) -> [Effect] {
    var rowsChanged = false
    if let table = snapshot.table {
      rows.setTable(table, choice: snapshot.settings.transport)
      rowsChanged = true
    }
    for id in snapshot.removed {
      rows.remove(id)
      list.marked.remove(id)
      rowsChanged = true
    }
    var flipped = false
    for change in snapshot.changed where rows.set(change.id, change.status) { flipped = true }
    if rowsChanged {
      list.rowsChanged(rows)
    } else if flipped {
      list.donenessChanged(rows)
    }
    phase = snapshot.phase
    totals = snapshot.totals
    settings = snapshot.settings
    routes = snapshot.routes
    holds = snapshot.holds
    if let detail = snapshot.detail, detail.id == list.selected { self.detail = detail }
    snapshotTime = snapshot.time
    log.append(snapshot.log)
    showAnswer(snapshot.log)
    // What is waited for is newer than what was said: a new token that is refused is no good news any more.
    if snapshot.holdChanges.contains(where: { $0.what == .began || $0.what == .again }) { notice = nil }
    return []
  }

  /// What came of the prompt that was answered a moment ago.
  private mutating func showAnswer(_ lines: [LogLine]) {
    guard let asked, now - asked < 5, let line = lines.last else { return }
    self.asked = nil
    say(line.text, line.level == .error ? .bad : line.level == .warning ? .warning : .plain)
    notice?.isEcho = true
  }

  /// Signals and Ctrl-C: save and leave; the second time at once.
  mutating func stop() -> [Effect] {
    if isLeaving { return [.abandon] }
    isLeaving = true
    dialog = nil
    return [.perform(.quit)]
  }

  // MARK: Keys

  fileprivate mutating func press(_ key: Key) -> [Effect] {
    let context = self.context
    guard let intent = Bindings.intent(key, in: context) else {
      if case .character(let character) = key { type(String(character)) }
      return []
    }
    if let obstacle = obstacle(intent) {
      say(obstacle, .warning)
      return []
    }
    switch context {
    case .prompt: return edit(intent)
    case .filter: return editFilter(intent)
    case .question: return answer(intent)
    case .preflight: return decide(intent)
    case .list, .detail, .log, .help: return act(intent)
    }
  }

  private mutating func act(_ intent: Intent) -> [Effect] {
    switch intent {
    case .up: scroll(by: -1)
    case .down: scroll(by: 1)
    case .pageUp: scroll(by: -pageLines)
    case .pageDown: scroll(by: pageLines)
    case .top: scroll(by: -Self.far)
    case .bottom: scroll(by: Self.far)
    case .back: back()
    case .focus: toggleFocus()
    case .filter: dialog = .filter(LineEditor(list.filter))
    case .hideDone: toggleHidesDone()
    case .log: page = page == .log ? .list : .log
    case .help:
      page = .help
      helpTop = 0
    case .repaint: return [.repaint]
    case .suspend: return [.suspend]
    case .stopNow: return stop()
    case .quit: return quit()
    case .pause, .retry, .transport, .remove, .mark, .enter, .detail: return actOnRows(intent)
    default: return actOnSession(intent)
    }
    return []
  }

  /// More than any list has lines, and far from overflow.
  private static let far = 1 << 40

  private var pageLines: Int {
    switch page {
    case .list: max(1, (context == .detail ? layout.pane?.rows ?? 2 : layout.listLines) - 1)
    case .detail, .log, .help: max(1, layout.body.rows - 2)
    }
  }

  private mutating func scroll(by lines: Int) {
    switch context {
    case .log: log.scroll(by: lines, height: layout.body.rows)
    case .help: helpTop = max(0, min(helpTop + lines, helpLines.count - layout.body.rows))
    case .detail: detailTop = max(0, min(detailTop + lines, lastDetailTop))
    default: list.move(by: lines, rows)
    }
  }

  private mutating func back() {
    if page != .list {
      page = .list
      focus = .list
    } else if focus == .detail {
      focus = .list
    } else if !list.filter.isEmpty {
      list.setFilter("", rows)
      say("The filter is off.")
    } else if !list.marked.isEmpty {
      list.marked = []
      say("No file is marked.")
    }
  }

  private mutating func toggleFocus() {
    if page != .list {
      page = .list
      focus = .list
    } else if layout.pane == nil {
      page = .detail
    } else {
      focus = focus == .list ? .detail : .list
    }
  }

  private mutating func toggleHidesDone() {
    list.setHidesDone(!list.hidesDone, rows)
    say(list.hidesDone ? "Finished files are hidden." : "All files are shown.")
  }

  private mutating func quit() -> [Effect] {
    guard totals.active > 0 else { return stop() }
    let running = totals.active == 1 ? "1 file is" : "\(Grouped.text(totals.active)) files are"
    dialog = .question(
      Question(subject: .quit, text: "\(running) running. Stop, save and leave? A later run continues."))
    return []
  }
}
