/// Statuses that bring no object, as failures.
package enum StatusRule {
  static func attempt(_ url: String) -> String {
    "Could not fetch \(Printable.text(Redaction.url(url)))"
  }

  /// `now`: seconds since 1970, for a `Retry-After` date.
  package static func failure(_ head: ResponseHead, url: String, now: Int) -> Failure {
    let (code, retry, remedy) = kind(head, now: now)
    var sentence = "\(attempt(url)): the server answered \(head.status) (\(words(head.status)))"
    if case .later(let after?) = retry { sentence += " and asks to wait \(Grouped.text(Int(after))) s" }
    return Failure(code, retry: retry, sentence + ".", remedy: remedy)
  }

  private static func kind(
    _ head: ResponseHead, now: Int
  ) -> (Failure.Code, Failure.Retry, remedy: String) {
    let later = Failure.Retry.later(
      after: head["retry-after"].flatMap { RetryAfter.parse($0, now: now) })
    switch head.status {
    case 401: return (.credentials, .needsUser, "Give a valid token or password.")
    case 403: return (.credentials, .needsUser, "Check the token and whether you may have this object.")
    case 407: return (.credentials, .needsUser, "Give the proxy's user name and password in its URL.")
    case 404, 410: return (.notFound, .never, "Check the id or URL: the object may have been replaced.")
    // 202: the object is being made ready (GA4GH data repositories).
    case 202, 429, 503: return (.busy, later, "")
    case 408, 425: return (.server, later, "")
    case 501, 505: return (.server, .never, "")
    case 400...499: return (.server, .never, "Check the URL.")
    default: return (.server, later, "")
    }
  }

  private static func words(_ status: Int) -> String {
    switch status {
    case 202: "not ready yet"
    case 204, 205: "no content"
    case 304: "not modified, which was not asked"
    case 400: "bad request"
    case 401: "not authorized"
    case 403: "forbidden"
    case 404: "not found"
    case 405: "method not allowed"
    case 407: "the proxy wants a login"
    case 408: "request timeout"
    case 410: "gone"
    case 425: "too early"
    case 429: "too many requests"
    case 451: "unavailable for legal reasons"
    case 500: "internal error"
    case 501: "not implemented"
    case 502: "bad gateway"
    case 503: "not available now"
    case 504: "gateway timeout"
    case 100...199: "an interim answer"
    case 200...299: "a success without the object"
    case 300...399: "a redirect of an unknown kind"
    case 400...499: "refused"
    case 500...599: "server error"
    default: "not an HTTP status"
    }
  }
}
