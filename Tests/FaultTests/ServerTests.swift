import Glibc
import ParcelCore
import ParcelTesting
import Testing

@Suite(.serialized) struct LyingServerTests {
  /// Around the borders of blocks, which here are segments, too.
  static let places =
    [0, 1, 16_384, 777_777, ServerLab.size - 1]
    + [1 << 20, 2 << 20, 3 << 20].flatMap { [$0 - 1, $0, $0 + 1] }

  @Test(arguments: ["cut", "reset", "stall", "slow", "stall=20"])
  func `a body that breaks anywhere is continued where it broke`(kind: String) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    let parts = kind.split(separator: "=")
    for place in Self.places {
      guard var fault = Fault(parts[0]) else { continue }
      fault.byte = place
      fault.argument = kind == "slow" ? "3000000" : parts.count > 1 ? String(parts[1]) : nil
      let (problem, _, _) = await lab.check([fault], mustSucceed: true)
      #expect(problem == nil, "\(fault)")
      #expect(lab.server.sent <= ServerLab.size + (1 << 20), "\(fault): \(lab.server.sent) bytes were sent")
    }
  }

  @Test func `a byte that is not right never reaches the final name`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    for place in Self.places {
      let (problem, _, status) = await lab.check([Fault(.garble, byte: place)], again: ServerLab.size)
      // The journal tells what was received, and that was another byte.
      #expect(problem.map { $0.contains("the journal claims") } ?? true, "\(place): \(problem ?? "")")
      #expect(status.failure?.code == .digest || status.state == .verified)
    }
  }

  /// Faults of one answer after which the download goes on by itself.
  static let passing = [
    "close", "drop", "slowhead=0", "stallhead", "garbage", "halfhead", "busy=503:1", "busy=429:2",
    "busydate=503:1",
    "busydate=429:1", "status=500", "status=502", "status=408", "part=1", "part=70000",
    "redirect",
    "extra=100",
  ]

  @Test(arguments: passing) func `an answer that fails is asked for again`(text: String) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    var number = 1
    while true {
      var fault = try #require(Fault(text))
      fault.request = number
      let (problem, requests, _) = await lab.check([fault], mustSucceed: true)
      #expect(problem == nil, "\(fault)")
      if requests < number { break }
      number += 1
    }
    #expect(number > 2)
  }

  /// Faults that a person has to know of, or that may be either.
  static let grave = [
    "status=404", "status=403", "status=401", "status=204", "status=304", "html", "html=chunked",
    "coding=gzip",
    "coding=br", "whole", "shift=4096", "shift=1048576", "shift=1", "longer=100", "shorter=100", "size=1",
    "size=-1",
    "norange",
    "multipart", "endless", "redirectxall", "busyxall=503:0", "closexall", "htmlxall", "shorter=100xall",
    "partial",
    "version", "version=4000000", "version=2000000", "retag", "validator=weak", "validator=none",
    "validator=date",
  ]

  @Test(arguments: grave) func `an answer that lies never makes a wrong file`(text: String) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    for hasDigest in [true, false] {
      var number = 1
      while true {
        var fault = try #require(Fault(text))
        fault.request = number
        let (problem, requests, _) = await lab.check([fault], hasDigest: hasDigest, again: ServerLab.size)
        // Of a first answer to a bare URL nobody can say that it is not what was meant.
        if hasDigest || number > 1 || fault.kind != .html {
          #expect(problem == nil, "\(fault), digest \(hasDigest)")
        }
        if requests < number || number > 12 { break }
        number += 1
      }
    }
  }

  @Test func `two and three faults in one download`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    var random = SeededRandom(seed: 23)
    let all = Self.passing + Self.grave.filter { $0 != "endless" }
    func any(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }
    for _ in 0..<40 * depth {
      let faults = (0..<2 + any(2)).compactMap { _ -> Fault? in
        if any(2) == 0 {
          let kind = [Fault.Kind.cut, .reset, .stall][any(3)]
          return Fault(
            kind, byte: any(ServerLab.size), count: 1 + any(2), argument: kind == .stall ? "20" : nil)
        }
        var fault = Fault(all[any(all.count)])
        fault?.request = 1 + any(5)
        return fault
      }
      let (problem, _, _) = await lab.check(faults, again: ServerLab.size)
      #expect(problem == nil, "\(faults)")
    }
  }

  @Test(arguments: ["weak", "date", "none"]) func `cuts with other validators, with and without a digest`(
    validator: String
  ) async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    var object = FaultObject(bytes: ServerLab.content)
    object.validator = try #require(FaultObject.Validator(rawValue: validator))
    for hasDigest in [true, false] {
      for faults in [
        [Fault(.cut, byte: 1_500_000)], [Fault(.cut, byte: 1_500_000), Fault(.version, request: 3)],
      ] {
        let (problem, _, _) = await lab.check(
          faults, hasDigest: hasDigest, again: ServerLab.size, object: object)
        #expect(problem == nil, "\(faults), digest \(hasDigest)")
      }
    }
  }

  @Test func `without ranges or length a cut starts over and ends right`() async throws {
    let lab = try ServerLab()
    defer { lab.end() }
    var object = FaultObject(bytes: ServerLab.content)
    object.ranges = false
    for announces in [true, false] {
      object.announcesLength = announces
      for place in Self.places.dropFirst(2) {
        let (problem, _, _) = await lab.check(
          [Fault(.cut, byte: place)], again: ServerLab.size, object: object, mustSucceed: true)
        #expect(problem == nil, "cut at \(place), length \(announces)")
      }
    }
  }
}
