import ParcelCore

extension Model {
  /// Why an intent can do nothing now, as a sentence; nil when it can. The footer leaves out what cannot be done, and pressing such a key
  /// shows the sentence.
  package func obstacle(_ intent: Intent) -> String? {
    if isLeaving, Self.changesRun(intent) { return "Leaving: state is being saved." }
    switch intent {
    case .pause: return pauseObstacle
    case .retry:
      if let missing = targetObstacle { return missing }
      return retryable.isEmpty ? "Nothing to try again: \(targetWords) did not fail." : nil
    case .transport:
      if let missing = targetObstacle { return missing }
      let verb = list.targets.count == 1 ? "is" : "are"
      return reroutable.isEmpty ? "Nothing is left to fetch: \(targetWords) \(verb) complete." : nil
    case .remove, .mark: return targetObstacle
    case .enter, .detail: return targetObstacle
    case .pauseAll:
      if rows.isEmpty { return noRows }
      if phase == .finished { return "Everything is finished: there is nothing to pause." }
      if phase == .idle { return "Nothing runs yet: \(Bindings.key(for: .enter)) starts." }
      return nil
    case .startWithoutBad: return withoutBadObstacle
    case .filter, .hideDone: return rows.isEmpty ? noRows : nil
    case .focus: return page == .list ? targetObstacle : nil
    case .complete:
      if case .prompt(let prompt) = dialog, !prompt.completes { return "There is no path to complete here." }
      return nil
    default: return nil
    }
  }

  private static func changesRun(_ intent: Intent) -> Bool {
    switch intent {
    case .pause, .retry, .transport, .remove, .pauseAll, .transportAll, .open, .add, .tokenFile, .token,
      .folder,
      .server, .moreConnections,
      .fewerConnections, .quit:
      true
    default: false
    }
  }

  private var noRows: String {
    "The list is empty: \(Bindings.key(for: .open)) opens a manifest, \(Bindings.key(for: .add)) adds a URL or id."
  }

  private var targetObstacle: String? {
    if rows.isEmpty { return noRows }
    return list.targets.isEmpty ? "No file is selected." : nil
  }

  private var pauseObstacle: String? {
    if let missing = targetObstacle { return missing }
    if !pausable.isEmpty || !resumable.isEmpty { return nil }
    return "Nothing to pause: \(targetWords) \(list.targets.count == 1 ? "is" : "are") not running."
  }

  /// The targets as a sentence names them.
  package var targetWords: String {
    let targets = list.targets
    guard targets.count == 1, let only = targets.first else { return Figures.count(targets.count, "file") }
    return "'" + charset.clipName(rows.info(only).name, to: 32) + "'"
  }

  /// Targets that wait, run or will run by themselves.
  package var pausable: [DownloadID] {
    list.targets.filter { id in
      let state = rows.status(id).state
      return state == .waiting || state == .opening || state == .running || state == .retrying
        || state == .held
    }
  }

  package var resumable: [DownloadID] { list.targets.filter { rows.status($0).state == .paused } }

  /// Targets that still have something to fetch, or will when they are tried again.
  package var reroutable: [DownloadID] {
    list.targets.filter { id in
      let state = rows.status(id).state
      return !state.isDone && state != .verifying
    }
  }

  package var retryable: [DownloadID] {
    list.targets.filter { id in
      let state = rows.status(id).state
      return state == .failed || state == .needsUser || state == .retrying
        || state == .held
    }
  }
}
