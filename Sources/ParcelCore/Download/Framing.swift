/// Where a body ends, and how surely.
package enum Framing {
  /// The body ends when the connection does (RFC 9112, section 6.3, rule 8) and nothing else says how long the object
  /// is. Through a relay a stream that broke may look like one that ended, so such a body cannot be trusted there.
  ///
  /// `size`: bytes of the object, where the manifest or an earlier answer gives them.
  package static func endsWithConnection(_ head: ResponseHead, size: Int?) -> Bool {
    guard size == nil, head.status == 200, head.contentLength == nil else { return false }
    let coding = head["transfer-encoding"].map { ASCII.lowercased($0) } ?? ""
    return !coding.split(separator: ",").contains { ASCII.trimmed($0) == "chunked" }
  }

  package static func failure(url: String) -> Failure {
    Failure(
      .server, retry: .later(after: nil),
      "\(StatusRule.attempt(url)) over udt: the server does not say how long the answer is, so a broken connection "
        + "would look like its end.",
      remedy: "Use http for it (--transport http; t in the session).")
  }
}
