import ParcelCore
import ParcelTesting
import Testing

@Suite("The packet filter")
struct PacketFilterTests {
  private static let home: [UInt8] = [127, 0, 0, 1]
  private static let home6: [UInt8] = Array(repeating: 0, count: 15) + [1]
  private static let listening = PacketFilter.listening(maximumSegment: 1500)
  private static let connecting = PacketFilter.connecting(maximumSegment: 1500, source: home, port: 9000)
  private static let connecting6 = PacketFilter.connecting(maximumSegment: 1480, source: home6, port: 9000)

  /// Both ways to run it must agree.
  private func admits(_ filter: PacketFilter, _ datagram: Datagram) throws -> Bool {
    let answer = filter.admits(datagram)
    #expect(try BPFInterpreter.run(BPFProgram.compile(filter), on: datagram) == answer, "\(datagram)")
    return answer
  }

  @Test("lets through all that libudt and our own ends send")
  func harmless() throws {
    for (name, bytes) in Packets.harmless {
      #expect(try admits(Self.listening, Datagram(bytes)), "\(name)")
      #expect(try admits(Self.connecting, Datagram(bytes, port: 9000)), "\(name)")
    }
    for request in [1, Packets.minusOne] {
      #expect(try admits(Self.listening, Datagram(Packets.handshake { $0.request = request })))
    }
    for request in [1, Packets.minusOne, 1002] {
      let answer = Packets.handshake {
        $0.request = request
        $0.to = 77
      }
      #expect(try admits(Self.connecting, Datagram(answer, port: 9000)))
    }
    // The original's own packet size and window.
    #expect(
      try admits(
        Self.listening,
        Datagram(
          Packets.handshake {
            $0.segment = 8400
            $0.window = 16_031
          })))
  }

  @Test("drops all that breaks libudt, on both kinds of socket")
  func harmful() throws {
    for (name, bytes) in Packets.harmful {
      #expect(try !admits(Self.listening, Datagram(bytes)), "\(name)")
      var answer = bytes
      // The same as an answer to one that connects.
      if answer.count >= 16, answer[0] == 0x80, answer[1] == 0 { answer[15] = 77 }
      #expect(try !admits(Self.connecting, Datagram(answer, port: 9000)), "\(name)")
    }
  }

  @Test(
    "keeps requests to listeners and answers to those who connect, which never get larger packets than they offered"
  )
  func sides() throws {
    #expect(try !admits(Self.listening, Datagram(Packets.handshake { $0.to = 77 })))
    #expect(try !admits(Self.listening, Datagram(Packets.handshake { $0.request = 1002 })))
    #expect(
      try !admits(Self.connecting, Datagram(Packets.handshake { $0.request = Packets.minusOne }, port: 9000)))
    let larger = Packets.handshake {
      $0.to = 77
      $0.segment = 1501
    }
    #expect(try !admits(Self.connecting, Datagram(larger, port: 9000)))
  }

  @Test("hears only the peer on a socket that connects")
  func source() throws {
    let data = Packets.data(10)
    let other6 = Self.home6.dropLast() + [2]
    #expect(try admits(Self.connecting, Datagram(data, from: Self.home, port: 9000)))
    #expect(try !admits(Self.connecting, Datagram(data, from: Self.home, port: 9001)))
    #expect(try !admits(Self.connecting, Datagram(data, from: [127, 0, 0, 2], port: 9000)))
    #expect(try !admits(Self.connecting, Datagram(data, from: Self.home6, port: 9000)))
    #expect(try admits(Self.connecting6, Datagram(data, from: Self.home6, port: 9000)))
    #expect(try !admits(Self.connecting6, Datagram(data, from: Array(other6), port: 9000)))
    #expect(try !admits(Self.connecting6, Datagram(data, from: Self.home, port: 9000)))
  }

  @Test("answers the same in the kernel's language and in plain words, for 100,000 packets")
  func agreement() throws {
    var random = Seeded(1)
    var admitted = 0
    let filters = [Self.listening, Self.connecting, Self.connecting6].map { ($0, BPFProgram.compile($0)) }
    for round in 0..<100_000 {
      let (filter, program) = filters[round % 3]
      let source = Bool.random(using: &random) ? Self.home : Self.home6
      let datagram = Datagram(
        Packets.mutated(&random), from: round % 3 == 0 ? source : round % 3 == 1 ? Self.home : Self.home6,
        port: round % 50 == 0 ? 1 : 9000)
      let answer = filter.admits(datagram)
      if answer { admitted += 1 }
      if try BPFInterpreter.run(program, on: datagram) != answer {
        Issue.record("they differ about \(datagram)")
        return
      }
    }
    // A test in which nearly all are dropped, or none, would show little.
    #expect((10_000...90_000).contains(admitted))
  }
}
