import ParcelCore

/// `--limit-rate`, written as `RateText` reads it.
package struct RateArgument: Hashable, Sendable {
  /// From 1; nil: no limit.
  package var bytesPerSecond: Int?

  package init?(argument: String) {
    do { bytesPerSecond = try RateText.bytesPerSecond(argument) } catch { return nil }
  }
}
