/// Cuts what comes from a child program into lines, with bounded memory: a line that is too long is dropped whole.
package struct SupervisorLines: Sendable {
  /// Bytes of the longest line that is kept, without its line break.
  package static let longest = 64 << 10

  private var rest: [UInt8] = []
  /// The line that comes in is too long already: everything up to its end is dropped.
  private var isDropping = false

  package init() {}

  /// The lines that `bytes` completes, without line breaks. What is not UTF-8 is repaired.
  package mutating func take(_ bytes: some Collection<UInt8>) -> [String] {
    var lines: [String] = []
    for byte in bytes {
      if byte == 0x0A {
        if !isDropping { lines.append(String(decoding: rest, as: UTF8.self)) }
        rest.removeAll(keepingCapacity: rest.count < 4096)
        isDropping = false
      } else if !isDropping {
        rest.append(byte)
        if rest.count > Self.longest {
          rest = []
          isDropping = true
        }
      }
    }
    return lines
  }
}
