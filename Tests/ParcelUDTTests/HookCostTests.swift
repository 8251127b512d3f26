import ParcelTesting
import Testing

@Suite("What a packet costs in the hooks")
struct HookCostTests {
  /// In a process of its own, which counts every call of malloc and its relatives; `script/bench hook` times the same. Code that is not
  /// optimised allocates by itself: in a debug build the program judges only what is called for each packet.
  @Test("is no memory once a connection runs, whatever is lost, with the model and with libudt's own law")
  func allocations() throws {
    let result = try RunningProgram("hook-cost", ["30000", "60000"]).wait()
    #expect(result.code == 0, "\(result.out)\(result.err)")
    // All paths, to the last one's end.
    #expect(result.out.split(separator: "\n").filter { $0.hasPrefix("  receiver") }.count == 8)
  }
}
