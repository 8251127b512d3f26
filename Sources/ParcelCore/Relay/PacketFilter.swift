/// Which datagrams reach libudt: rules as a value, from which `BPFProgram` makes the kernel's filter.
///
/// libudt believes what it is told: a handshake with a packet size of 44 divides by zero, a window of 20,000,000 takes
/// 309 MB, a loss report that ends in half a range is read past its end, and a message drop can loop for ever. None of that
/// is ever sent by a well-meaning libudt, so it is dropped before libudt sees it. A datagram passes when all guards and at
/// least one rule hold.
package struct PacketFilter: Hashable, Sendable {
  /// What a test looks at. Offsets count from the start of the datagram's payload, UDT's header.
  package enum Field: Hashable, Sendable {
    /// Bytes of the datagram, without IP and UDP headers.
    case length
    /// Four bytes as one number in network order.
    case word(Int)
    case lastWord
    case sourcePort
    /// The IP version of the packet, 4 or 6, whatever the family of the socket.
    case ipVersion
    /// Four bytes of the IP header, where the source address stands.
    case ipWord(Int)
  }

  package enum Condition: Hashable, Sendable {
    case oneOf([UInt32])
    case within(ClosedRange<UInt32>)
    /// None of these bits is set.
    case clear(UInt32)
  }

  package struct Test: Hashable, Sendable {
    package var field: Field
    package var condition: Condition
  }

  /// Tests that must all hold.
  package typealias Rule = [Test]

  package var guards: Rule = []
  package var rules: [Rule]
}

/// A datagram as the kernel's filter sees it.
package struct Datagram: Hashable, Sendable {
  package var bytes: [UInt8]
  package var sourcePort: UInt16
  /// 4 or 16 bytes.
  package var source: [UInt8]

  package init(_ bytes: [UInt8], from source: [UInt8] = [127, 0, 0, 1], port: UInt16 = 0) {
    self.bytes = bytes
    self.source = source
    sourcePort = port
  }
}

extension PacketFilter {
  /// The same answer as the kernel's, by plain reading. Looking past the end of a datagram drops it whatever other rules
  /// say, as it does in the kernel.
  package func admits(_ datagram: Datagram) -> Bool {
    for test in guards where !(test.holds(for: datagram) ?? false) { return false }
    for rule in rules {
      var holds = true
      for test in rule {
        guard let result = test.holds(for: datagram) else { return false }
        holds = result
        if !holds { break }
      }
      if holds { return true }
    }
    return false
  }
}

extension PacketFilter.Test {
  /// Nil: the datagram has no such field.
  fileprivate func holds(for datagram: Datagram) -> Bool? {
    guard let value = field.value(in: datagram) else { return nil }
    return switch condition {
    case .oneOf(let values): values.contains(value)
    case .within(let range): range.contains(value)
    case .clear(let bits): value & bits == 0
    }
  }
}

extension PacketFilter.Field {
  fileprivate func value(in datagram: Datagram) -> UInt32? {
    switch self {
    case .length: UInt32(datagram.bytes.count)
    case .word(let offset): Self.word(datagram.bytes, offset)
    case .lastWord: Self.word(datagram.bytes, datagram.bytes.count - 4)
    case .sourcePort: UInt32(datagram.sourcePort)
    case .ipVersion: datagram.source.count == 4 ? 4 : 6
    case .ipWord(let offset):
      // The address follows 12 bytes of an IPv4 header, 8 of an IPv6 header.
      Self.word(datagram.source, offset - (datagram.source.count == 4 ? 12 : 8))
    }
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32? {
    guard offset >= 0, offset + 4 <= bytes.count else { return nil }
    return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }
}

// MARK: - The rules

extension PacketFilter {
  /// The packet sizes and windows that a peer may ask for.
  package static let segments: ClosedRange<Int> = 576...9000
  package static let windows: ClosedRange<Int> = 32...262_144

  /// For a socket that listens. `maximumSegment`: what it offers itself, in bytes of an IP packet.
  package static func listening(maximumSegment: Int) -> PacketFilter {
    // 1 asks for a cookie, -1 comes back with it. Both go to nobody in particular.
    let handshake: Rule =
      handshake(segments: segments, types: [1, -1]) + [Test(field: .word(12), condition: .oneOf([0]))]
    return PacketFilter(rules: established(maximumSegment) + [handshake])
  }

