import ParcelCore
import ParcelTesting
import Testing

@Suite("Traces")
struct TraceTests {
  /// 40 Mbit/s, 40 ms, one product of buffer, 1 % loss; the path halves after two seconds.
  @Test("What each preset does on a small path", arguments: ["model", "fair", "native", "fixed=20"])
  func trace(preset: String) throws {
    let text = """
      rate 40
      round-trip 40
      loss 1
      change 2 20
      seconds 3
      flow \(preset)
      """
    let result = try Simulator(SimulatorScenario(name: preset, text: text), seed: 1).run()
    let lines = [SimulatorResult.traceHeader] + result.trace
    let name = preset.prefix { $0 != "=" }
    #expect(Goldens.difference(lines.joined(separator: "\n"), named: "trace-\(name)") == nil)
  }
}
