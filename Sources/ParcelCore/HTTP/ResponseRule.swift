/// What was asked, and what is known about the object so far.
package struct ResponseExpectation: Sendable {
  /// For sentences; secrets are taken out.
  package var url: String
  /// The range that was asked for (`end` may be `Int.max`), nil for the whole object.
  package var range: ByteRange?
  /// The object the bytes on disk belong to, nil before the first answer. Its validator went out as `If-Range`.
  package var identity: ObjectIdentity?
  /// Size in bytes that the manifest gives, nil when it gives none.
  package var size: Int?

  package init(url: String, range: ByteRange?, identity: ObjectIdentity? = nil, size: Int? = nil) {
    self.url = url
    self.range = range
    self.identity = identity
    self.size = size
  }
}

/// What an answer's head means for the download.
package enum ResponseVerdict: Hashable, Sendable {
  /// The whole object follows, as was asked. `size` in the identity is nil when the server does not say it.
  case whole(ObjectIdentity)
  /// These bytes follow: they start where it was asked, and may end earlier.
  case part(ByteRange, ObjectIdentity)
  /// The object has no bytes.
  case empty(ObjectIdentity)
  /// `to` as the server wrote it: resolve it against the request's URL.
  case redirect(to: String, status: Int)
  /// A range was asked for, and the whole object follows: this server gives no ranges (or not now). As far as can be
  /// seen, it is the same object.
  case wholeInsteadOfPart(ObjectIdentity)
  case refused(Failure)
}

/// The check of every answer before one byte of its body is written: status, `Content-Range`, length, validator, coding.
package enum ResponseRule {
  /// `now`: seconds since 1970, for a `Retry-After` date.
  package static func check(_ head: ResponseHead, asked: ResponseExpectation, now: Int) -> ResponseVerdict {
    let rule = Check(head: head, asked: asked)
    do {
      switch head.status {
      case 200: return try rule.whole()
      case 206: return try rule.part()
      case 416: return try rule.unsatisfied()
      case 300, 301, 302, 303, 307, 308: return try rule.redirect()
      default: return .refused(StatusRule.failure(head, url: asked.url, now: now))
      }
    } catch {
      return .refused(error)
    }
  }
}

/// One check. Each step throws the failure that ends it.
private struct Check {
  let head: ResponseHead
  let asked: ResponseExpectation

  // MARK: 200

  func whole() throws(Failure) -> ResponseVerdict {
    try refuseCoding()
    let size = try bodyLength()
    if size == nil, asked.range != nil { try refuseNameless() }
    let identity = try identified(size: size)
    if size == 0 { return .empty(identity) }
    return asked.range == nil ? .whole(identity) : .wholeInsteadOfPart(identity)
  }

  /// Something without length, ETag and date in place of a part of a known object: a login page, an error with status
  /// 200. Nothing says that it is the object, so nothing that is here is given up for it.
  private func refuseNameless() throws(Failure) {
    guard asked.identity?.validator != nil, head["etag"] == nil, head["last-modified"] == nil else { return }
    let type = head["content-type"].map { " (\(Printable.text($0)))" } ?? ""
    throw Failure(
      .server, retry: .later(after: nil),
      "\(attempt): where a part was asked for, the server sent something\(type) without length, ETag and date.",
      remedy: "A proxy or a login may stand in between. What is here is kept.")
  }

  // MARK: 206

  func part() throws(Failure) -> ResponseVerdict {
    guard let wanted = asked.range else {
      throw broken("it sent a part (206), and the whole was asked for")
    }
    try refuseCoding()
    let type = head["content-type"] ?? ""
    if ASCII.hasPrefixIgnoringCase(type, "multipart/") {
      throw broken("it sent several parts (\(Printable.text(type))), and one was asked for")
    }
    guard let text = head["content-range"] else { throw broken("it sent a part without saying which") }
    guard case .part(let range, let size) = ContentRange(text) else {
      throw broken("its Content-Range cannot be read: '\(Printable.text(text))'")
    }
    let identity = try identified(size: size)
    let lastWanted = min(wanted.end, identity.size ?? .max)
    guard range.start == wanted.start, range.end <= lastWanted else {
      throw broken("bytes \(words(wanted)) were asked for, and it sent \(words(range))")
    }
    if let length = try bodyLength(), length != range.count {
      throw broken(
        "it announced \(Grouped.text(length)) bytes for a part of \(Grouped.text(range.count))")
    }
    return .part(range, identity)
  }

  private func words(_ range: ByteRange) -> String {
    guard range.end != .max else { return "from \(Grouped.text(range.start)) on" }
    return "\(Grouped.text(range.start)) to \(Grouped.text(range.end - 1))"
  }

  // MARK: 416

