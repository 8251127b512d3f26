import Foundation
import ParcelCore
import ParcelTesting
import Testing

/// Controllers and repairs over simulated paths: `Fixtures/scenarios`.
@Suite("Simulated paths")
struct ScenarioTests {
  static let isDeep = ProcessInfo.processInfo.environment["PARCEL_DEEP"] != nil

  @Test("Small, short paths", arguments: names(in: "small"))
  func small(name: String) throws {
    try check("small/\(name)", factor: Self.isDeep ? 8 : 1)
  }

  @Test("Paths of full size", .enabled(if: isDeep), arguments: names(in: "full"))
  func full(name: String) throws {
    try check("full/\(name)", factor: 1)
  }

  @Test("With a stock sender our receiver is not slower than a stock one")
  func stockSender() throws {
    var ours = 0.0
    var stock = 0.0
    for seed in 1...10 as ClosedRange<UInt64> {
      var scenario = try Self.scenario("small/stock-sender")
      ours += Simulator(scenario, seed: seed).run().goodput(after: 0)
      scenario.isOurReceiver = false
      stock += Simulator(scenario, seed: seed).run().goodput(after: 0)
    }
    #expect(ours >= stock * 0.98)
  }

  @Test("The same seed gives the same run, another seed another one")
  func determinism() throws {
    let scenario = try Self.scenario("small/random-loss")
    let first = Simulator(scenario, seed: 3).run()
    #expect(Simulator(scenario, seed: 3).run().trace == first.trace)
    #expect(Simulator(scenario, seed: 4).run().trace != first.trace)
  }

  @Test("A scenario that makes no sense is refused with its line")
  func mistakes() {
    let error = #expect(throws: SimulatorScenario.Mistake.self) {
      try SimulatorScenario(name: "wrong", text: "rate 40\nflow model\nlos 5\n")
    }
    #expect(error?.description == "wrong: 'los 5': unknown word")
  }

  // MARK: -

  static func names(in folder: String) -> [String] {
    guard let url = Bundle.module.url(forResource: "Fixtures/scenarios/\(folder)", withExtension: nil),
      let files = try? FileManager.default.contentsOfDirectory(atPath: url.path)
    else { return [] }
    return files.filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }

  static func scenario(_ name: String) throws -> SimulatorScenario {
    let url = try #require(
      Bundle.module.url(forResource: "Fixtures/scenarios/\(name)", withExtension: "txt"))
    return try SimulatorScenario(name: name, text: String(contentsOf: url, encoding: .utf8))
  }

  /// Every expectation of the scenario holds for every seed.
  private func check(_ name: String, factor: Int) throws {
    let scenario = try Self.scenario(name)
    try #require(!scenario.expectations.isEmpty)
    var figures: [String: [Double]] = [:]
    for seed in 1...UInt64(scenario.seeds * factor) {
      let result = Simulator(scenario, seed: seed).run()
      for expectation in scenario.expectations {
        let value = try #require(result.figure(expectation.figure), "\(expectation.figure), seed \(seed)")
        figures[expectation.figure, default: []].append(value)
        #expect(expectation.isMet(by: value), "\(name), seed \(seed): \(expectation.text), is \(value)")
      }
    }
    guard Self.isDeep else { return }
    for (figure, values) in figures.sorted(by: { $0.key < $1.key }) {
      let mean = values.reduce(0, +) / Double(values.count)
      print(
        name, figure, "mean", SimulatorResult.tenths(mean), "worst",
        SimulatorResult.tenths(values.min() ?? 0), SimulatorResult.tenths(values.max() ?? 0))
    }
  }
}
