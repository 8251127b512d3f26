/// What a key means where it was pressed.
package enum Intent: String, Hashable, Sendable, CaseIterable {
  // Moving.
  case up, down, pageUp, pageDown, top, bottom
  // The marked rows, or the selected one.
  case pause, retry, transport, remove, mark, enter, detail
  // The session.
  case pauseAll, transportAll, open, add, tokenFile, token, folder, server, moreConnections, fewerConnections
  // What is shown.
  case focus, filter, hideDone, log, help, back, repaint
  // Leaving.
  case quit, stopNow, suspend
  // Prompts and the filter line.
  case submit, complete, cancel, cursorLeft, cursorRight, cursorHome, cursorEnd
  case deleteBackward, deleteForward, deleteWord, deleteToStart
  // Questions.
  case yes, no
  // The check before the start.
  case startAll, startWithoutBad
}

/// Where a key is pressed. Decides which bindings count.
package enum Context: String, Hashable, Sendable, CaseIterable {
  case list, detail, log, help, prompt, filter, question, preflight

  /// As the README's table says it.
  package var title: String {
    switch self {
    case .list: "list"
    case .detail: "detail"
    case .log: "log"
    case .help: "help"
    case .prompt: "prompts"
    case .filter: "filter"
    case .question: "questions"
    case .preflight: "check before the start"
    }
  }
}