  func unsatisfied() throws(Failure) -> ResponseVerdict {
    guard let wanted = asked.range else { throw broken("it refused a range (416), and none was asked for") }
    if case .unsatisfied(let size) = head["content-range"].flatMap(ContentRange.init) {
      let identity = try identified(size: size)
      if size == 0 { return .empty(identity) }
      throw changed(
        "it has \(Grouped.text(size)) bytes, and bytes \(words(wanted)) were asked for")
    }
    // Some servers do not say how many bytes there are. Of an object that is known to be empty that is enough.
    if (asked.identity?.size ?? asked.size) == 0 { return .empty(try identified(size: 0)) }
    throw changed("it has no bytes \(words(wanted)) any more")
  }

  // MARK: 3xx

  func redirect() throws(Failure) -> ResponseVerdict {
    guard let location = head["location"], !location.isEmpty else {
      throw broken("it answered \(head.status) without saying where the object is")
    }
    return .redirect(to: location, status: head.status)
  }

  // MARK: What all answers with a body have in common

  /// Offsets count the file's own bytes; in a coded body they would mean something else.
  private func refuseCoding() throws(Failure) {
    for header in head.headers where ASCII.equalsIgnoringCase(header.name, "content-encoding") {
      guard !ContentCoding.isIdentity(header.value) else { continue }
      throw Failure(
        .server, retry: .never,
        "\(attempt): the server sent it coded (\(Printable.text(header.value))), which was not allowed.",
        remedy: "Use the server's address without a proxy or cache in between.")
    }
  }

  /// The body's length when the server says it.
  private func bodyLength() throws(Failure) -> Int? {
    // RFC 9112, section 6.3: a transfer coding overrides the length.
    if head["transfer-encoding"] != nil { return nil }
    var length: Int?
    for header in head.headers where ASCII.equalsIgnoringCase(header.name, "content-length") {
      guard header.value.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }), let value = Int(header.value),
        length == nil || length == value
      else { throw broken("its Content-Length cannot be: '\(Printable.text(header.value))'") }
      length = value
    }
    return length
  }

  /// The object this answer is about, which is the known one, or a failure. `size` is the whole object's.
  private func identified(size: Int?) throws(Failure) -> ObjectIdentity {
    let now = ObjectIdentity(size: size, etag: head["etag"], lastModified: head["last-modified"])
    try compareWithManifest(size)
    guard var known = asked.identity else { return now }
    if let size, let before = known.size, size != before {
      throw changed(
        "it has \(Grouped.text(size)) bytes now, and had \(Grouped.text(before)) before")
    }
    if let etag = now.etag, let before = known.etag {
      // Weak comparison (RFC 9110, section 8.8.3.2): a server that now calls the tag weak has not changed the object.
      if opaque(etag) != opaque(before) { throw changedValidator("ETag", etag, before) }
    } else if let date = now.lastModified, let before = known.lastModified, date != before {
      throw changedValidator("Last-Modified", date, before)
    }
    // What the bytes on disk were recorded under stays: a 206 may say less than the 200 before it.
    known.size = known.size ?? size
    return known
  }

  private func compareWithManifest(_ size: Int?) throws(Failure) {
    guard let size, let expected = asked.size, size != expected else { return }
    let type = ASCII.lowercased((head["content-type"] ?? "").prefix { $0 != ";" })
    if ASCII.trimmed(type) == "text/html" {
      throw Failure(
        .size, retry: .needsUser,
        "\(attempt): the server sent a web page of \(Grouped.text(size)) bytes instead of the file of "
          + "\(Grouped.text(expected)).",
        remedy: "It may want a login: check the token and open the URL in a browser.")
    }
    throw Failure(
      .size, retry: .needsUser,
      "\(attempt): the server has \(Grouped.text(size)) bytes, and the manifest says "
        + "\(Grouped.text(expected)).",
      remedy: "The manifest may be older than the file: get a new one.")
  }

  private func opaque(_ etag: String) -> Substring { etag.hasPrefix("W/") ? etag.dropFirst(2) : etag[...] }

  private func changedValidator(_ name: String, _ now: String, _ before: String) -> Failure {
    changed("its \(name) is \(Printable.text(now)) now, and was \(Printable.text(before)) before")
  }

  private func changed(_ how: String) -> Failure {
    Failure(
      .changed, retry: .needsUser, "\(attempt): the object on the server has changed: \(how).",
      remedy:
        "Fetch it anew (--restart; r in the session), or keep what is here by moving its .part file away.")
  }

  private func broken(_ how: String) -> Failure {
    Failure(
      .server, retry: .needsUser, "\(attempt): the server's answer breaks the HTTP rules: \(how).",
      remedy: "Try again, or with one connection.")
  }

  private var attempt: String { StatusRule.attempt(asked.url) }
}
