import ParcelCore

/// Puts the lines libcurl hands out together to the final answer's head.
struct HeadParser {
  /// The final head; set once.
  private(set) var head: ResponseHead?
  private var open: ResponseHead?

  /// Returns the final head when this line was its end. 1xx answers and trailers are passed over.
  mutating func take(_ raw: UnsafeRawBufferPointer) -> ResponseHead? {
    guard head == nil else { return nil }
    var bytes = raw[...]
    while let last = bytes.last, last == 10 || last == 13 { bytes.removeLast() }
    // Old servers write names in Latin-1.
    let line =
      String(validating: bytes, as: UTF8.self)
      ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    if line.isEmpty { return finish() }
    if line.hasPrefix("HTTP/") {
      open = ResponseHead(status: Self.status(of: line))
    } else {
      add(line)
    }
    return nil
  }

  private mutating func finish() -> ResponseHead? {
    defer { open = nil }
    guard let complete = open, complete.status >= 200 else { return nil }
    head = complete
    return complete
  }

  private mutating func add(_ line: String) {
    guard var current = open else { return }
    if line.hasPrefix(" ") || line.hasPrefix("\t") {
      // A folded line continues the field before it (RFC 9112, section 5.2).
      guard let last = current.headers.indices.last else { return }
      current.headers[last].value += " " + ASCII.trimmed(line)
    } else if let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) {
      let value = ASCII.trimmed(line[line.utf8.index(after: colon)...])
      current.headers.append(HTTPHeader(String(line[..<colon]), value))
    }
    open = current
  }

  /// `HTTP/1.1 206 Partial Content`: 206; 0 when there is no number.
  private static func status(of line: String) -> Int {
    let words = line.split(separator: " ", omittingEmptySubsequences: true)
    return words.count > 1 ? Int(words[1]) ?? 0 : 0
  }
}
