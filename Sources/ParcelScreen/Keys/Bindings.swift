/// One line of the table: keys, where they count, what they mean, and how they are explained.
package struct Binding: Sendable {
  package enum Group: String, Sendable, CaseIterable {
    case moving = "Moving"
    case files = "Files (the marked ones, else the selected one)"
    case session = "The session"
    case views = "Views"
    case leaving = "Leaving"
    case prompts = "Prompts and questions"
  }

  package var group: Group
  package var contexts: [Context]
  package var intent: Intent
  /// The first one stands in the footer.
  package var keys: [Key]
  /// The footer's words; empty: not in the footer.
  package var label: String
  /// The footer shows low ranks first, as far as the width goes. 90 and more stand at the right end, always.
  package var rank: Int
  /// A sentence without a full stop, for the help and the README.
  package var help: String

  init(
    _ group: Group, _ contexts: [Context], _ intent: Intent, _ keys: [Key], _ label: String, rank: Int,
    _ help: String
  ) {
    self.group = group
    self.contexts = contexts
    self.intent = intent
    self.keys = keys
    self.label = label
    self.rank = rank
    self.help = help
  }

  /// A binding that the footer does not show.
  init(_ group: Group, _ contexts: [Context], _ intent: Intent, _ keys: [Key], _ help: String) {
    self.init(group, contexts, intent, keys, "", rank: 50, help)
  }

  /// `↑ k`, as help and README show the keys.
  package var keyNames: String { keys.map(\.name).joined(separator: " ") }
}

