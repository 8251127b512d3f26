import Foundation
import Testing

@Suite("What a packet costs in the hooks")
struct HookCostTests {
  /// In a process of its own, which counts every call of malloc and its relatives; `script/bench hook` times the same.
  @Test("is no memory once a connection runs, whatever is lost, with the model and with libudt's own law")
  func allocations() throws {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tests).deletingLastPathComponent()
      .appendingPathComponent("hook-cost")
    process.arguments = ["30000", "60000"]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text)")
    // All paths, to the last one's end.
    #expect(text.components(separatedBy: "both ends together").count == 9)
  }
}
