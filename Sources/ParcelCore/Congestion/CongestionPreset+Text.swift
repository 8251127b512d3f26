extension CongestionPreset {
  /// The preset called `text`: `model`, `fair`, `native` or `fixed=RATE`, in any case; RATE as `RateText` reads it.
  /// Throws `Failure(.input, .never)`.
  package init(_ text: String) throws(Failure) {
    let lower = ASCII.lowercased(ASCII.trimmed(text))
    switch lower {
    case "model": self = .model
    case "fair": self = .fair
    case "native": self = .native
    default:
      let rate = lower.hasPrefix("fixed=") ? try RateText.bytesPerSecond(String(lower.dropFirst(6))) : nil
      guard let rate else {
        throw Failure(
          .input, retry: .never,
          "Could not read the congestion control '\(Printable.text(String(text.prefix(60))))'.",
          remedy: "Write model, fair, native, or fixed=RATE with a rate like 12M or 400Mbit.")
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
