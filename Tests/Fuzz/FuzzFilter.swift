import ParcelCore
import ParcelTesting

private let home: [UInt8] = [127, 0, 0, 1]
private let home6: [UInt8] = Array(repeating: 0, count: 15) + [1]
private let filters: [(PacketFilter, [BPFInstruction])] = [
  PacketFilter.listening(maximumSegment: 1500),
  PacketFilter.connecting(maximumSegment: 1500, source: home, port: 9000),
  PacketFilter.connecting(maximumSegment: 1480, source: home6, port: 9000),
].map { ($0, BPFProgram.compile($0)) }

/// A datagram: the rules in plain words and the kernel's program answer the same, and what passes cannot hurt libudt.
@Sendable func fuzzFilter(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let choice = input.byte()
  let (filter, program) = filters[Int(choice & 3) % filters.count]
  let source = choice & 4 == 0 ? home : choice & 8 == 0 ? home6 : Array((input.bytes(4) + home).prefix(4))
  var payload = Array(input.rest)
  // What a mutation rarely finds by itself: a packet of a kind, with its length.
  if choice & 16 != 0, payload.count >= 16 {
    payload.replaceSubrange(0..<4, with: [0x80, payload[1] & 7, 0, 0])
    payload.replaceSubrange(12..<16, with: [0, 0, 0, choice & 32 == 0 ? 0 : 77])
    if payload[1] == 0 { payload = Array((payload + Array(repeating: 0, count: 64)).prefix(64)) }
  }
  let datagram = Datagram(payload, from: source, port: choice & 64 == 0 ? 9000 : UInt16(choice))
  let answer = filter.admits(datagram)
  guard let kernel = try? BPFInterpreter.run(program, on: datagram) else {
    return require(false, "an instruction that is not known")
  }
  require(answer == kernel, "\(answer) in words, \(kernel) in the kernel: \(datagram)")
  if answer { harmless(payload) }
}

/// By plain reading of what breaks libudt.
private func harmless(_ bytes: [UInt8]) {
  func word(_ index: Int) -> UInt32 {
    bytes[(index * 4)..<(index * 4 + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }
  require(bytes.count >= 16 && bytes.count <= 9000, "\(bytes.count) bytes")
  guard word(0) & 0x8000_0000 != 0 else {
    return require(bytes.count > 16 && word(3) != 0, "data for the listener")
  }
  switch word(0) >> 16 & 0x7FFF {
  case 0:
    require(
      bytes.count == 64 && (576...9000).contains(word(7)) && (32...262_144).contains(word(8)), "a handshake")
    require(word(4) == 4 && word(6) & 0x8000_0000 == 0, "a handshake's version or number")
  case 3:
    require(bytes.count % 4 == 0 && bytes.count > 16, "a loss report's length")
    require(word(bytes.count / 4 - 1) & 0x8000_0000 == 0, "a loss report that ends in half a range")
  case 7: require(false, "a message drop")
  default: require(word(3) != 0, "control for the listener")
  }
}
