/// Says more about a refused answer than its status does.
package enum FailureText {
  /// Adds in plain words why it was refused and what helps (`Refusal`), and what the server itself wrote about it. HTML pages
  /// are left out: they are written for browsers. Only refusals are reclassified: what is worth another try stays so.
  ///
  /// `url` is the one that was asked; a signed one says when it ends. `redirected`: another URL led there, so a link that is
  /// over is asked for anew. `hasToken`: a token or the like was sent.
  package static func explain(
    _ failure: Failure, head: ResponseHead?, body: [UInt8], title: String, url: String? = nil,
    redirected: Bool = false, hasToken: Bool = false
  ) -> Failure {
    guard let head else { return failure }
    var failure = failure
    let isRefusal = failure.code == .credentials || failure.code == .notFound || failure.code == .server
    if isRefusal, head.status != 407, let refusal = Refusal.of(head, body: body, url: url, hasToken: hasToken)
    {
      failure.code = refusal.code
      failure.retry = refusal == .linkExpired && redirected ? .later(after: nil) : refusal.retry
      if refusal != .gone || head.status != 404 { failure.sentence += " " + refusal.sentence }
      failure.remedy = refusal.remedy
    }
    if let words = message(in: body, type: head["content-type"] ?? "") {
      failure.sentence += " The server says: \"\(words)\""
    }
    return failure
  }

  /// How sentences about a file begin.
  package static func attempt(_ title: String) -> String { "Could not fetch '\(Printable.text(title))'" }

  /// The same failure with the file's name in place of the URL that was asked, which may be nothing but a long id. `host`: where that
  /// URL leads, when it is not where the file is known to be.
  package static func named(_ failure: Failure, url: String, title: String, host: String? = nil) -> Failure {
    let old = StatusRule.attempt(url)
    guard failure.sentence.hasPrefix(old) else { return failure }
    var failure = failure
    let from = host.map { " from " + Printable.text($0) } ?? ""
    failure.sentence = attempt(title) + from + failure.sentence.dropFirst(old.count)
    return failure
  }

  /// At most 200 printable characters.
  package static func message(in body: [UInt8], type: String) -> String? {
    guard let words = ServerWords(body, type: type).sentence, !words.isEmpty else { return nil }
    return Printable.text(String(words.prefix(200)))
  }
}
