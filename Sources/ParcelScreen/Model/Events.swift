import ParcelCore

/// What happens to the screen.
package enum Event: Sendable {
  case key(Key)
  /// Text pasted in one piece.
  case paste(String)
  case snapshot(Snapshot)
  case resize(Size)
  /// Time went on; sent when `Model.nextTick` is reached.
  case tick
  /// The answer to `Effect.complete(path)`, sorted by path.
  case completions(for: String, [Completion])
  /// Someone outside asked to stop: a signal.
  case stopRequested
  /// A check before a start is done.
  case preflight(PreflightReport, PreflightCheck)
}

/// What the screen's driver must do.
package enum Effect: Hashable, Sendable {
  case perform(Command)
  /// Find the paths that begin like this and send `Event.completions`.
  case complete(path: String)
  /// Draw every cell again.
  case repaint
  /// Give the terminal back and stop until the shell continues the program.
  case suspend
  /// Leave without waiting for the engine.
  case abandon
}
