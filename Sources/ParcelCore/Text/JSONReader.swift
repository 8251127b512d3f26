/// Reads one JSON object on one line whose members are strings, numbers, booleans and null (RFC 8259): the records that
/// our programs send each other. Members that hold objects or arrays are refused: nothing of ours sends them.
package struct JSONReader: Sendable {
  package enum Value: Hashable, Sendable {
    case string(String)
    case number(Double)
    case bool(Bool)
    case null
  }

  package private(set) var members: [String: Value] = [:]

  /// Nil for anything but one such object. Of members with the same name the last counts.
  package init?(_ text: String) {
    var input = Input(bytes: Array(text.utf8))
    guard input.take("{") else { return nil }
    if !input.take("}") {
      repeat {
        guard let name = input.string(), input.take(":"), let value = input.value() else { return nil }
        members[name] = value
      } while input.take(",")
      guard input.take("}") else { return nil }
    }
    guard input.isAtEnd else { return nil }
  }

  package func string(_ name: String) -> String? {
    if case .string(let text) = members[name] { text } else { nil }
  }

  package func number(_ name: String) -> Double? {
    if case .number(let value) = members[name] { value } else { nil }
  }

  /// A whole number that an `Int` can hold.
  package func integer(_ name: String) -> Int? { number(name).flatMap { Int(exactly: $0) } }

  package func bool(_ name: String) -> Bool? {
    if case .bool(let value) = members[name] { value } else { nil }
  }

  private struct Input {
    let bytes: [UInt8]
    var at = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func skipBlanks() {
      while at < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[at]) { at += 1 }
    }

    var isAtEnd: Bool {
      mutating get {
        skipBlanks()
        return at == bytes.count
      }
    }

    mutating func take(_ mark: Unicode.Scalar) -> Bool {
      skipBlanks()
      guard at < bytes.count, UInt32(bytes[at]) == mark.value else { return false }
      at += 1
      return true
    }

    private mutating func take(word: String) -> Bool {
      guard bytes[at...].starts(with: word.utf8) else { return false }
      at += word.utf8.count
      return true
    }

    mutating func value() -> Value? {
      skipBlanks()
      guard at < bytes.count else { return nil }
      switch bytes[at] {
      case 0x22: return string().map { .string($0) }
      case 0x74: return take(word: "true") ? .bool(true) : nil
      case 0x66: return take(word: "false") ? .bool(false) : nil
      case 0x6E: return take(word: "null") ? .null : nil
      default: return number().map { .number($0) }
      }
    }

    private mutating func number() -> Double? {
      let start = at
      while at < bytes.count, isNumeral(bytes[at]) { at += 1 }
      let text = String(decoding: bytes[start..<at], as: UTF8.self)
      // Swift reads "inf", "0x1p3" and "+1" too; of their letters only e passes here, and "+1" begins wrongly.
      guard let first = text.utf8.first, first == 0x2D || (0x30...0x39).contains(first) else { return nil }
      return Double(text)
    }

    private func isNumeral(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
    }

    mutating func string() -> String? {
      guard take("\"") else { return nil }
      var out: [UInt8] = []
      while at < bytes.count {
        let byte = bytes[at]
        at += 1
        switch byte {
        case 0x22: return String(validating: out, as: UTF8.self)
        case 0x5C: guard escape(into: &out) else { return nil }
        case 0..<0x20: return nil
        default: out.append(byte)
        }
      }
      return nil
    }

    private mutating func escape(into out: inout [UInt8]) -> Bool {
      guard at < bytes.count else { return false }
      let byte = bytes[at]
      at += 1
      switch byte {
      case 0x22, 0x5C, 0x2F: out.append(byte)
      case 0x62: out.append(0x08)
      case 0x66: out.append(0x0C)
      case 0x6E: out.append(0x0A)
      case 0x72: out.append(0x0D)
      case 0x74: out.append(0x09)
      case 0x75: return unicode(into: &out)
      default: return false
      }
      return true
    }

    /// Four hex digits; of a surrogate pair both halves.
    private mutating func unicode(into out: inout [UInt8]) -> Bool {
      guard var code = hex() else { return false }
      if (0xD800..<0xDC00).contains(code) {
        guard take(word: "\\u"), let low = hex(), (0xDC00..<0xE000).contains(low) else { return false }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { return false }
      out += Array(String(Character(scalar)).utf8)
      return true
    }

    private mutating func hex() -> UInt32? {
      guard at + 4 <= bytes.count else { return nil }
      let text = bytes[at..<at + 4]
      guard text.allSatisfy({ ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 102) }) else {
        return nil
      }
      at += 4
      return UInt32(String(decoding: text, as: UTF8.self), radix: 16)
    }
  }
}
