import Foundation
import ParcelCore
import ParcelScreen
import ParcelTesting
import Testing

/// The generated blocks of README and docs say what the program does. `script/docs` rewrites them.
@Suite(.serialized) struct ReadmeTests {
  @Test func theKeysAreThoseOfTheTable() throws {
    try expectBlock("keys", in: "docs/session.md", Bindings.markdown())
  }

  @Test func theExitCodesAreThoseOfTheCode() throws {
    let rows = ParcelCore.ExitCode.allCases.map { "| \($0.rawValue) | \($0.meaning) |" }
    let note = "Failures of several kinds give 1; `--summary` has each."
    try expectBlock(
      "exit-codes", in: "README.md",
      (["| code | meaning |", "|---|---|"] + rows + ["", note]).joined(separator: "\n") + "\n")
  }

  /// What `script/bench faults --save` found.
  @Test func theFaultsAreThoseOfTheLastRun() throws {
    let (table, programs) = try faults()
    #expect(table.count > 15)
    try expectBlock(
      "faults", in: "docs/faults.md", (table + ["", "\(programs)."]).joined(separator: "\n") + "\n")
  }

  /// The same, counted. The last row of the table is no fault, but a property.
  @Test func theFaultsAreCounted() throws {
    let rows = try faults().table.map { $0.split(separator: "|").map { $0.trimmingPrefix(" ") } }
    let runs = rows.dropFirst(2).dropLast()
    func row(_ title: String, _ isMeant: (Substring) -> Bool) -> String {
      let counts = rows[0].indices.dropFirst().map { column in runs.count { isMeant($0[column]) } }
      return "| \(title) | " + counts.map(String.init).joined(separator: " | ") + " |"
    }
    let table = [
      "| of \(runs.count) | " + rows[0].dropFirst().joined(separator: "| ") + "|",
      "|---|" + rows[0].dropFirst().map { _ in "---|" }.joined(),
      row("the right file in the end") { $0.hasPrefix("right") || $0.contains("then right") },
      row("a failure, and no wrong file under the final name") {
        !["right", "cannot be told"].contains(where: $0.hasPrefix) && !$0.contains("then right")
          && !$0.contains("**")
      },
      row("a wrong file left under the final name, with a failure or without an end") {
        $0.contains("wrong file left") && !$0.contains("exit 0**")
      },
      row("success (exit 0) for a wrong, short, missing or misplaced file") { $0.contains("exit 0**") },
    ]
    try expectBlock("faults-counted", in: "README.md", table.joined(separator: "\n") + "\n")
  }

  private func faults() throws -> (table: [String], programs: String) {
    let path = Programs.repository + "/Benchmarks/results/faults.txt"
    let lines = try String(contentsOfFile: path, encoding: .utf8).components(separatedBy: "\n")
    return (lines.filter { $0.hasPrefix("|") }, lines[1])
  }

  /// What the README says about relays, typed as it stands there: only FILE and DIR are filled in. On a machine of its own, because
  /// the ports are fixed.
  @Test(.enabled(if: TwoHosts.isPossible, "network namespaces need root"))
  func theRelayExampleWorksAsWritten() throws {
    let folder = try TemporaryFolder("parcel-readme")
    defer { folder.remove() }
    let machine = try TwoHosts("readme")
    defer { machine.stop() }
    let text = try String(contentsOfFile: Programs.repository + "/README.md", encoding: .utf8)
    let start = try #require(text.range(of: "Try it on one machine"))
    let lines = text[start.upperBound...].components(separatedBy: "\n").dropFirst(2)
      .prefix { $0.isEmpty || $0.hasPrefix("    ") }.filter { !$0.isEmpty }
      .map { $0.prefix { $0 != "#" }.trimmingCharacters(in: .whitespaces) }
    #expect(lines.count == 6, "\(lines)")
    try FileManager.default.createDirectory(atPath: folder.path + "/DIR", withIntermediateDirectories: true)
    try makeFile(folder.path + "/DIR/FILE", bytes: 20_000_003)
    func type(_ line: String, in place: String) throws -> RunningProgram {
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      return try Programs.start(
        "ip",
        [
          "netns", "exec", machine.a, "env", "-C", place,
          "sh", "-c", "PATH=\(Programs.folder):$PATH; exec \(line)",
        ], in: folder)
    }
    let services = try lines.prefix(3).map { try type($0, in: folder.path) }
    defer { for service in services { service.stop() } }
    for service in services { _ = try service.line(after: "listening on ") }
    let wanted = try digest("sha256sum", folder.path + "/DIR/FILE")
    for (index, line) in lines.dropFirst(3).enumerated() {
      let place = "\(folder.path)/\(index)"
      let result = try type(line, in: place).wait()
      #expect(result.code == 0, "\(line): \(result.out) \(result.err)")
      #expect(try digest("sha256sum", place + "/FILE") == wanted, "\(line)")
    }
  }

  private func expectBlock(_ name: String, in file: String, _ wanted: String) throws {
    let path = Programs.repository + "/" + file
    let text = try String(contentsOfFile: path, encoding: .utf8)
    let start = try #require(text.range(of: "<!-- \(name) -->\n"))
    let end = try #require(text.range(of: "<!-- /\(name) -->"))
    let block = String(text[start.upperBound..<end.lowerBound])
    guard block != wanted else { return }
    if ProcessInfo.processInfo.environment["PARCEL_UPDATE_GOLDENS"] != nil {
      let new = text.replacingCharacters(in: start.upperBound..<end.lowerBound, with: wanted)
      try new.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      Issue.record("the block '\(name)' of \(file) is out of date: run script/docs")
    }
  }
}
