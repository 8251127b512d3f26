/// What a refused answer's body says, for people and in codes.
struct ServerWords {
  /// An object store's code: "AccessDenied".
  var code: String?
  /// A sentence to show, as the server wrote it.
  var sentence: String?
  /// Everything worth searching, in lower case.
  var all = ""

  init(_ body: [UInt8], type: String) {
    var text = String(decoding: body.prefix(4096), as: UTF8.self)
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    let first = text.utf8.first { $0 > 32 }
    if first == UInt8(ascii: "<") {
      readXML(text)
      return
    }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { readJSON(text) }
    let plain = ["text/plain", "application/octet-stream"]
    let isPlain = type.isEmpty || plain.contains { ASCII.hasPrefixIgnoringCase(type, $0) }
    if sentence == nil, isPlain {
      sentence = String(text.prefix { !$0.isNewline })
      all = ASCII.lowercased(text)
    }
  }

  private mutating func readJSON(_ text: String) {
    let names = [
      "message", "error_description", "msg", "detail", "error", "errors", "reason", "title", "warning",
    ]
    let found = names.compactMap { JSONText.string($0, in: text) }.filter { !$0.isEmpty }
    sentence = found.first
    code = JSONText.string("code", in: text) ?? JSONText.string("Code", in: text)
    all = ASCII.lowercased(found.joined(separator: "\n"))
  }

  /// Object stores' `<Error><Code>…</Code><Message>…</Message>`; pages for browsers have neither.
  private mutating func readXML(_ text: String) {
    guard let code = Self.element("Code", in: text) else { return }
    self.code = code
    let message = Self.element("Message", in: text)
    let detail = Self.element("AuthenticationErrorDetail", in: text) ?? Self.element("Details", in: text)
    sentence = message.map { String($0.prefix { !$0.isNewline }) }
    all = ASCII.lowercased([message, detail].compactMap { $0 }.joined(separator: "\n"))
  }

  private static func element(_ name: String, in text: String) -> String? {
    guard let start = JSONText.end(of: "<\(name)>", in: text[...]) else { return nil }
    let rest = text[start...]
    let value = rest.prefix { $0 != "<" }
    return value.isEmpty || value.endIndex == rest.endIndex ? nil : String(value)
  }
}

/// Strings in JSON text that nobody promised to be complete: the first 4 KiB of a body may end anywhere.
enum JSONText {
  /// The string that the first member `name` has, wherever it stands; `\n`, `\"` and the like are resolved.
  static func string(_ name: String, in text: String) -> String? {
    var rest = text[...]
    while let end = end(of: "\"\(name)\"", in: rest) {
      rest = text[end...]
      var value = rest.drop { $0 == " " || $0 == "\t" || $0.isNewline }
      guard value.first == ":" else { continue }
      value = value.dropFirst().drop { $0 == " " || $0 == "\t" || $0.isNewline || $0 == "[" }
      guard value.first == "\"" else { continue }
      return unquoted(value.dropFirst())
    }
    return nil
  }

  private static func unquoted(_ text: Substring) -> String? {
    var out = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        out.append(character == "n" || character == "t" || character == "r" ? " " : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        return out
      } else {
        out.append(character)
      }
    }
    return nil
  }

  /// The index behind the first `pattern`.
  static func end(of pattern: String, in text: Substring) -> Substring.Index? {
    let bytes = text.utf8
    let wanted = Array(pattern.utf8)
    var i = bytes.startIndex
    while i < bytes.endIndex {
      if bytes[i] == wanted[0], bytes[i...].starts(with: wanted) {
        return bytes.index(i, offsetBy: wanted.count)
      }
      i = bytes.index(after: i)
    }
    return nil
  }
}
