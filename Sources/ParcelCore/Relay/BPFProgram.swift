/// One instruction of the kernel's classic packet filter language.
package struct BPFInstruction: Hashable, Sendable {
  package var code: UInt16
  /// How many instructions a conditional jump skips.
  package var jumpTrue: UInt8
  package var jumpFalse: UInt8
  package var value: UInt32

  package init(_ code: UInt16, _ value: UInt32, jumpTrue: UInt8 = 0, jumpFalse: UInt8 = 0) {
    self.code = code
    self.value = value
    self.jumpTrue = jumpTrue
    self.jumpFalse = jumpFalse
  }
}

/// A `PacketFilter` as the kernel runs it on a UDP socket: the packet starts with the 8 bytes of the UDP header.
package enum BPFProgram {
  /// The codes used here, named as in the kernel's documentation (networking/filter.rst).
  package static let loadWord: UInt16 = 0x20  // ld [k]
  package static let loadHalf: UInt16 = 0x28  // ldh [k]
  package static let loadByte: UInt16 = 0x30  // ldb [k]
  package static let loadWordAtX: UInt16 = 0x40  // ld [x + k]
  package static let loadLength: UInt16 = 0x80  // ld len
  package static let and: UInt16 = 0x54  // and #k
  package static let subtract: UInt16 = 0x14  // sub #k
  package static let shiftRight: UInt16 = 0x74  // rsh #k
  package static let toX: UInt16 = 0x07  // tax
  package static let jumpEqual: UInt16 = 0x15  // jeq #k
  package static let jumpGreater: UInt16 = 0x25  // jgt #k
  package static let jumpNotLess: UInt16 = 0x35  // jge #k
  package static let jumpAnyBit: UInt16 = 0x45  // jset #k
  package static let answer: UInt16 = 0x06  // ret #k
  /// Added to an offset in the IP header (SKF_NET_OFF).
  package static let ipHeader = UInt32(bitPattern: -0x100000)
  package static let udpHeader: UInt32 = 8

  private static let accept = BPFInstruction(answer, UInt32.max)
  private static let drop = BPFInstruction(answer, 0)

  package static func compile(_ filter: PacketFilter) -> [BPFInstruction] {
    // The return skips to what follows when the guard holds.
    let guards = filter.guards.flatMap { test in
      load(test.field) + jumps(test.condition, failing: 1) + [drop]
    }
    return guards + filter.rules.flatMap(compile) + [drop]
  }

  /// Accepts or falls through to what follows.
  private static func compile(_ rule: PacketFilter.Rule) -> [BPFInstruction] {
    // From the end, so that each failing test knows how far the end is.
    var done = [accept]
    for test in rule.reversed() {
      done = load(test.field) + jumps(test.condition, over: done.count) + done
    }
    return done
  }

  private static func load(_ field: PacketFilter.Field) -> [BPFInstruction] {
    switch field {
    case .length: [BPFInstruction(loadLength, 0), BPFInstruction(subtract, udpHeader)]
    case .word(let offset): [BPFInstruction(loadWord, udpHeader + UInt32(offset))]
    case .lastWord:
      [
        BPFInstruction(loadLength, 0), BPFInstruction(toX, 0),
        BPFInstruction(loadWordAtX, UInt32(bitPattern: -4)),
      ]
    case .sourcePort: [BPFInstruction(loadHalf, 0)]
    case .ipVersion: [BPFInstruction(loadByte, ipHeader), BPFInstruction(shiftRight, 4)]
    case .ipWord(let offset): [BPFInstruction(loadWord, ipHeader &+ UInt32(offset))]
    }
  }

  /// Goes on behind these when the condition holds, else skips `count` more.
  private static func jumps(_ condition: PacketFilter.Condition, over count: Int) -> [BPFInstruction] {
    switch condition {
    case .oneOf(let values):
      values.enumerated().map { index, value in
        let left = values.count - 1 - index
        return BPFInstruction(
          jumpEqual, value, jumpTrue: UInt8(left), jumpFalse: left == 0 ? UInt8(count) : 0)
      }
    case .within(let range):
      [
        BPFInstruction(jumpNotLess, range.lowerBound, jumpFalse: UInt8(count + 1)),
        BPFInstruction(jumpGreater, range.upperBound, jumpTrue: UInt8(count)),
      ]
    case .clear(let bits): [BPFInstruction(jumpAnyBit, bits, jumpTrue: UInt8(count))]
    }
  }

  /// Skips `count` when the condition holds, else goes on behind these.
  private static func jumps(_ condition: PacketFilter.Condition, failing count: Int) -> [BPFInstruction] {
    switch condition {
    case .oneOf(let values):
      values.enumerated().map { index, value in
        BPFInstruction(jumpEqual, value, jumpTrue: UInt8(values.count - 1 - index + count))
      }
    case .within(let range):
      [
        BPFInstruction(jumpNotLess, range.lowerBound, jumpFalse: 1),
        BPFInstruction(jumpGreater, range.upperBound, jumpFalse: UInt8(count)),
      ]
    case .clear(let bits): [BPFInstruction(jumpAnyBit, bits, jumpFalse: UInt8(count))]
    }
  }
}
