import Foundation
import ParcelCore
import ParcelScreen
import Testing

/// The README's generated blocks say what the program does. `script/docs` rewrites them.
@Suite(.serialized) struct ReadmeTests {
  @Test func theKeysAreThoseOfTheTable() throws {
    try expectBlock("keys", Bindings.markdown())
  }

  @Test func theExitCodesAreThoseOfTheCode() throws {
    let rows = ParcelCore.ExitCode.allCases.map { "| \($0.rawValue) | \($0.meaning) |" }
    let note = "Failures of several kinds give 1; `--summary` has each."
    try expectBlock(
      "exit-codes", (["| code | meaning |", "|---|---|"] + rows + ["", note]).joined(separator: "\n") + "\n")
  }

  /// What `script/bench faults --save` found.
  @Test func theFaultsAreThoseOfTheLastRun() throws {
    let path = Programs.repository + "/Benchmarks/results/faults.txt"
    let lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
    let table = lines.filter { $0.hasPrefix("|") }
    #expect(table.count > 15)
    try expectBlock("faults", (table + ["", "\(lines[1])."]).joined(separator: "\n") + "\n")
  }

  private func expectBlock(_ name: String, _ wanted: String) throws {
    let path = Programs.repository + "/README.md"
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let start = try #require(text.range(of: "<!-- \(name) -->\n"))
    let end = try #require(text.range(of: "<!-- /\(name) -->"))
    let block = String(text[start.upperBound..<end.lowerBound])
    guard block != wanted else { return }
    if ProcessInfo.processInfo.environment["PARCEL_UPDATE_GOLDENS"] != nil {
      let new = text.replacingCharacters(in: start.upperBound..<end.lowerBound, with: wanted)
      try new.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      Issue.record("the README's block '\(name)' is out of date: run script/docs")
    }
  }
}
