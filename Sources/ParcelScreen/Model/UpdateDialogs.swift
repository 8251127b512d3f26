import ParcelCore

extension Model {
  // MARK: Typing

  /// Text typed where no key is bound to it.
  mutating func type(_ text: String) {
    switch dialog {
    case .prompt(var prompt):
      prompt.editor.insert(text)
      prompt.completions = []
      dialog = .prompt(prompt)
    case .filter(var editor):
      editor.insert(text)
      dialog = .filter(editor)
      list.setFilter(editor.text, rows)
    case .question, .preflight, nil: break
    }
  }

  /// A paste goes into an open line; on the list it opens the prompt that adds. It is never read as keys.
  mutating func paste(_ text: String) -> [Effect] {
    switch dialog {
    case .question, .preflight: return []
    case .prompt(let prompt) where prompt.isSecret:
      pasteSecret(text)
      return []
    case .prompt, .filter, nil: break
    }
    if dialog == nil {
      if let obstacle = obstacle(.add) {
        say(obstacle, .warning)
        return []
      }
      if page == .help { page = .list }
      dialog = .prompt(Prompt(.add))
    }
    type(text)
    return []
  }

  /// A token is one word: anything else in the paste, an escape sequence perhaps, is a mistake or worse, and half of it would be
  /// neither.
  private mutating func pasteSecret(_ text: String) {
    guard TokenRule.token(in: text) != nil else {
      say("Not a token (blanks or control characters in it): nothing was taken.", .warning)
      return
    }
    type(text.trimmed)
  }

  // MARK: Prompts

  mutating func edit(_ intent: Intent) -> [Effect] {
    guard case .prompt(var prompt) = dialog else { return [] }
    switch intent {
    case .submit: return submit(prompt)
    case .cancel: dialog = nil
    case .complete: return [.complete(path: prompt.editor.text)]
    case .stopNow: return stop()
    case .suspend: return [.suspend]
    default:
      prompt.editor.apply(intent)
      prompt.completions = []
      dialog = .prompt(prompt)
    }
    return []
  }

  private mutating func submit(_ prompt: Prompt) -> [Effect] {
    let text = prompt.editor.text.trimmed
    if prompt.isSecret, !text.isEmpty, TokenRule.token(in: text) == nil {
      // Wrong, and nobody could see where.
      dialog = .prompt(Prompt(prompt.subject))
      say("Not a token: it has blanks or characters that none has. Once more.", .warning)
      return []
    }
    dialog = nil
    guard !text.isEmpty else { return [] }
    if page == .log || page == .help { page = .list }
    asked = now
    switch prompt.subject {
    case .manifest: return [.perform(.openManifest(path: text))]
    case .add: return text.split(separator: " ").map { .perform(.add(String($0))) }
    case .tokenFile: return [.perform(.setTokenFile(path: text))]
    case .token: return [.perform(.useToken(Secret(text)))]
    case .folder: return [.perform(.setFolder(path: text))]
    case .server: return [.perform(.setServer(text))]
    }
  }

  /// Puts what all completions share into the line; shows them when there are several.
  mutating func take(_ completions: [Completion], for path: String) {
    guard case .prompt(var prompt) = dialog, prompt.completes, prompt.editor.text == path else { return }
    guard let first = completions.first else {
      say("Nothing begins with '\(path)'.", .warning)
      return
    }
    if completions.count == 1 {
      prompt.editor.replace(first.path + (first.isFolder ? "/" : ""))
      prompt.completions = []
    } else {
      var shared = Array(first.path)
      for completion in completions.dropFirst() {
        let same = zip(shared, completion.path).prefix { $0 == $1 }.count
        shared.removeSubrange(same...)
      }
      if shared.count > path.count { prompt.editor.replace(String(shared)) }
      prompt.completions = completions
    }
    dialog = .prompt(prompt)
  }

  // MARK: Filter

  mutating func editFilter(_ intent: Intent) -> [Effect] {
    guard case .filter(var editor) = dialog else { return [] }
    switch intent {
    case .submit: dialog = nil
    case .cancel:
      dialog = nil
      list.setFilter("", rows)
    case .up: list.move(by: -1, rows)
    case .down: list.move(by: 1, rows)
    case .stopNow: return stop()
    case .suspend: return [.suspend]
    default:
      editor.apply(intent)
      dialog = .filter(editor)
      list.setFilter(editor.text, rows)
    }
    return []
  }

  // MARK: Questions

  mutating func answer(_ intent: Intent) -> [Effect] {
    guard case .question(let question) = dialog else { return [] }
    switch intent {
    case .stopNow: return stop()
    case .suspend: return [.suspend]
    case .no:
      dialog = nil
      return []
    case .yes: break
    default: return []
    }
    dialog = nil
    switch question.subject {
    case .quit: return stop()
    case .remove(let ids):
      list.marked = []
      return [.perform(.remove(ids.filter { rows.contains($0) }))]
    }
  }
}

extension LineEditor {
  /// The editing part of the intents.
  mutating func apply(_ intent: Intent) {
    switch intent {
    case .cursorLeft: moveLeft()
    case .cursorRight: moveRight()
    case .cursorHome: moveHome()
    case .cursorEnd: moveEnd()
    case .deleteBackward: deleteBackward()
    case .deleteForward: deleteForward()
    case .deleteWord: deleteWord()
    case .deleteToStart: deleteToStart()
    default: break
    }
  }
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    var part = self[...]
    while part.first?.isWhitespace == true { part.removeFirst() }
    while part.last?.isWhitespace == true { part.removeLast() }
    return String(part)
  }
}
