import ParcelCore

/// How a download's state looks: a glyph, a word of at most `ListColumns.wordWidth` cells, a style.
struct StateView {
  var glyph: Unicode.Scalar
  var word: String
  var style: Style

  init(_ status: DownloadStatus) {
    switch status.state {
    case .waiting: (glyph, word, style) = ("·", "waiting", .quiet)
    case .opening: (glyph, word, style) = ("◦", "opening", .accent)
    case .running: (glyph, word, style) = ("▶", "running", .accent)
    case .paused: (glyph, word, style) = ("‖", "paused", .plain)
    case .retrying: (glyph, word, style) = ("↻", "retrying", .warning)
    case .held: (glyph, word, style) = ("◇", "waits", .warning)
    case .verifying: (glyph, word, style) = ("≡", "verifying", .accent)
    case .repairing: (glyph, word, style) = ("✚", "repairing", .warning)
    case .verified: (glyph, word, style) = ("✔", "verified", .good)
    case .complete: (glyph, word, style) = ("✓", "complete", .good)
    case .needsUser: (glyph, word, style) = ("!", Self.need(status.failure?.code), .warning)
    case .failed: (glyph, word, style) = ("✘", "failed", .bad)
    }
  }

  /// What the user is needed for.
  private static func need(_ code: Failure.Code?) -> String {
    switch code {
    case .credentials: "token"
    case .disk: "disk"
    case .changed: "changed"
    case .exists: "exists"
    case .digest: "digest"
    case .locked: "locked"
    default: "needs you"
    }
  }

  /// Short words beside the state: the engine's note, else why a file failed.
  static func note(_ status: DownloadStatus) -> String? {
    if status.state.isDone { return nil }
    if let note = status.note, !note.isEmpty { return note }
    if let hold = status.hold { return words(hold) }
    guard status.state == .failed || status.state == .needsUser, let failure = status.failure else {
      return nil
    }
    return words(failure.code)
  }

  /// What it waits for.
  private static func words(_ hold: Failure.Hold) -> String {
    switch hold {
    case .space: "for space"
    case .quota: "for disk quota"
    case .readOnly, .permission: "for write access"
    case .token: "for a new token"
    }
  }

  private static func words(_ code: Failure.Code) -> String {
    switch code {
    case .network: "no connection"
    case .stalled: "no byte came for too long"
    case .server: "the server failed"
    case .busy: "the server is busy"
    case .notFound: "the server has no such file"
    case .credentials: "the server refused access"
    case .tls: "certificate refused"
    case .changed: "the object changed"
    case .digest: "the digest differs"
    case .size: "the server's size differs"
    case .disk: "the disk refused"
    case .locked: "another process works on it"
    case .exists: "another file is in the way"
    case .input: "cannot be used"
    case .proxy: "the proxy failed"
    case .cancelled: "stopped"
    case .skipped: "left out before the start"
    }
  }
}
