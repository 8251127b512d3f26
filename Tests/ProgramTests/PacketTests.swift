import Foundation
import ParcelTesting
import Testing

/// Every program that speaks UDT, under packets that kill stock UDT programs and 100,000 random ones, while it works.
@Suite(.serialized) struct PacketTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder("parcel-packets") }

  /// Resident memory in kB.
  private func memory(_ pid: Int32) -> Int {
    let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") } ?? ""
    return Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0
  }

  /// The UDP ports that a process has open, through the inodes of its sockets.
  private func ports(of pid: Int32) -> [UInt16] {
    let descriptors = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd")) ?? []
    let inodes = Set(
      descriptors.compactMap {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
      }
      .filter { $0.hasPrefix("socket:[") }.map { $0.dropFirst(8).dropLast() }.map(String.init))
    var found: [UInt16] = []
    for table in ["udp", "udp6"] {
      let text = (try? String(contentsOfFile: "/proc/\(pid)/net/\(table)", encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n").dropFirst() {
        let fields = line.split(separator: " ")
        guard fields.count > 9, inodes.contains(String(fields[9])) else { continue }
        if let port = UInt16(fields[1].split(separator: ":").last ?? "", radix: 16) { found.append(port) }
      }
    }
    return found
  }

  /// Sends the known bad packets and `count` random ones to each port of loopback.
  private func fire(at ports: [UInt16], count: Int, seed: UInt64) {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(socket) }
    var random = Seeded(seed)
    for port in ports {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      func send(_ bytes: [UInt8]) {
        _ = withUnsafePointer(to: &address) {
          $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            sendto(socket, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
          }
        }
      }
      for (_, bytes) in Packets.harmful + Packets.harmless { send(bytes) }
      for _ in 0..<count { send(Packets.mutated(&random)) }
    }
  }

  /// Of noise some connections, as one may not outlive much of it: 100,000 packets in all, in the short run 5,000.
  private static let connections: [LyingPeer.Lie: Int] = [.noise: getenv("PARCEL_DEEP") == nil ? 1 : 20]
  private static func turns(_ lie: LyingPeer.Lie) -> Int { lie == .noise ? 5_000 / LyingPeer.noise : 15 }

  /// Lets a liar have its say on a connection to `port`, where a large answer is asked for.
  private func lie(_ lie: LyingPeer.Lie, to port: Int, _ random: inout Seeded) {
    for _ in 0..<Self.connections[lie, default: 1] {
      let liar = LyingPeer(window: lie == .window ? 32 : 8192)
      #expect(liar.connect(to: port), "\(lie)")
      liar.say("GET /large.bam HTTP/1.1\r\nHost: x\r\n\r\n")
      for _ in 0..<Self.turns(lie) { liar.tell(lie, &random) }
      liar.leave()
    }
  }

  @Test("peers that are connected and lie, or send noise, hurt no program that listens")
  func liars() throws {
    defer { folder.remove() }
    let root = folder.path + "/root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try makeFile(root + "/large.bam", bytes: 12_000_000)
    let server = try Service("parcel-server", ["--root", root], in: folder)
    defer { server.stop() }
    let far = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(server.port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { far.stop() }
    let programs = [server, far]
    // The honest client has something to do meanwhile.
    let honest = try Programs.start(
      "parcel",
      [
        "-q", "-d", "out", "--limit-rate", "5M", "--relay", "127.0.0.1:\(far.port)", "-u",
        "\(server.address)/large.bam",
      ], in: folder)
    var random = Seeded(31)
    for program in programs { for lie in LyingPeer.Lie.allCases { self.lie(lie, to: program.port, &random) } }
    let result = honest.wait()
    #expect(result.code == 0, "\(result.out) \(result.err)")
    #expect(
      try digest("sha256sum", "\(folder.path)/out/large.bam") == digest("sha256sum", root + "/large.bam"))
    let before = programs.map { memory($0.pid) }
    for program in programs { lie(.noise, to: program.port, &random) }
    for (program, old) in zip(programs, before) {
      #expect(program.running.isRunning)
      #expect(memory(program.pid) < old + 60_000, "\(old) kB, then \(memory(program.pid)) kB")
    }
  }

  @Test("a server that is connected to and lies does not hurt the program that connects")
  func lyingServer() throws {
    defer { folder.remove() }
    try makeFile(folder.path + "/body", bytes: 20_000_000)
    let liar = LyingPeer()
    let near = try Service("parcel-tcp2udt", ["127.0.0.1:\(liar.port)", "-p", "0"], in: folder)
    defer { near.stop() }
    var random = Seeded(32)
    var before = 0
    for turn in 0..<2 {
      for lie in turn == 0 ? LyingPeer.Lie.allCases : [.noise] {
        for _ in 0..<Self.connections[lie, default: 1] {
          // Something to send, without asking first.
          let curl = try Programs.start(
            "curl",
            ["-s", "-H", "Expect:", "-T", "body", "--max-time", "60", "http://127.0.0.1:\(near.port)/"],
            in: folder)
          #expect(liar.accept(), "\(lie)")
          for _ in 0..<Self.turns(lie) { liar.tell(lie, &random) }
          liar.leave()
          curl.stop()
          #expect(near.running.isRunning, "\(lie)")
        }
      }
      if turn == 0 { before = memory(near.pid) }
    }
    #expect(memory(near.pid) < before + 60_000, "\(before) kB, then \(memory(near.pid)) kB")
  }

  @Test(
    "packets that kill stock programs, and random ones, hurt none of ours", arguments: [1, 2] as [UInt64])
  func underFire(seed: UInt64) throws {
    defer { folder.remove() }
    let root = folder.path + "/root"
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try makeFile(root + "/large.bam", bytes: 60_000_000)
    let server = try Service("parcel-server", ["--root", root], in: folder)
    defer { server.stop() }
    let far = try Service(
      "parcel-udt2tcp", ["127.0.0.1:\(server.port)", "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { far.stop() }
    let original = try Service(
      "parcel-server", [server.address, "-p", "0", "-i", "127.0.0.1"], in: folder)
    defer { original.stop() }
    let near = try Service("parcel-tcp2udt", ["127.0.0.1:\(far.port)", "-p", "0"], in: folder)
    defer { near.stop() }
    let programs = [server, far, original, near]

    func fetch(_ name: String, _ more: [String]) throws -> RunningProgram {
      try Programs.start(
        "parcel", ["-q", "-d", name, "--limit-rate", "15M", "\(server.address)/large.bam"] + more, in: folder)
    }
    // Through the pair of relays, and through the original's form: each program has something to do meanwhile.
    let first = try fetch("first", ["-e", "-H", "127.0.0.1", "-P", "\(near.port)"])
    let second = try fetch("second", ["--relay", "127.0.0.1:\(original.port)", "-u"])
    _ = eventually { !ports(of: near.pid).isEmpty || !first.isRunning }

    let all = programs.flatMap { ports(of: $0.pid) }
    #expect(all.count >= 4)
    fire(at: all, count: 20_000, seed: seed)
    let before = programs.map { memory($0.pid) }
    fire(at: all, count: 80_000, seed: seed + 100)
    let (one, two) = (first.wait(), second.wait())
    #expect(one.code == 0, "\(one.out) \(one.err)")
    #expect(two.code == 0, "\(two.out) \(two.err)")
    for (program, old) in zip(programs, before) {
      #expect(program.running.isRunning)
      // What a transfer holds comes and goes; a leak of a packet each would be far above this.
      #expect(memory(program.pid) < old + 60_000, "\(old) kB, then \(memory(program.pid)) kB")
    }
    for name in ["first", "second"] {
      #expect(
        try digest("sha256sum", "\(folder.path)/\(name)/large.bam")
          == digest("sha256sum", root + "/large.bam"))
    }
  }
}
