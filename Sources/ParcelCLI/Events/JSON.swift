/// Writes one JSON object on one line (RFC 8259). Members appear in the order they are added.
struct JSONObject {
  private(set) var text = "{"

  mutating func add(_ name: String, _ value: String) {
    begin(name)
    text += Self.quoted(value)
  }
  mutating func add(_ name: String, _ value: Int) {
    begin(name)
    text += String(value)
  }
  mutating func add(_ name: String, _ value: Bool) {
    begin(name)
    text += value ? "true" : "false"
  }

  /// With at most `places` decimal places; what JSON cannot say (infinity, not a number) becomes null.
  mutating func add(_ name: String, _ value: Double, places: Int = 3) {
    begin(name)
    text += Self.number(value, places)
  }

  mutating func add(_ name: String, _ value: JSONObject) {
    begin(name)
    text += value.closed
  }

  mutating func add(_ name: String, _ values: [JSONObject]) {
    begin(name)
    text += "[" + values.map(\.closed).joined(separator: ",") + "]"
  }

  mutating func add(_ name: String, _ values: [String]) {
    begin(name)
    text += "[" + values.map(Self.quoted).joined(separator: ",") + "]"
  }

  // Unknown values are written as null, so that every record of a type has the same members.
  mutating func add(_ name: String, _ value: String?) { value.map { add(name, $0) } ?? addNull(name) }
  mutating func add(_ name: String, _ value: Int?) { value.map { add(name, $0) } ?? addNull(name) }
  mutating func add(_ name: String, _ value: Double?) { value.map { add(name, $0) } ?? addNull(name) }
  mutating func add(_ name: String, _ value: JSONObject?) { value.map { add(name, $0) } ?? addNull(name) }

  mutating func addNull(_ name: String) {
    begin(name)
    text += "null"
  }

  /// The whole object.
  var closed: String { text + "}" }

  private mutating func begin(_ name: String) {
    if text.utf8.count > 1 { text += "," }
    text += Self.quoted(name) + ":"
  }

  /// A string with its quotes. Control characters, quotes, backslashes and the two line separators that break JavaScript are
  /// escaped; the rest stays UTF-8.
  static func quoted(_ value: String) -> String {
    var out = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _
      where scalar.value < 32 || scalar.value == 127 || scalar.value == 0x2028 || scalar.value == 0x2029:
        let hex = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - hex.utf8.count) + hex
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  private static func number(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e12 else {
      return value.isFinite && value.magnitude < 9e18 ? String(Int(value)) : "null"
    }
    var text = (value < 0 ? "-" : "") + PlainNumbers.fixed(value.magnitude, places)
    guard places > 0 else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text == "-0" ? "0" : text
  }
}
