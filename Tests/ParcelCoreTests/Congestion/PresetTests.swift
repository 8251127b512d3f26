import ParcelCore
import Testing

@Suite("The name of a congestion control")
struct PresetTests {
  @Test(
    "says which one",
    arguments: [
      ("model", CongestionPreset.model), ("fair", .fair), ("native", .native), (" Model ", .model),
      ("fixed=12M", .fixed(bytesPerSecond: 12_000_000)),
      ("FIXED=400Mbit", .fixed(bytesPerSecond: 50_000_000)),
    ])
  func reads(text: String, preset: CongestionPreset) throws { #expect(try CongestionPreset(text) == preset) }

  @Test("is read back as it is written", arguments: ["model", "fair", "native", "fixed=1500"])
  func describes(text: String) throws { #expect(try CongestionPreset(text).description == text) }

  @Test(
    "that is none is refused with a sentence",
    arguments: [
      "", "bbr", "fixed", "fixed=", "fixed=0", "fixed=off", "fixed=fast", "model=1", "native\u{1B}[2J",
    ])
  func refuses(text: String) {
    let failure = #expect(throws: Failure.self) { try CongestionPreset(text) }
    #expect(failure?.text.contains("\u{1B}") == false)
    #expect(failure?.text.contains("fixed") == true || failure?.text.contains("rate") == true)
  }
}