  /// For a socket that connects to `source`, 4 or 16 bytes (empty: not known), and `port`, and hears nobody else.
  package static func connecting(maximumSegment: Int, source: [UInt8], port: UInt16) -> PacketFilter {
    // The server's packet size is taken as it is: never more than was offered.
    let answered = segments.lowerBound...max(segments.lowerBound, maximumSegment)
    let handshake: Rule =
      handshake(segments: answered, types: [1, -1, 1002])
      + [Test(field: .word(12), condition: .within(1...UInt32.max))]
    var filter = PacketFilter(rules: established(maximumSegment) + [handshake])
    filter.guards = guards(source: source, port: port)
    return filter
  }

  private static func guards(source: [UInt8], port: UInt16) -> Rule {
    var guards = [Test(field: .sourcePort, condition: .oneOf([UInt32(port)]))]
    guard source.count == 4 || source.count == 16 else { return guards }
    guards.append(Test(field: .ipVersion, condition: .oneOf([source.count == 4 ? 4 : 6])))
    let first = source.count == 4 ? 12 : 8
    for offset in stride(from: 0, to: source.count, by: 4) {
      let word = source[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      guards.append(Test(field: .ipWord(first + offset), condition: .oneOf([word])))
    }
    return guards
  }

  /// A handshake packet's own fields: 16 bytes of header and 12 words.
  private static func handshake(segments: ClosedRange<Int>, types: [Int32]) -> Rule {
    [
      Test(field: .length, condition: .oneOf([64])),
      Test(field: .word(0), condition: .oneOf([control(0)])),
      Test(field: .word(16), condition: .oneOf([4])),  // UDT's version
      Test(field: .word(20), condition: .oneOf([1])),  // a stream
      Test(field: .word(24), condition: .clear(0x8000_0000)),  // the first sequence number
      Test(
        field: .word(28), condition: .within(UInt32(segments.lowerBound)...UInt32(segments.upperBound))),
      Test(field: .word(32), condition: .within(UInt32(windows.lowerBound)...UInt32(windows.upperBound))),
      Test(field: .word(36), condition: .oneOf(types.map { UInt32(bitPattern: $0) })),
    ]
  }

  /// What goes to a connection: never to socket 0, which is the listener.
  private static func established(_ maximumSegment: Int) -> [Rule] {
    let toConnection = Test(field: .word(12), condition: .within(1...UInt32.max))
    let most = UInt32(max(maximumSegment, segments.lowerBound) - 28)
    func control(_ type: UInt32, _ lengths: Condition, _ more: [Test] = []) -> Rule {
      [
        Test(field: .length, condition: lengths),
        Test(field: .word(0), condition: .oneOf([Self.control(type)])), toConnection,
      ] + more
    }
    let aligned = Test(field: .length, condition: .clear(3))
    let custom = UInt32(0xFFFF_0000) | UInt32(PeerMessage.subtype)
    return [
      // Data, with at least one byte. The most frequent first.
      [
        Test(field: .length, condition: .within(17...most)),
        Test(field: .word(0), condition: .clear(0x8000_0000)), toConnection,
      ],
      // An acknowledgement: light (4 bytes), short (16), with rates (24).
      control(2, .oneOf([20, 32, 40])),
      control(6, .oneOf([16, 20])),  // acknowledges an acknowledgement
      // A loss report. Were its last number the start of a range, libudt would read the end from behind the packet.
      control(3, .within(20...most), [aligned, Test(field: .lastWord, condition: .clear(0x8000_0000))]),
      control(1, .oneOf([16, 20])),  // keep-alive
      control(5, .oneOf([16, 20])),  // shutdown
      control(4, .oneOf([16, 20])),  // delay warning
      // Our own messages.
      [
        Test(field: .length, condition: .within(32...512)),
        Test(field: .word(0), condition: .oneOf([custom])), toConnection, aligned,
        Test(field: .word(16), condition: .oneOf([PeerMessage.magic])),
      ],
    ]
  }

  private static func control(_ type: UInt32) -> UInt32 { 0x8000_0000 | type << 16 }
}
