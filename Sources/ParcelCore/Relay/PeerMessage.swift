/// What two of our own ends tell each other beside the bytes, in a packet that UDT leaves to its users (type 0x7FFF). Other
/// ends ignore it. It may be lost, come twice or out of order.
///
/// Four words: "PRCL", then version, flags and kind, then `count` in two words. Later versions may add words and kinds.
package struct PeerMessage: Hashable, Sendable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    /// I am one of us. Repeated until it is answered; later it asks how much was written.
    case hello = 1
    /// So am I, and my application has written `count` bytes so far.
    case helloAnswer = 2
    /// I have written `count` bytes in all and no more come. Repeated until `read` says that they were all read.
    case end = 3
    /// My application has read `count` bytes. Answers each `end`.
    case read = 4
    /// Something went wrong here: take nothing for complete. Repeated until it is answered.
    case reset = 5
    case resetAnswer = 6
    /// `count` is the number of the newest data packet that came. Every few milliseconds while older ones are missing, since UDT's
    /// acknowledgement then says nothing of it; lost ones are not repeated.
    case arrived = 7
  }

  package var kind: Kind
  package var count: UInt64 = 0
  /// With `read`: no more will be read.
  package var isFinal = false

  package init(_ kind: Kind, count: UInt64 = 0, isFinal: Bool = false) {
    self.kind = kind
    self.count = count
    self.isFinal = isFinal
  }

  /// In the packet's first word.
  package static let subtype: UInt16 = 0x5043
  package static let magic: UInt32 = 0x5052_434C
  static let version: UInt32 = 1

  package var words: [UInt32] {
    [
      Self.magic, Self.version << 16 | (isFinal ? 0x100 : 0) | UInt32(kind.rawValue),
      UInt32(truncatingIfNeeded: count >> 32), UInt32(truncatingIfNeeded: count),
    ]
  }

  /// Nil for what is none of ours, or of a kind that this version does not know.
  package init?(words: some RandomAccessCollection<UInt32>) {
    let words = Array(words.prefix(4))
    guard words.count == 4, words[0] == Self.magic, words[1] >> 16 >= Self.version,
      let kind = Kind(rawValue: UInt8(truncatingIfNeeded: words[1]))
    else { return nil }
    self.init(kind, count: UInt64(words[2]) << 32 | UInt64(words[3]), isFinal: words[1] & 0x100 != 0)
  }
}
