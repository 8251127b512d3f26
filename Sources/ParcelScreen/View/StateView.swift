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
    case .verifying: (glyph, word, style) = ("≡", "verifying", .accent)
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
}
