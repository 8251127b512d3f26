import ParcelCore

/// `--limit-rate`, written as `RateText` reads it.
package struct RateArgument: Hashable, Sendable {
  /// From 1.
  package var bytesPerSecond: Int

  package init?(argument: String) {
    guard let value = try? RateText.bytesPerSecond(argument) else { return nil }
    bytesPerSecond = value
  }
}
