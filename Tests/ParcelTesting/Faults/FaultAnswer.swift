import Glibc
import ParcelCore

/// A request as a `FaultServer` read it.
package struct FaultRequest: Sendable {
  /// From 1 on, over all connections.
  package var number: Int
  package var method: String
  package var path: String
  /// Nil: the whole object. `end` is `Int.max` where the request gives none.
  package var range: ByteRange?
  package var ifRange: String?
}

/// An answer that is still right, before faults change it.
struct FaultAnswer {
  var status = 200
  var reason = "OK"
  var headers: [String] = []
  var contentRange: String?
  var length: Int?
  /// Bytes of the object that are sent.
  var body: ByteRange
  /// Sent instead of the object's bytes.
  var page: [UInt8]?
  /// Sent after the body.
  var after = 0
  /// The bytes come from this much later in the object.
  var lie = 0
  var isChunked = false
  var closes = false

  /// What the object's server would say to `request`.
  init(_ object: FaultObject, _ request: FaultRequest) {
    let size = object.bytes.count
    body = ByteRange(0, size)
    headers = object.validatorLines + object.headers + ["Content-Type: \(object.type)"]
    if object.ranges {
      headers.append("Accept-Ranges: bytes")
      if let range = request.range, object.fits(ifRange: request.ifRange) {
        guard range.start < size else {
          (status, reason, page) = (416, "Range Not Satisfiable", [])
          contentRange = "bytes */\(size)"
          return
        }
        body = ByteRange(range.start, min(range.end, size))
        becomePart(of: size)
      }
    }
    if status == 200, !object.announcesLength { closes = true } else { length = body.count }
  }

  mutating func becomePart(of size: Int) {
    (status, reason) = (206, "Partial Content")
    contentRange = "bytes \(body.start)-\(body.end - 1)/\(size)"
    length = body.count
  }

  mutating func becomePage(_ status: Int, _ text: String, type: String = "text/plain") {
    self.status = status
    reason = "Fault"
    page = Array(text.utf8)
    (contentRange, length) = (nil, page?.count)
    headers = ["Content-Type: \(type)"]
  }

  /// Changes the answer as a fault of the head wants it.
  mutating func apply(_ fault: Fault, _ object: FaultObject, _ request: FaultRequest) {
    let size = object.bytes.count
    switch fault.kind {
    case .busy, .busydate: becomeBusy(fault)
    case .status: becomePage(fault.number(500), "no\n")
    case .html:
      becomePage(200, "<html><body>Please log in.</body></html>\n", type: "text/html; charset=utf-8")
      if fault.argument == "chunked" { (length, isChunked) = (nil, true) }
    case .coding: headers.append("Content-Encoding: \(fault.argument ?? "gzip")")
    case .whole:
      (status, reason, contentRange, body) = (200, "OK", nil, ByteRange(0, size))
      length = object.announcesLength ? size : nil
      closes = length == nil
    case .redirect:
      becomePage(302, "")
      headers.append("Location: \(fault.argument ?? request.path)")
    default: applyToPart(fault, size)
    }
  }

  private mutating func becomeBusy(_ fault: Fault) {
    let parts = (fault.argument ?? "").split(separator: ":").compactMap { Int($0) }
    let (status, seconds) = (parts.first ?? 503, parts.count > 1 ? parts[1] : 1)
    becomePage(status, "busy\n")
    headers.append("Retry-After: \(fault.kind == .busy ? "\(seconds)" : Self.date(time(nil) + seconds))")
  }

  /// Faults that only a part can have.
  private mutating func applyToPart(_ fault: Fault, _ size: Int) {
    if fault.kind == .partial { return becomePart(of: size) }
    if fault.kind == .extra {
      after = fault.number(100)
      closes = true
      return
    }
    guard status == 206 else { return }
    switch fault.kind {
    case .shift:
      let by = fault.number(4096)
      guard body.start + by < size else { return }
      body = ByteRange(body.start + by, min(body.end + by, size))
      becomePart(of: size)
    case .lie: lie = fault.number(4096)
    case .part:
      body = ByteRange(body.start, min(body.start + fault.number(4096), body.end))
      becomePart(of: size)
    case .longer:
      after = fault.number(100)
      length = body.count + after
    case .shorter: length = max(body.count - fault.number(100), 0)
    case .size: contentRange = "bytes \(body.start)-\(body.end - 1)/\(size + fault.number(1))"
    case .norange: contentRange = nil
    case .multipart:
      contentRange = nil
      headers.removeAll { $0.hasPrefix("Content-Type") }
      headers.append("Content-Type: multipart/byteranges; boundary=b")
    default: break
    }
  }

  var head: String {
    var lines = ["HTTP/1.1 \(status) \(reason)"] + headers
    if let contentRange { lines.append("Content-Range: \(contentRange)") }
    if isChunked { lines.append("Transfer-Encoding: chunked") }
    if let length, !isChunked { lines.append("Content-Length: \(length)") }
    lines.append("Connection: \(closes ? "close" : "keep-alive")")
    return lines.joined(separator: "\r\n") + "\r\n\r\n"
  }

  /// "Sun, 06 Nov 1994 08:49:37 GMT"
  static func date(_ seconds: Int) -> String {
    var moment = seconds
    var parts = tm()
    gmtime_r(&moment, &parts)
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
    return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
