import ParcelCore

/// Everything the screen knows. A value: `update` changes it, `view` draws it.
package struct Model: Sendable {
  /// What fills the middle of the screen.
  package enum Page: Sendable { case list, detail, log, help }
  /// Which part of the list page the moving keys mean.
  package enum Focus: Sendable { case list, detail }

  package var size: Size
  package let charset: Charset
  package var now: Instant = .zero

  // What the engine said.
  package var rows = RowTable()
  package var phase = Snapshot.Phase.idle
  package var totals = Totals()
  package var settings = Settings()
  /// How the servers in use are reached, in the order of first use.
  package var routes: [RouteStatus] = []
  /// What downloads wait for now: room on a disk, a new token.
  package var holds: [HoldStatus] = []
  /// Of the selected row; nil until it has arrived.
  package var detail: DownloadDetail?
  /// Nil before the first snapshot.
  package var snapshotTime: Instant?
  package var log = LogBuffer()

  // Where the user is.
  package var list = ListState()
  package var page = Page.list
  package var focus = Focus.list
  package var dialog: Dialog?
  /// Came while something else asked for an answer, in their order.
  var waitingPanels: [PreflightPanel] = []
  package var notice: Notice?
  /// When a prompt was answered last: what the engine then reports is about it, and is shown at once.
  var asked: Instant?
  /// First line shown of the detail and of the help.
  package var detailTop = 0
  package var helpTop = 0
  /// Leaving was asked for.
  package var isLeaving = false

  package init(size: Size, charset: Charset = .unicode) {
    self.size = size
    self.charset = charset
  }

  /// Where a key counts now.
  package var context: Context {
    switch dialog {
    case .prompt: return .prompt
    case .filter: return .filter
    case .question: return .question
    case .preflight: return .preflight
    case nil: break
    }
    switch page {
    case .list: return focus == .detail && layout.pane != nil ? .detail : .list
    case .detail: return .detail
    case .log: return .log
    case .help: return .help
    }
  }

  package var layout: ScreenLayout {
    ScreenLayout(
      size: size, page: page, hasRows: !rows.isEmpty, dialogRows: dialog?.rows(columns: size.columns) ?? 0)
  }

  package var selectedStatus: DownloadStatus? { list.selected.map { rows.status($0) } }

  /// Every file is done and at least one is there.
  package var isAllDone: Bool { totals.files > 0 && totals.done == totals.files }

  /// The moment at which the screen changes by itself: a notice's end. Nil for never.
  package var nextTick: Instant? { notice?.until }
}

/// A sentence that answers a key; goes away by itself.
package struct Notice: Hashable, Sendable {
  package var text: String
  package var role: Role
  package var until: Instant
  /// It repeats a line of the log.
  var isEcho = false
}

/// The last lines of the log.
package struct LogBuffer: Sendable {
  package static let capacity = 2_000
  package private(set) var lines: [LogLine] = []
  /// Lines between the last one shown and the newest; 0 follows.
  package var fromEnd = 0

  package mutating func append(_ new: [LogLine]) {
    lines.append(contentsOf: new)
    // A log that was scrolled back keeps its place.
    if fromEnd > 0 { fromEnd += new.count }
    if lines.count > Self.capacity { lines.removeFirst(lines.count - Self.capacity) }
    fromEnd = min(fromEnd, max(0, lines.count - 1))
  }

  package mutating func scroll(by lines: Int, height: Int) {
    fromEnd = max(0, min(fromEnd - lines, max(0, self.lines.count - height)))
  }
}

/// What asks for an answer at the bottom of the screen.
package enum Dialog: Sendable {
  case prompt(Prompt)
  case filter(LineEditor)
  case question(Question)
  case preflight(PreflightPanel)

  /// Rows it takes, its rule included.
  package func rows(columns: Int) -> Int {
    switch self {
    case .prompt(let prompt): 2 + min(Prompt.shownCompletions, prompt.completions.count)
    case .filter: 2
    case .preflight(let panel): panel.rows(columns: columns)
    case .question(let question):
      1 + max(1, Charset.unicode.wrap(question.text, to: max(1, columns - 4)).count)
    }
  }

  /// The line that is typed, as it is shown.
  var editor: LineEditor? {
    switch self {
    case .prompt(let prompt):
      var editor = prompt.editor
      if prompt.isSecret { editor.cover() }
      return editor
    case .filter(let editor): return editor
    case .question, .preflight: return nil
    }
  }
}

/// A question with yes and no.
package struct Question: Hashable, Sendable {
  package enum Subject: Hashable, Sendable {
    case remove([DownloadID])
    case quit
  }

  package var subject: Subject
  package var text: String
}

/// A line to fill in.
package struct Prompt: Hashable, Sendable {
  package enum Subject: Hashable, Sendable, CaseIterable {
    case manifest, add, tokenFile, token, folder, server
  }

  package static let shownCompletions = 6

  package var subject: Subject
  package var editor: LineEditor
  package var completions: [Completion] = []

  package init(_ subject: Subject, text: String = "") {
    self.subject = subject
    editor = LineEditor(text)
  }

  package var title: String {
    switch subject {
    case .manifest: "Open a manifest"
    case .add: "Add URLs or file ids"
    case .tokenFile: "Token file"
    case .token: "New token (typed or pasted; it is kept in memory only)"
    case .folder: "Target folder"
    case .server: "Server of file ids"
    }
  }

  package var label: String {
    switch subject {
    case .manifest, .tokenFile, .folder: "path: "
    case .token: "token: "
    case .add: "URL or id: "
    case .server: "URL: "
    }
  }

  /// Tab completes paths.
  package var completes: Bool { subject != .add && subject != .server && subject != .token }

  /// What is typed is shown as stars.
  package var isSecret: Bool { subject == .token }
}

/// One way a path can go on.
package struct Completion: Hashable, Sendable {
  /// The whole path, in the spelling the user began.
  package var path: String
  package var isFolder: Bool

  package init(path: String, isFolder: Bool) {
    self.path = path
    self.isFolder = isFolder
  }

  /// The last part of the path, with a slash for a folder.
  package var name: String {
    (path.split(separator: "/").last.map(String.init) ?? path) + (isFolder ? "/" : "")
  }
}
