import ParcelCore

extension Model {
  /// What is done to the marked rows, or the selected one.
  mutating func actOnRows(_ intent: Intent) -> [Effect] {
    switch intent {
    case .pause: return pauseOrResume()
    case .retry:
      say("Trying again: \(Figures.count(retryable.count, "file")).")
      return [.perform(.retry(retryable))]
    case .transport: return changeTransport()
    case .remove:
      let targets = list.targets
      let text = "Remove \(targetWords) from the list? Partial data stays on disk."
      dialog = .question(Question(subject: .remove(targets), text: text))
    case .mark: mark()
    case .enter:
      if phase == .idle { return start() }
      showDetail()
    case .detail: showDetail()
    default: break
    }
    return []
  }

  private mutating func showDetail() {
    page = .detail
    detailTop = 0
  }

  private mutating func start() -> [Effect] {
    say("Checking, then starting \(Figures.count(totals.files, "file")).")
    return [.perform(.start)]
  }

  private mutating func pauseOrResume() -> [Effect] {
    if !pausable.isEmpty {
      if list.targets.count > 1 { say("Pausing \(Figures.count(pausable.count, "file")).") }
      return [.perform(.pause(pausable))]
    }
    if list.targets.count > 1 { say("Resuming \(Figures.count(resumable.count, "file")).") }
    return [.perform(.resume(resumable))]
  }

  private mutating func mark() {
    guard let id = list.selected else { return }
    if list.marked.remove(id) == nil { list.marked.insert(id) }
    list.move(by: 1, rows)
  }

  /// What is done to the session as a whole.
  mutating func actOnSession(_ intent: Intent) -> [Effect] {
    switch intent {
    case .pauseAll: return [.perform(phase == .paused ? .resumeAll : .pauseAll)]
    case .transportAll: return changeTransportOfAll()
    case .open: dialog = .prompt(Prompt(.manifest))
    case .add: dialog = .prompt(Prompt(.add))
    case .tokenFile: dialog = .prompt(Prompt(.tokenFile, text: settings.tokenFile ?? ""))
    case .token: dialog = .prompt(Prompt(.token))
    case .folder: dialog = .prompt(Prompt(.folder, text: settings.folder))
    case .server: dialog = .prompt(Prompt(.server, text: settings.server))
    case .moreConnections: return changeConnections(by: 1)
    case .fewerConnections: return changeConnections(by: -1)
    default: break
    }
    return []
  }

  private mutating func changeConnections(by step: Int) -> [Effect] {
    let now = settings.connections ?? max(1, selectedStatus?.connections ?? 1)
    let next = now + step
    // Below 1 they adapt again.
    settings.connections = next < 1 || (settings.connections == nil && step < 0 && now == 1) ? nil : next
    say("Connections for each file: " + (settings.connections.map(Grouped.text) ?? "adapting") + ".")
    return [.perform(.setConnections(settings.connections))]
  }
}
