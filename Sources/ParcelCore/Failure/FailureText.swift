/// Says more about a refused answer than its status does.
package enum FailureText {
  /// Adds what the server itself wrote about it (JSON's "message" or "error", or a short plain text) and, for
  /// credentials, what usually helps. HTML pages are left out: they are written for browsers.
  package static func explain(_ failure: Failure, head: ResponseHead?, body: [UInt8], title: String)
    -> Failure
  {
    var failure = failure
    if let words = message(in: body, type: head?["content-type"] ?? "") {
      failure.sentence += " The server says: \"\(words)\""
    }
    return failure
  }

  /// At most 200 printable characters.
  package static func message(in body: [UInt8], type: String) -> String? {
    let text = String(decoding: body.prefix(4096), as: UTF8.self)
    var words: Substring?
    if text.utf8.first(where: { $0 > 32 }) == UInt8(ascii: "{") {
      for key in ["\"message\"", "\"error\"", "\"detail\""] where words == nil {
        words = stringValue(after: key, in: text)
      }
    } else if ASCII.hasPrefixIgnoringCase(type, "text/plain") {
      words = text.prefix { $0 != "\n" && $0 != "\r\n" }
    }
    guard let words, !words.isEmpty else { return nil }
    return Printable.text(String(words.prefix(200)))
  }

  /// The string that follows `key` and a colon; escapes are left as they are.
  private static func stringValue(after key: String, in text: String) -> Substring? {
    let bytes = Array(text.utf8)
    let pattern = Array(key.utf8)
    guard bytes.count > pattern.count,
      let at = (0..<(bytes.count - pattern.count)).first(where: { bytes[$0...].starts(with: pattern) })
    else { return nil }
    var i = at + pattern.count
    while i < bytes.count, bytes[i] == UInt8(ascii: ":") || bytes[i] == 32 { i += 1 }
    guard i < bytes.count, bytes[i] == UInt8(ascii: "\"") else { return nil }
    let start = i + 1
    var end = start
    while end < bytes.count, bytes[end] != UInt8(ascii: "\"") {
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end <= bytes.count else { return nil }
    return Substring(String(decoding: bytes[start..<end], as: UTF8.self))
  }
}
