import ParcelCore
import Testing

@Suite("Rates as text")
struct RateTextTests {
  @Test(
    "Suffixes are powers of ten, bits are eighths",
    arguments: [
      ("1000", 1000), ("500k", 500_000), ("12M", 12_000_000), ("1.5G", 1_500_000_000), ("2 MB/s", 2_000_000),
      ("400Mbit", 50_000_000), ("10mbit/s", 1_250_000), ("1Gbps", 125_000_000), ("8bits", 1), ("0.5kB", 500),
      ("7b", 7),
    ])
  func good(text: String, expected: Int) throws { #expect(try RateText.bytesPerSecond(text) == expected) }

  @Test("Nought and words mean no limit", arguments: ["0", "off", "none", "unlimited", "0M", "0.0k"])
  func unlimited(text: String) throws { #expect(try RateText.bytesPerSecond(text) == nil) }

  @Test(
    "Anything else is refused with an example",
    arguments: [
      "", "k", "-5", "5x", "1e3", "1.2.3M", ".5M", "5 M 3", "1bit", "9999T", "M5", "inf", "nan", "５",
    ])
  func bad(text: String) {
    #expect(throws: Failure.self) { try RateText.bytesPerSecond(text) }
  }
}
