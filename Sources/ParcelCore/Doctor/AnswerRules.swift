/// What the server's answer to `Range: bytes=0-0` means.
extension DoctorRules {
  package static func answer(_ one: AnswerMeasurement) -> [Finding] {
    if let failure = one.failure { return [unanswered(one, failure)] }
    guard let head = one.head else { return [] }
    let moved = one.redirects.last.map { ", after a redirect to \(hostAndPort($0))" } ?? ""
    let version = one.httpVersion.map { "HTTP/\($0)" } ?? "HTTP"
    let arrival = "status \(head.status) in \(DoctorText.time(one.seconds)) over \(version)\(moved)"
    let answered = Finding.good(.server, "HTTP", arrival)
      .with("status", Double(head.status)).with("answer_ms", one.seconds * 1000)
    switch head.status {
    case 200, 206, 416: return [answered] + ranges(head) + clock(head, now: one.now)
    case 401, 403:
      let finding = Finding.remark(
        .server, "HTTP", arrival + ": a token or password is needed, which this check does not send",
        "Fetch one file with your token to see whether it is accepted.")
      return [finding] + clock(head, now: one.now)
    case 300..<400:
      return [
        .trouble(
          .server, "HTTP", .server,
          arrival + ": a redirect that is not followed (from https to http, too long, or to nowhere)",
          "Ask the server's operator, or use the URL that it should lead to.")
      ]
    default:
      let failure = StatusRule.failure(head, url: one.url, now: one.now)
      let remedy = failure.remedy.isEmpty ? "Try again later, or ask the server's operator." : failure.remedy
      return [.trouble(.server, "HTTP", failure.code, cause(failure, one.url), remedy)]
        + clock(head, now: one.now)
    }
  }

  private static func unanswered(_ one: AnswerMeasurement, _ failure: Failure) -> Finding {
    let remedy =
      failure.remedy.isEmpty ? "Try again; ask the server's operator if it stays so." : failure.remedy
    return .trouble(.server, "HTTP", failure.code, cause(failure, one.url), remedy)
  }

  /// The sentence without "Could not fetch URL:", which the report's heading has already.
  private static func cause(_ failure: Failure, _ url: String) -> String {
    let sentence = failure.sentence.hasSuffix(".") ? failure.sentence.dropLast() : failure.sentence[...]
    for object in [": ", ", bytes 0 to 0: "].map({ StatusRule.attempt(url) + $0 })
    where sentence.hasPrefix(object) {
      return String(sentence.dropFirst(object.count))
    }
    return String(sentence)
  }

  private static func hostAndPort(_ url: String) -> String {
    URLReference(url)?.hostAndPort ?? Redaction.url(url)
  }

  // MARK: Ranges

  private static func ranges(_ head: ResponseHead) -> [Finding] {
    let topic = "Ranges"
    let asOne =
      "Each file comes over one connection, and starts again from zero when it breaks: ask the operator for ranges."
    switch head.status {
    case 206:
      guard case .part(let range, let size) = head["content-range"].flatMap(ContentRange.init),
        range == ByteRange(0, 1)
      else {
        let sent = head["content-range"].map { "'\($0)'" } ?? "nothing"
        return [
          .trouble(
            .server, topic, .server, "wrong: bytes 0-0 were asked for, and Content-Range says \(sent)",
            "Such answers are refused, because they could spoil files: tell the server's operator.")
        ]
      }
      let text = "work" + (size.map { ", \(Grouped.text($0)) bytes in all" } ?? ", size not said")
      return [validated(text, head).with("size", size.map(Double.init))]
    case 416:
      guard case .unsatisfied(size: 0) = head["content-range"].flatMap(ContentRange.init) else {
        return [.remark(.server, topic, "refused (416) for the first byte", asOne)]
      }
      return [.neutral(.server, topic, "cannot be tried: the object is empty")]
    default:
      let size = head.contentLength.map { " of \(Grouped.text($0)) bytes" } ?? ""
      return [
        .remark(.server, topic, "not supported: the whole object\(size) came instead of one byte", asOne)
          .with("size", head.contentLength.map(Double.init))
      ]
    }
  }

  /// A range may only be added to what is on disk when the object is provably the same.
  private static func validated(_ text: String, _ head: ResponseHead) -> Finding {
    if let tag = head["etag"], !tag.isEmpty, !tag.hasPrefix("W/") {
      return .good(.server, "Ranges", text + ", strong ETag")
    }
    if let date = head["last-modified"], !date.isEmpty {
      return .good(.server, "Ranges", text + ", Last-Modified and no strong ETag")
    }
    return .remark(
      .server, "Ranges", text + ", but neither a strong ETag nor Last-Modified",
      "A changed object is seen only by its size or digest: use a manifest with digests.")
  }

  // MARK: Clock

  /// Seconds by which clocks may differ before tokens and certificates suffer.
  private static let tolerance = 300

  private static func clock(_ head: ResponseHead, now: Int) -> [Finding] {
    guard let date = head["date"].flatMap({ HTTPDate.parse($0, now: now) }) else {
      return [.neutral(.server, "Clock", "not compared: the server sends no readable Date")]
    }
    let ahead = now - date
    let difference = "\(DoctorText.span(abs(ahead))) \(ahead >= 0 ? "ahead of" : "behind") the server's"
    if abs(ahead) <= 2 {
      return [.good(.server, "Clock", "agrees with the server's").with("clock_ahead_s", Double(ahead))]
    }
    let finding: Finding =
      abs(ahead) <= tolerance
      ? .good(.server, "Clock", "\(difference), which does no harm")
      : .remark(
        .server, "Clock", "this machine's is \(difference)",
        "Set it (timedatectl set-ntp true): certificates and tokens are checked against it.")
    return [finding.with("clock_ahead_s", Double(ahead))]
  }
}
