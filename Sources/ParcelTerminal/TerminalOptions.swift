/// What the user or the program decides about the terminal.
package struct TerminalOptions: Sendable {
  package enum Glyphs: Sendable {
    /// Unicode where the locale is UTF-8, else ASCII.
    case automatic
    case unicode, ascii
  }

  package var glyphs = Glyphs.automatic
  /// False: attributes only. `NO_COLOR` in the environment says the same.
  package var colors = true
  /// SIGINT, SIGTERM and SIGHUP are caught: the first is a `requestStop`, the second ends the process with 130 and the
  /// terminal restored.
  package var catchesStopSignals = true

  package init() {}
}
