extension CongestionPreset {
  /// A preset by what a person writes: `model`, `fair`, `native`, `fixed=RATE` with a rate as `RateText` reads it.
  ///
  /// Throws `Failure(.input, .never)`.
  package init(_ text: String) throws(Failure) {
    switch text {
    case "model": self = .model
    case "fair": self = .fair
    case "native": self = .native
    default:
      guard text.hasPrefix("fixed="), let rate = try RateText.bytesPerSecond(String(text.dropFirst(6))) else {
        throw Failure(
          .input, retry: .never,
          "Could not read the congestion control '\(Printable.text(String(text.prefix(60))))'.",
          remedy: "Write model, fair, native or fixed=RATE, for example fixed=400Mbit.")
      }
      self = .fixed(bytesPerSecond: rate)
    }
  }
}
