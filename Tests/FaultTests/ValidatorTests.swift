import Glibc
import ParcelCore
import ParcelTesting
import Testing

/// Each rule about answers, through the real client: what breaks it is refused before its first byte is in the file.
@Suite(.serialized) struct ValidatorTests {
  struct Rule: Sendable, CustomTestStringConvertible {
    var name: String
    var fault: String
    var code: Failure.Code
    /// Part of the sentence.
    var says: String
    var hasDigest = true
    var validator = FaultObject.Validator.strong
    var testDescription: String { name }
  }

  static let rules = [
    Rule(name: "a changed object", fault: "version", code: .changed, says: "ETag"),
    Rule(
      name: "a changed object without a digest", fault: "version", code: .changed, says: "ETag",
      hasDigest: false),
    Rule(name: "a changed date", fault: "version", code: .changed, says: "Last-Modified", validator: .date),
    Rule(name: "another ETag on the same bytes", fault: "retag", code: .changed, says: "ETag"),
    Rule(name: "a larger object", fault: "version=5000000", code: .size, says: "manifest"),
    Rule(name: "a smaller object", fault: "version=2500000", code: .changed, says: "bytes", hasDigest: false),
    Rule(name: "another part", fault: "shiftxall=4096", code: .server, says: "were asked for"),
    Rule(name: "a part a byte off", fault: "shiftxall=1", code: .server, says: "were asked for"),
    Rule(name: "a part without its place", fault: "norangexall", code: .server, says: "without saying which"),
    Rule(name: "several parts", fault: "multipartxall", code: .server, says: "several parts"),
    Rule(name: "a body longer than its part", fault: "longerxall=100", code: .server, says: "announced"),
    Rule(name: "a body shorter than its part", fault: "shorterxall=100", code: .server, says: "announced"),
    Rule(name: "another total size", fault: "sizexall=1", code: .changed, says: "bytes", hasDigest: false),
    Rule(name: "a coded body", fault: "codingxall=gzip", code: .server, says: "coded (gzip)"),
    Rule(name: "a web page", fault: "htmlxall", code: .size, says: "web page"),
    Rule(
      name: "a web page for a bare URL", fault: "htmlxall", code: .changed, says: "bytes", hasDigest: false),
    Rule(name: "a web page without length", fault: "htmlxall=chunked", code: .server, says: "without length"),
    Rule(name: "everything in place of a part", fault: "wholexall", code: .server, says: "no ranges"),
  ]

  /// A disk with the first two blocks and a piece of the third.
  private func begun(_ lab: ServerLab, _ rule: Rule) async -> (MemoryDisk, FaultObject) {
    let disk = MemoryDisk()
    var object = FaultObject(bytes: ServerLab.content)
    object.validator = rule.validator
    lab.server.reset(object, faults: [Fault(.cut, byte: (2 << 20) + 5000, count: .max)])
    let first = await lab.run(disk, hasDigest: rule.hasDigest) {
      $0.policy.retry.limit = 0
      $0.connections = 1
    }
    #expect(first.status.state == .failed)
    return (disk, object)
  }

  @Test(arguments: rules)
  func `an answer that breaks a rule leaves the partial file as it was`(rule: Rule) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    let (disk, object) = await begun(lab, rule)
    let before = try #require(disk.bytes(ServerLab.path + ".part"))
    #expect(before.count > 2 << 20 && same(before, ServerLab.content, ByteRange(0, (2 << 20) + 5000)))
    lab.server.reset(object, faults: [try #require(Fault(rule.fault))])
    let result = await lab.run(disk, hasDigest: rule.hasDigest) { $0.policy.retry.limit = 0 }
    #expect(result.status.failure?.code == rule.code, "\(result.status.failure?.sentence ?? "none")")
    #expect(
      result.status.failure?.sentence.contains(rule.says) == true,
      "\(result.status.failure?.sentence ?? "none")")
    #expect(lab.server.requests.first?.range?.start == (2 << 20) + 5000)
    #expect(lab.server.requests.first?.ifRange != nil)
    let isUntouched = same(disk.bytes(ServerLab.path + ".part") ?? [], before)
    #expect(isUntouched)
    let isAbsent = disk.bytes(ServerLab.path) == nil
    #expect(isAbsent)
    // What was refused costs nothing: a right answer goes on at the same byte.
    lab.server.reset(object)
    let last = await lab.run(disk, hasDigest: rule.hasDigest)
    #expect(last.status.state.isDone)
    #expect(lab.server.requests.first?.range?.start == (2 << 20) + 5000)
    let isRight = same(disk.bytes(ServerLab.path) ?? [], ServerLab.content)
    #expect(isRight)
  }

  @Test(arguments: [FaultObject.Validator.weak, .none])
  func `without a strong validator an earlier run's bytes are not continued`(validator: FaultObject.Validator)
    async throws
  {
    let lab = try ServerLab()
    defer { lab.end() }
    for hasDigest in [true, false] {
      let rule = Rule(
        name: "", fault: "", code: .server, says: "", hasDigest: hasDigest, validator: validator)
      let (disk, object) = await begun(lab, rule)
      lab.server.reset(object)
      let result = await lab.run(disk, hasDigest: hasDigest)
      #expect(result.status.state.isDone)
      #expect(lab.server.requests.allSatisfy { $0.ifRange == nil })
      #expect(lab.server.requests.contains { $0.range?.start ?? 0 == 0 })
      let isRight = same(disk.bytes(ServerLab.path) ?? [], ServerLab.content)
      #expect(isRight)
    }
  }

  @Test func `every continuation carries If-Range`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    for (validator, expected) in [(FaultObject.Validator.strong, "\"v1\""), (.date, "GMT")] {
      var object = FaultObject(bytes: ServerLab.content)
      object.validator = validator
      lab.server.reset(object, faults: [Fault(.cut, byte: 100_000), Fault(.reset, byte: 2_500_000)])
      let disk = MemoryDisk()
      let result = await lab.run(disk)
      #expect(result.status.state == .verified)
      let further = lab.server.requests.filter { $0.range?.start ?? 0 > 0 }
      #expect(further.count >= 3)
      #expect(further.allSatisfy { $0.ifRange?.hasSuffix(expected) == true })
    }
  }

  @Test(arguments: [2, 3]) func `an object that changes between two segments is never spliced`(number: Int)
    async throws
  {
    for hasDigest in [true, false] {
      // Its own server: a request that the run before took back may be read only now, and would be counted as the first.
      let lab = try ServerLab()
      defer { lab.end() }
      let disk = MemoryDisk()
      lab.server.reset(FaultObject(bytes: ServerLab.content), faults: [Fault(.version, request: number)])
      let result = await lab.run(disk, hasDigest: hasDigest, hasSize: true)
      #expect(result.status.failure?.code == .changed, "\(result.status.failure?.sentence ?? "none")")
      #expect(result.status.state == .needsUser)
      let isAbsent = disk.bytes(ServerLab.path) == nil
      #expect(isAbsent)
      let part = disk.bytes(ServerLab.path + ".part") ?? []
      #expect(part.count >= 1 << 20)
      let isOld = same(part, ServerLab.content, ByteRange(0, 1 << 20))
      #expect(isOld)
    }
  }

  @Test func `a 200 in the middle of a run starts over and ends right`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    let disk = MemoryDisk()
    lab.server.reset(FaultObject(bytes: ServerLab.content), faults: [Fault(.whole, request: 3)])
    let result = await lab.run(disk)
    #expect(result.status.state == .verified)
    let isRight = same(disk.bytes(ServerLab.path) ?? [], ServerLab.content)
    #expect(isRight)
  }
}
