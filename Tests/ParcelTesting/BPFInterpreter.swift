import ParcelCore

/// The kernel's side of a packet filter: runs a program over a packet as it lies in memory, an IP header, a UDP header and
/// the datagram.
package enum BPFInterpreter {
  package struct UnknownInstruction: Error {
    package var code: UInt16
  }

  /// Whether the program admits the datagram. A load from behind its end drops it, as in the kernel.
  package static func run(_ program: [BPFInstruction], on datagram: Datagram) throws -> Bool {
    let isIPv4 = datagram.source.count == 4
    let ip =
      isIPv4
      ? [0x45] + Array(repeating: 0, count: 11) + datagram.source + [127, 0, 0, 1]
      : [0x60] + Array(repeating: 0, count: 7) + datagram.source + Array(repeating: 0, count: 16)
    let port = [UInt8(datagram.sourcePort >> 8), UInt8(datagram.sourcePort & 255)]
    let packet = port + [0, 0, 0, 0, 0, 0] + datagram.bytes
    var a: UInt32 = 0
    var x: UInt32 = 0
    func load(_ offset: UInt32, _ count: Int) -> UInt32? {
      let signed = Int(Int32(bitPattern: offset))
      let (bytes, from) = signed < 0 ? (ip, signed + 0x100000) : (packet, signed)
      guard from >= 0, from + count <= bytes.count else { return nil }
      return bytes[from..<from + count].reduce(0) { $0 << 8 | UInt32($1) }
    }
    var at = 0
    while at < program.count {
      let step = program[at]
      at += 1
      func jump(_ isTrue: Bool) { at += Int(isTrue ? step.jumpTrue : step.jumpFalse) }
      func take(_ value: UInt32?) -> Bool {
        a = value ?? 0
        return value != nil
      }
      switch step.code {
      case BPFProgram.loadWord: if !take(load(step.value, 4)) { return false }
      case BPFProgram.loadHalf: if !take(load(step.value, 2)) { return false }
      case BPFProgram.loadByte: if !take(load(step.value, 1)) { return false }
      case BPFProgram.loadWordAtX: if !take(load(x &+ step.value, 4)) { return false }
      case BPFProgram.loadLength: a = UInt32(packet.count)
      case BPFProgram.subtract: a = a &- step.value
      case BPFProgram.shiftRight: a >>= step.value
      case BPFProgram.toX: x = a
      case BPFProgram.jumpEqual: jump(a == step.value)
      case BPFProgram.jumpGreater: jump(a > step.value)
      case BPFProgram.jumpNotLess: jump(a >= step.value)
      case BPFProgram.jumpAnyBit: jump(a & step.value != 0)
      case BPFProgram.answer: return step.value != 0
      default: throw UnknownInstruction(code: step.code)
      }
    }
    throw UnknownInstruction(code: 0)
  }
}
