extension CongestionPreset {
  /// A preset by what a person writes, in any case: `model`, `fair`, `native`, `fixed=RATE` with a rate as `RateText` reads it.
  ///
  /// Throws `Failure(.input, .never)`.
  package init(_ text: String) throws(Failure) {
    let lower = ASCII.lowercased(ASCII.trimmed(text))
    switch lower {
    case "model": self = .model
    case "fair": self = .fair
    case "native": self = .native
    default:
      guard lower.hasPrefix("fixed="), let rate = try RateText.bytesPerSecond(String(lower.dropFirst(6)))
      else {
        throw Failure(
          .input, retry: .never,
          "Could not read the congestion control '\(Printable.text(String(text.prefix(60))))'.",
          remedy: "Write model, fair, native or fixed=RATE, for example fixed=400Mbit.")
      }
      self = .fixed(bytesPerSecond: rate)
    }
  }
}

extension CongestionPreset: CustomStringConvertible {
  package var description: String {
    switch self {
    case .model: "model"
    case .fair: "fair"
    case .native: "native"
    case .fixed(let bytesPerSecond): "fixed=\(bytesPerSecond)"
    }
  }
}
