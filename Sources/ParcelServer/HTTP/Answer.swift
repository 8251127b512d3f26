import ParcelCore

/// An answer before it is sent: status, headers, and what its body is.
struct Answer {
  enum Body {
    case none
    case bytes([UInt8])
    case file(any ServedBody, ByteRange)
  }

  var status: Int
  var headers: [HTTPHeader] = []
  var body: Body = .none
  /// True: no further request on this connection.
  var closes = false

  /// Bytes of the body, for `Content-Length`.
  var length: Int {
    switch body {
    case .none: 0
    case .bytes(let bytes): bytes.count
    case .file(_, let range): range.count
    }
  }

  /// A short text for statuses without an object.
  static func text(_ status: Int, closes: Bool = false, headers: [HTTPHeader] = []) -> Answer {
    Answer(
      status: status, headers: [HTTPHeader("Content-Type", "text/plain; charset=utf-8")] + headers,
      body: .bytes(Array("\(status) \(reason(status))\n".utf8)), closes: closes)
  }

  /// `{"error": …}`, as GDC answers.
  static func json(_ status: Int, error: String, headers: [HTTPHeader] = []) -> Answer {
    Answer(
      status: status, headers: [HTTPHeader("Content-Type", "application/json")] + headers,
      body: .bytes(Array("{\"error\": \(JSONObject.quoted(error))}\n".utf8)))
  }

  /// The head as bytes on the wire. `now`: seconds since 1970. 304 has no length: it would be the object's.
  func head(now: Int, keepsAlive: Bool) -> [UInt8] {
    var text =
      "HTTP/1.1 \(status) \(Self.reason(status))\r\nServer: parcel-server\r\nDate: \(HTTPDate.text(now))\r\n"
    for header in headers { text += "\(header.name): \(header.value)\r\n" }
    if status != 304 { text += "Content-Length: \(length)\r\n" }
    text += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(text.utf8)
  }

  static func reason(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 206: "Partial Content"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 408: "Request Timeout"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 416: "Range Not Satisfiable"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}