/// The one table of keys. Dispatch, footer, help and the README's table come from it.
package enum Bindings {
  package static let table: [Binding] = moving + files + session + views + leaving + prompts

  private static let pages: [Context] = [.list, .detail, .log, .help]
  private static let rows: [Context] = [.list, .detail]
  private static let main: [Context] = [.list, .detail, .log]

  private static let moving: [Binding] = [
    Binding(.moving, pages, .up, [.up, .character("k")], "one line up"),
    Binding(.moving, pages, .down, [.down, .character("j")], "one line down"),
    Binding(.moving, pages, .pageUp, [.pageUp, .control("b")], "one page up"),
    Binding(.moving, pages, .pageDown, [.pageDown, .control("f")], "one page down"),
    Binding(.moving, pages, .top, [.character("g"), .home], "to the first line"),
    Binding(.moving, pages, .bottom, [.character("G"), .end], "to the last line"),
  ]

  private static let files: [Binding] = [
    Binding(.files, rows, .pause, [.character(" ")], "pause", rank: 10, "pause or resume"),
    Binding(
      .files, [.list], .enter, [.enter], "detail", rank: 12, "start; once it runs, show the detail"),
    Binding(.files, [.list], .detail, [.right, .character("l")], "show the detail"),
    Binding(.files, rows, .retry, [.character("r")], "retry", rank: 13, "try again now"),
    Binding(
      .files, rows, .transport, [.character("t")], "transport", rank: 16, "next transport: http, udt, auto"),
    Binding(.files, rows, .remove, [.character("x")], "remove", rank: 30, "remove from the list (asks)"),
    Binding(
      .files, [.list], .mark, [.character("v")], "mark", rank: 31, "mark or unmark, and go on to the next"),
  ]

  private static let session: [Binding] = [
    Binding(.session, main, .pauseAll, [.character("p")], "pause all", rank: 11, "pause or resume all"),
    Binding(
      .session, main, .transportAll, [.character("T")], "next transport of all, later ones too"),
    Binding(.session, main, .open, [.character("o")], "open", rank: 14, "open a manifest"),
    Binding(.session, main, .add, [.character("a")], "add", rank: 15, "add URLs or file ids"),
    Binding(.session, main, .tokenFile, [.character("K")], "token", rank: 34, "choose the token file"),
    Binding(
      .session, main, .token, [.character("N")], "new token", rank: 37,
      "give a new token, shown as stars"),
    Binding(.session, main, .folder, [.character("D")], "folder", rank: 32, "choose the target folder"),
    Binding(.session, main, .server, [.character("S")], "server", rank: 33, "choose the server of file ids"),
    Binding(
      .session, main, .moreConnections, [.character("+"), .character("=")], "more connections a file"),
    Binding(
      .session, main, .fewerConnections, [.character("-")], "fewer connections a file; below 1: adapt"),
  ]

  private static let views: [Binding] = [
    Binding(.views, main, .focus, [.tab, .backTab], "focus", rank: 36, "to the detail and back"),
    Binding(
      .views, [.list], .filter, [.character("/")], "filter", rank: 16, "show only names with this text"),
    Binding(
      .views, [.list], .hideDone, [.character("f")], "hide done", rank: 17, "hide or show finished files"),
    Binding(.views, main, .log, [.character("L")], "log", rank: 18, "show the log, or the list again"),
    Binding(.views, main, .help, [.character("?")], "help", rank: 90, "show the keys"),
    Binding(
      .views, [.help], .back, [.escape, .character("?"), .character("q"), .enter], "back", rank: 90,
      "back to the list"),
    Binding(
      .views, [.list], .back, [.escape, .left, .character("h")],
      "end the filter, take the marks away"),
    Binding(
      .views, [.detail, .log], .back, [.escape, .enter, .left, .character("h")], "back", rank: 9,
      "back to the list"),
    Binding(.views, pages, .repaint, [.control("l")], "draw the screen again"),
  ]

  private static let leaving: [Binding] = [
    Binding(
      .leaving, main, .quit, [.character("q")], "quit", rank: 91, "save and leave (asks while files run)"),
    Binding(
      .leaving, Context.allCases, .stopNow, [.control("c")], "save and leave; twice: leave at once"),
    Binding(.leaving, Context.allCases, .suspend, [.control("z")], "to the shell; fg comes back"),
  ]

  private static let typing: [Context] = [.prompt, .filter]
  private static let prompts: [Binding] = [
    Binding(.prompts, typing, .submit, [.enter], "done", rank: 10, "done"),
    Binding(.prompts, [.prompt], .complete, [.tab], "complete", rank: 11, "complete a path"),
    Binding(.prompts, typing, .cancel, [.escape, .control("g")], "cancel", rank: 12, "cancel"),
    Binding(.prompts, typing, .cursorLeft, [.left, .control("b")], "one character left"),
    Binding(.prompts, typing, .cursorRight, [.right, .control("f")], "one character right"),
    Binding(.prompts, typing, .cursorHome, [.home, .control("a")], "to the beginning"),
    Binding(.prompts, typing, .cursorEnd, [.end, .control("e")], "to the end"),
    Binding(.prompts, typing, .deleteBackward, [.backspace], "delete to the left"),
    Binding(.prompts, typing, .deleteForward, [.delete, .control("d")], "delete to the right"),
    Binding(.prompts, typing, .deleteWord, [.control("w")], "delete the word to the left"),
    Binding(.prompts, typing, .deleteToStart, [.control("u")], "delete all to the left"),
    Binding(.prompts, [.filter], .up, [.up], "one line up"),
    Binding(.prompts, [.filter], .down, [.down], "one line down"),
    Binding(.prompts, [.question], .yes, [.character("y"), .enter], "yes", rank: 10, "yes"),
    Binding(.prompts, [.question], .no, [.character("n"), .escape, .character("q")], "no", rank: 11, "no"),
    Binding(
      .prompts, [.preflight], .startWithoutBad, [.character("s")], "skip them", rank: 10,
      "start without the files that have a problem of their own"),
    Binding(
      .prompts, [.preflight], .startAll, [.character("e")], "start all", rank: 11,
      "start everything in spite of what was found"),
    Binding(
      .prompts, [.preflight], .no, [.escape, .character("n"), .character("q")], "cancel", rank: 12,
      "start nothing; added files leave the list again"),
    Binding(.prompts, [.preflight], .up, [.up, .character("k")], "one line up"),
    Binding(.prompts, [.preflight], .down, [.down, .character("j")], "one line down"),
    Binding(.prompts, [.preflight], .pageUp, [.pageUp], "one page up"),
    Binding(.prompts, [.preflight], .pageDown, [.pageDown, .character(" ")], "one page down"),
  ]

  /// The table once more for dispatch; built once.
  private static let index: [Context: [Key: Binding]] = {
    var index: [Context: [Key: Binding]] = [:]
    for binding in table {
      for context in binding.contexts {
        for key in binding.keys { index[context, default: [:]][key] = binding }
      }
    }
    return index
  }()

  /// What `key` means in `context`, nil for nothing.
  package static func intent(_ key: Key, in context: Context) -> Intent? { index[context]?[key]?.intent }

  /// The bindings of a context in the table's order.
  package static func bindings(in context: Context) -> [Binding] {
    table.filter { $0.contexts.contains(context) }
  }

  /// The key that stands for an intent in texts ("press o"), from the table.
  package static func key(for intent: Intent) -> String {
    table.first { $0.intent == intent }?.keys.first?.name ?? ""
  }

  /// The README's table.
  package static func markdown() -> String {
    var lines: [String] = []
    for group in Binding.Group.allCases {
      lines += ["**\(group.rawValue)**", "", "| Key | What it does | Where |", "|---|---|---|"]
      for binding in table where binding.group == group {
        let keys = binding.keys.map { "`\($0.name)`" }.joined(separator: " ")
        let places =
          binding.contexts.count == Context.allCases.count
          ? "everywhere" : binding.contexts.map(\.title).joined(separator: ", ")
        lines.append("| \(keys) | \(binding.help) | \(places) |")
      }
      lines.append("")
    }
    return lines.dropLast().joined(separator: "\n") + "\n"
  }
}
