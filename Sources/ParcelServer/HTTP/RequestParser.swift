import ParcelCore

/// A request's first line and headers.
struct RequestHead: Sendable {
  var method: String
  /// As sent: `/path?query`.
  var target: String
  /// 0 or 1: HTTP/1.0 or HTTP/1.1.
  var minorVersion: Int
  var headers: [HTTPHeader]

  /// The first field of that name; `name` in lower case.
  subscript(_ name: String) -> String? {
    headers.first { ASCII.equalsIgnoringCase($0.name, name) }?.value
  }

  func all(_ name: String) -> [String] {
    headers.filter { ASCII.equalsIgnoringCase($0.name, name) }.map(\.value)
  }

  /// Whether the connection is to be used again (RFC 9112, section 9.3).
  var keepsAlive: Bool {
    let options = all("connection").flatMap {
      $0.split(separator: ",").map { ASCII.lowercased(ASCII.trimmed($0)) }
    }
    if options.contains("close") { return false }
    return minorVersion == 1 || options.contains("keep-alive")
  }
}

/// Reads request heads from bytes (RFC 9112, sections 2 to 5). Strict: what two readers could take differently is refused.
enum RequestParser {
  /// Largest head in bytes, first line included.
  static let headLimit = 32 << 10
  static let targetLimit = 8 << 10
  static let headerCountLimit = 100

  enum Result: Sendable {
    /// The head is not complete.
    case more
    /// `length` bytes of the input were the head; what follows belongs to the body or the next request.
    case head(RequestHead, length: Int)
    /// Answer with this status and close.
    case refuse(Int)
  }

  static func parse(_ input: UnsafeBufferPointer<UInt8>) -> Result {
    var start = 0
    while start < input.count, start < 8, input[start] == 13 || input[start] == 10 { start += 1 }
    guard let end = endOfHead(input, from: start) else {
      if let line = input[start...].firstIndex(of: 10) {
        if case .failure(let refusal) = firstLine(trimEnd(input[start..<line])) {
          return .refuse(refusal.status)
        }
      } else if input.count - start > targetLimit + 64 {
        return .refuse(414)
      }
      return input.count > headLimit ? .refuse(431) : .more
    }
    guard end <= headLimit else { return .refuse(431) }
    var lines = input[start..<end].split(separator: 10, omittingEmptySubsequences: false)[...]
    guard let first = lines.popFirst() else { return .refuse(400) }
    var head: RequestHead
    switch firstLine(trimEnd(first)) {
    case .success(let value): head = value
    case .failure(let refusal): return .refuse(refusal.status)
    }
    for line in lines {
      let line = trimEnd(line)
      if line.isEmpty { continue }  // only the last two are: `endOfHead` stops at the first empty line
      guard let header = header(line) else { return .refuse(400) }
      guard head.headers.count < headerCountLimit else { return .refuse(431) }
      head.headers.append(header)
    }
    let hosts = head.all("host")
    guard hosts.count <= 1, head.minorVersion == 0 || hosts.count == 1 else { return .refuse(400) }
    return .head(head, length: end)
  }

  struct Refusal: Error { var status: Int }
  typealias Slice = Swift.Slice<UnsafeBufferPointer<UInt8>>

  /// Index after the empty line, nil when there is none yet.
  private static func endOfHead(_ input: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var i = start
    while i < input.count {
      if input[i] == 10 {
        if i + 1 < input.count, input[i + 1] == 10 { return i + 2 }
        if i + 2 < input.count, input[i + 1] == 13, input[i + 2] == 10 { return i + 3 }
      }
      i += 1
    }
    return nil
  }

  /// Without the CR before the line end.
  private static func trimEnd(_ line: Slice) -> Slice { line.last == 13 ? line.dropLast() : line }

  /// `METHOD SP target SP HTTP/1.x`.
  private static func firstLine(_ line: Slice) -> Swift.Result<RequestHead, Refusal> {
    let parts = line.split(separator: 32, omittingEmptySubsequences: false)
    guard parts.count == 3, !parts[0].isEmpty, parts[0].count <= 32, parts[0].allSatisfy(isToken) else {
      return .failure(Refusal(status: 400))
    }
    guard parts[1].count <= targetLimit else { return .failure(Refusal(status: 414)) }
    guard !parts[1].isEmpty, parts[1].allSatisfy({ $0 > 32 && $0 < 127 }) else {
      return .failure(Refusal(status: 400))
    }
    let version = Array(parts[2])
    guard version.count == 8, version.starts(with: "HTTP/".utf8), version[6] == UInt8(ascii: "."),
      (48...57).contains(version[5]), (48...57).contains(version[7])
    else { return .failure(Refusal(status: 400)) }
    guard version[5] == UInt8(ascii: "1") else { return .failure(Refusal(status: 505)) }
    return .success(
      RequestHead(
        method: String(decoding: parts[0], as: UTF8.self), target: String(decoding: parts[1], as: UTF8.self),
        minorVersion: version[7] == UInt8(ascii: "0") ? 0 : 1, headers: []))
  }

  /// `name: value`; nil for a folded line, a blank before the colon, or control characters.
  private static func header(_ line: Slice) -> HTTPHeader? {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { return nil }
    let name = line[..<colon]
    let value = line[(colon + 1)...]
    guard name.allSatisfy(isToken), value.allSatisfy({ $0 == 9 || $0 >= 32 && $0 != 127 }) else { return nil }
    return HTTPHeader(
      String(decoding: name, as: UTF8.self), ASCII.trimmed(String(decoding: value, as: UTF8.self)))
  }

  /// RFC 9110, section 5.6.2.
  private static func isToken(_ byte: UInt8) -> Bool {
    let lower = ASCII.lower(byte)
    if lower >= 97 && lower <= 122 || byte >= 48 && byte <= 57 { return true }
    return "!#$%&'*+-.^_`|~".utf8.contains(byte)
  }
}
