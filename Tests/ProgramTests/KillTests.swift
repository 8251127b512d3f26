import Foundation
import ParcelTesting
import Testing

/// `script/bench kill` in small: the file is right after every `kill -9`, and nothing that the journal spoke of comes twice.
/// How much one second may cost is left to the long run, since a busy machine stretches seconds.
@Suite struct KillTests {
  @Test(arguments: [
    ["moments", "--kills", "8", "--seconds", "6"], ["end", "--kills", "15", "--seconds", "6"],
    ["udt", "--kills", "14", "--seconds", "5"],
  ]) func killedAtRandomMomentsItContinuesFromItsJournal(scene: [String]) throws {
    let folder = try TemporaryFolder("parcel-kill")
    defer { folder.remove() }
    let result = try Programs.run(
      "python3",
      [Programs.repository + "/Benchmarks/kill/run"] + scene
        + ["--size", "20M", "--jobs", "2", "--unbounded", "--dir", folder.path], in: folder,
      environment: ["PARCEL=\(Programs.folder)/parcel", "PYTHONDONTWRITEBYTECODE=1"])
    #expect(result.code == 0 && result.out.contains("all right"), "\(result.out) \(result.err)")
  }
}
