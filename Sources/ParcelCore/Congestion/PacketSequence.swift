/// The number of a UDT data packet as it is on the wire: 31 bits, the one after 2^31 - 1 is 0.
package struct PacketSequence: Hashable, Sendable {
  /// 0 ... 2^31 - 1.
  package var value: Int32

  /// Bits beyond the 31 are dropped: on the wire the highest one is a flag.
  package init(_ value: Int32) { self.value = value & Int32.max }

  /// The sequence whose number counted without wrapping is `position`, which is not negative.
  package init(position: Int) { value = Int32(truncatingIfNeeded: position & 0x7FFF_FFFF) }

  package var next: PacketSequence { PacketSequence(value &+ 1) }
}

/// Packets `first` to `last`, both included, as a loss report names them. May cross the wrap.
package struct SequenceRange: Hashable, Sendable {
  package var first: PacketSequence
  package var last: PacketSequence

  package init(_ first: PacketSequence, _ last: PacketSequence) {
    self.first = first
    self.last = last
  }
  package init(_ single: PacketSequence) { self.init(single, single) }
}

/// Counts sequences without wrapping: a position is a sequence plus as many 2^31 as went by since the first packet.
///
/// Everything behind the protocol's edge works with positions (`Int`), which compare and subtract like numbers.
package struct SequenceUnwrapper: Sendable {
  /// A recent position. Sequences within 2^30 of it, before or after, are told apart.
  package private(set) var reference: Int

  package init(first: PacketSequence) { reference = Int(first.value) }

  /// The position nearest to the reference that has this sequence. Never changes the reference.
  package func position(_ sequence: PacketSequence) -> Int {
    let offset = Int(sequence.value) - (reference & 0x7FFF_FFFF)
    if offset > 0x4000_0000 { return reference + offset - 0x8000_0000 }
    if offset < -0x4000_0000 { return reference + offset + 0x8000_0000 }
    return reference + offset
  }

  /// Moves the reference forward to `position`; a lower one is ignored.
  package mutating func advance(to position: Int) { reference = max(reference, position) }
}
