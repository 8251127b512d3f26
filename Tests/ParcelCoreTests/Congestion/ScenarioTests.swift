import Dispatch
import Foundation
import ParcelCore
import ParcelTesting
import Synchronization
import Testing

/// Controllers and repairs over simulated paths: `Fixtures/scenarios`.
@Suite("Simulated paths")
struct ScenarioTests {
  static let isDeep = ProcessInfo.processInfo.environment["PARCEL_DEEP"] != nil
  /// Seeds of a path of 200 Mbit/s for 20 s. Two thousand in all.
  static let deepSeeds = ProcessInfo.processInfo.environment["PARCEL_DEEP_SEEDS"].flatMap { Int($0) } ?? 100

  @Test("Small, short paths", arguments: names(in: "small"))
  func small(name: String) throws {
    let scenario = try Self.scenario("small/\(name)")
    try check(scenario, seeds: scenario.seeds * (Self.isDeep ? 8 : 1))
  }

  @Test("Paths of full size", .enabled(if: isDeep), arguments: names(in: "full"))
  func full(name: String) throws {
    let scenario = try Self.scenario("full/\(name)")
    // As many packets on each path as in 20 s of 200 Mbit/s, `deepSeeds` times: a minute of 10 Gbit/s would take hours.
    let share = 20 * 200e6 / (scenario.seconds * scenario.forward.rate)
    try check(scenario, seeds: max(scenario.seeds, Int(share * Double(Self.deepSeeds))))
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
  private func check(_ scenario: SimulatorScenario, seeds: Int) throws {
    try #require(!scenario.expectations.isEmpty)
    var figures: [String: [Double]] = [:]
    for (index, result) in Self.run(scenario, seeds: seeds).enumerated() {
      for expectation in scenario.expectations {
        let value = try #require(result(expectation.figure), "\(expectation.figure), seed \(index + 1)")
        figures[expectation.figure, default: []].append(value)
        #expect(
          expectation.isMet(by: value),
          "\(scenario.name), seed \(index + 1): \(expectation.text), is \(value)")
      }
    }
    if Self.isDeep { Self.print(figures, of: scenario.name) }
  }

  /// Seeds 1 to `seeds`, on all processors; the figures that the expectations ask for, in the order of the seeds.
  private static func run(_ scenario: SimulatorScenario, seeds: Int) -> [(String) -> Double?] {
    let all = Mutex([[String: Double]](repeating: [:], count: seeds))
    DispatchQueue.concurrentPerform(iterations: seeds) { index in
      let result = Simulator(scenario, seed: UInt64(index + 1)).run()
      let figures = scenario.expectations.reduce(into: [:]) { $0[$1.figure] = result.figure($1.figure) }
      all.withLock { $0[index] = figures }
    }
    return all.withLock { $0 }.map { figures in { figures[$0] } }
  }

  /// Mean, least and greatest, for whoever watches.
  private static func print(_ figures: [String: [Double]], of name: String) {
    for (figure, values) in figures.sorted(by: { $0.key < $1.key }) {
      let mean = values.reduce(0, +) / Double(values.count)
      let (least, greatest) = (values.min() ?? 0, values.max() ?? 0)
      Swift.print(
        "\(name) \(figure): \(values.count) seeds, mean \(SimulatorResult.tenths(mean)),",
        "\(SimulatorResult.tenths(least)) to \(SimulatorResult.tenths(greatest))")
    }
  }
}
