/// Writes one JSON object on one line (RFC 8259). Members appear in the order they are added.
package struct JSONObject: Sendable {
  package private(set) var text = "{"

  package mutating func add(_ name: String, _ value: String) {
    begin(name)
    text += Self.quoted(value)
  }
  package mutating func add(_ name: String, _ value: Int) {
    begin(name)
    text += String(value)
  }
  package mutating func add(_ name: String, _ value: Bool) {
    begin(name)
    text += value ? "true" : "false"
  }

  /// With at most `places` decimal places; what JSON cannot say (infinity, not a number) becomes null.
  package mutating func add(_ name: String, _ value: Double, places: Int = 3) {
    begin(name)
    text += Self.number(value, places)
  }

  package mutating func add(_ name: String, _ value: JSONObject) {
    begin(name)
    text += value.closed
  }

  package mutating func add(_ name: String, _ values: [JSONObject]) {
    begin(name)
    text += "[" + values.map(\.closed).joined(separator: ",") + "]"
  }

  package mutating func add(_ name: String, _ values: [String]) {
    begin(name)
    text += "[" + values.map(Self.quoted).joined(separator: ",") + "]"
  }

  // Unknown values are written as null, so that every record of a type has the same members.
  package mutating func add(_ name: String, _ value: String?) { value.map { add(name, $0) } ?? addNull(name) }
  package mutating func add(_ name: String, _ value: Int?) { value.map { add(name, $0) } ?? addNull(name) }
  package mutating func add(_ name: String, _ value: Double?) { value.map { add(name, $0) } ?? addNull(name) }
  package mutating func add(_ name: String, _ value: JSONObject?) {
    value.map { add(name, $0) } ?? addNull(name)
  }

  package mutating func addNull(_ name: String) {
    begin(name)
    text += "null"
  }

  package init() {}

  /// The whole object.
  package var closed: String { text + "}" }

  private mutating func begin(_ name: String) {
    if text.utf8.count > 1 { text += "," }
    text += Self.quoted(name) + ":"
  }

  /// A string with its quotes. Quotes, backslashes, control characters and everything else that is hidden are escaped; the
  /// rest stays UTF-8.
  package static func quoted(_ value: String) -> String {
    var out = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case _ where Printable.isHidden(scalar):
        for unit in String(scalar).utf16 {
          out += "\\u" + Hex.encode([UInt8(unit >> 8), UInt8(unit & 0xFF)])
        }
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }

  private static func number(_ value: Double, _ places: Int) -> String {
    guard value.isFinite, value.magnitude < 1e12 else {
      return value.isFinite && value.magnitude < 9e18 ? String(Int(value)) : "null"
    }
    var text = (value < 0 ? "-" : "") + Decimal.fixed(value.magnitude, places)
    guard places > 0 else { return text }
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text == "-0" ? "0" : text
  }
}
