/// One thing that a `FaultServer` does wrong, where, and how often. As text: `KIND[@BYTE][#REQUEST][xCOUNT][=ARGUMENT]`,
/// for example `cut@1048576`, `stall@5xall`, `busy#2x3=503:1`. BYTE counts the object's bytes, REQUEST the server's
/// requests from 1 on; COUNT is 1 unless said, `all` for every time.
///
/// With BYTE, a fault of the body happens just before that byte would be sent, one of the head in answers that hold the
/// byte.
package struct Fault: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: String, CaseIterable, Sendable {
    // The body.
    /// The connection is closed.
    case cut
    /// The connection is reset (RST).
    case reset
    /// Nothing more comes; ARGUMENT: for that many milliseconds, else until the client leaves.
    case stall
    /// From there on ARGUMENT bytes a second (100,000).
    case slow
    /// That byte is another one.
    case garble

    // The head.
    /// Closed without an answer.
    case close
    /// Reset without an answer.
    case drop
    /// The head comes a byte at a time, ARGUMENT milliseconds apart (5).
    case slowhead
    /// No head comes; ARGUMENT as for `stall`.
    case stallhead
    /// Something that is not HTTP.
    case garbage
    /// A head that does not end.
    case endless
    /// Half a head, then closed.
    case halfhead
    /// ARGUMENT `STATUS:SECONDS` (503:1): Retry-After in seconds.
    case busy
    /// The same with Retry-After as a date.
    case busydate
    /// ARGUMENT: the status, with a short text.
    case status
    /// A web page with status 200. ARGUMENT `chunked`: without length.
    case html
    /// The body as if a proxy had coded it: ARGUMENT is the coding (gzip).
    case coding
    /// 200 with everything where a part was asked for.
    case whole
    /// 206 with another part, ARGUMENT bytes later (4096), and its true Content-Range.
    case shift
    /// 206 that is right by its head, with the bytes of another place, ARGUMENT bytes later (4096).
    case lie
    /// Only the first ARGUMENT bytes (4096) of the part, with a true head.
    case part
    /// The head announces ARGUMENT bytes more than the part has (100), and they come.
    case longer
    /// The head announces ARGUMENT bytes less than the part has (100).
    case shorter
    /// ARGUMENT more bytes (100) than the head announces.
    case extra
    /// Content-Range says that the object is ARGUMENT bytes larger (1).
    case size
    /// 206 without Content-Range.
    case norange
    /// 206 in a multipart body.
    case multipart
    /// 206 though nothing was asked for but the whole, and 206 in any case.
    case partial
    /// 302 to ARGUMENT (the same path).
    case redirect

    // The object, from then on.
    /// Other bytes and another ETag. ARGUMENT: the new size, when it is another.
    case version
    /// Another ETag for the same bytes.
    case retag
    /// Validators: ARGUMENT `strong`, `weak`, `date`, `none`.
    case validator

    var isOfBody: Bool {
      switch self {
      case .cut, .reset, .stall, .slow, .garble: true
      default: false
      }
    }
  }

  package var kind: Kind
  package var byte: Int?
  package var request: Int?
  package var count: Int
  package var argument: String?

  package init(
    _ kind: Kind, byte: Int? = nil, request: Int? = nil, count: Int = 1, argument: String? = nil
  ) {
    self.kind = kind
    self.byte = byte
    self.request = request
    self.count = count
    self.argument = argument
  }

  /// Nil when `text` is not a fault.
  package init?(_ text: some StringProtocol) {
    var rest = Substring(text)
    var argument: String?
    if let equals = rest.firstIndex(of: "=") {
      argument = String(rest[rest.index(after: equals)...])
      rest = rest[..<equals]
    }
    let kinds = Kind.allCases.filter { rest.hasPrefix($0.rawValue) }
    guard let kind = kinds.max(by: { $0.rawValue.count < $1.rawValue.count }) else { return nil }
    self.init(kind, argument: argument)
    rest = rest.dropFirst(kind.rawValue.count)
    while let mark = rest.popFirst() {
      let word = rest.prefix { $0 != "@" && $0 != "#" && $0 != "x" }
      rest = rest.dropFirst(word.count)
      if mark == "x", word == "all" {
        count = .max
        continue
      }
      guard let number = Int(word), number >= 0 else { return nil }
      switch mark {
      case "@": byte = number
      case "#": request = number
      case "x": count = number
      default: return nil
      }
    }
  }

  package var description: String {
    var text = kind.rawValue
    if let byte { text += "@\(byte)" }
    if let request { text += "#\(request)" }
    if count != 1 { text += count == .max ? "xall" : "x\(count)" }
    if let argument { text += "=\(argument)" }
    return text
  }

  /// The argument as a number.
  func number(_ usual: Int) -> Int { argument.flatMap { Int($0) } ?? usual }
}
