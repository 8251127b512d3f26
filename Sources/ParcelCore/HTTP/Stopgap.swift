package enum ResponseVerdict: Sendable {
  case whole(size: Int?, identity: ObjectIdentity)
  case part(ByteRange, identity: ObjectIdentity)
  case empty(identity: ObjectIdentity)
  case wholeInsteadOfPart(size: Int?, identity: ObjectIdentity)
  case redirect(location: String, status: Int)
  case refused(Failure)
}
package struct ResponseRule: Sendable {
  var title: String
  var asked: ByteRange?
  var expected: ObjectIdentity?
  package init(title: String, asked: ByteRange?, ifRange: String?, expected: ObjectIdentity?) {
    self.title = title
    self.asked = asked
    self.expected = expected
  }
  package func judge(_ head: ResponseHead) -> ResponseVerdict {
    let etag = head["etag"]
    if let known = expected?.etag, let etag, known != etag, head.status < 300 {
      return .refused(Failure(.changed, retry: .needsUser, "'\(title)' changed on the server."))
    }
    switch head.status {
    case 200:
      let identity = ObjectIdentity(size: head.contentLength, etag: etag)
      return asked == nil
        ? .whole(size: head.contentLength, identity: identity)
        : .wholeInsteadOfPart(size: head.contentLength, identity: identity)
    case 206:
      guard let asked, let field = head["content-range"], let total = field.split(separator: "/").last.flatMap({ Int($0) }) else {
        return .refused(Failure(.server, retry: .later(after: nil), "bad 206"))
      }
      return .part(ByteRange(asked.start, min(asked.end, total)), identity: ObjectIdentity(size: total, etag: etag))
    case 416: return .empty(identity: ObjectIdentity(size: 0))
    case 300..<400: return .redirect(location: head["location"] ?? "", status: head.status)
    case 429, 503:
      return .refused(Failure(.busy, retry: .later(after: head["retry-after"].flatMap { Double($0) }), "busy"))
    case 401, 403: return .refused(Failure(.credentials, retry: .needsUser, "no"))
    case 404: return .refused(Failure(.notFound, retry: .never, "not found"))
    default: return .refused(Failure(.server, retry: .later(after: nil), "status \(head.status)"))
    }
  }
}
package enum ContentDisposition {
  package static func fileName(_ field: String) -> String? { nil }
}
package enum ServerDigest {
  package static func all(in head: ResponseHead) -> [Digest] { [] }
}
