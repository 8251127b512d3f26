import ParcelCore

/// Decides what a request is answered with. Knows no sockets.
struct Handler: Sendable {
  let content: any Content
  /// The token that `X-Auth-Token` must carry; nil: none is asked for.
  let token: String?

  private static let knownMethods = ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"]

  func answer(_ request: RequestHead) -> Answer {
    guard request.method == "GET" || request.method == "HEAD" else {
      guard Self.knownMethods.contains(request.method) else { return .text(501, closes: true) }
      return .text(405, closes: true, headers: [HTTPHeader("Allow", "GET, HEAD")])
    }
    guard let path = TargetPath.decode(request.target) else { return .text(400) }
    if let refusal = refusal(request) { return refusal }
    if path == "manifest.tsv" {
      return Answer(
        status: 200, headers: [HTTPHeader("Content-Type", "text/tab-separated-values; charset=utf-8")],
        body: .bytes(ContentManifest.text(content.manifest())))
    }
    if path.hasPrefix("data/"), case (let file, let body)? = content.open(id: String(path.dropFirst(5))) {
      return answer(request, file, body, byID: true)
    }
    if case (let file, let body)? = content.open(path: path) {
      return answer(request, file, body, byID: false)
    }
    return .json(404, error: "'\(Printable.text(path))' is not here")
  }

  /// 401 without a token, 403 with a wrong one.
  private func refusal(_ request: RequestHead) -> Answer? {
    guard let token else { return nil }
    guard let given = request["x-auth-token"] else {
      return .json(
        401, error: "You need a token for this data: please send X-Auth-Token.",
        headers: [HTTPHeader("WWW-Authenticate", "X-Auth-Token")])
    }
    // Every byte is compared, so that the time taken does not tell how many were right.
    let a = Array(token.utf8)
    let b = Array(given.utf8)
    var difference = a.count ^ b.count
    for i in a.indices { difference |= Int(a[i] ^ (i < b.count ? b[i] : 0)) }
    return difference == 0
      ? nil : .json(403, error: "You don't have access to the data: the token is not valid.")
  }

  private func answer(_ request: RequestHead, _ file: ServedFile, _ body: any ServedBody, byID: Bool)
    -> Answer
  {
    let conditions = Conditions(etag: file.etag, lastModified: file.lastModified)
    var headers = [
      HTTPHeader("ETag", file.etag), HTTPHeader("Last-Modified", HTTPDate.text(file.lastModified)),
      HTTPHeader("Accept-Ranges", "bytes"),
    ]
    if conditions.isUnmodified(
      ifNoneMatch: request.all("if-none-match"), ifModifiedSince: request["if-modified-since"])
    {
      return Answer(status: 304, headers: headers)
    }
    headers.append(HTTPHeader("Content-Type", "application/octet-stream"))
    if byID { headers.append(HTTPHeader("Content-Disposition", HeaderValue.disposition(file.name))) }
    var rule = RangeRule.whole
    // `Range` means something for GET only, and two of them are not well formed. With HEAD we take it for what the GET
    // would be when a digest of the part is asked for, so that a client can compare parts without their bytes.
    let ranges = request.all("range")
    let asksForDigest = request.method == "HEAD" && request["want-content-digest"] != nil
    if request.method == "GET" || asksForDigest, ranges.count == 1,
      conditions.rangeCounts(ifRange: request["if-range"])
    {
      rule = RangeRule(ranges[0], size: file.size)
    }
    headers += ObjectDigests(file: file, body: body, byID: byID, rule: rule).headers(for: request)
    switch rule {
    case .whole:
      return Answer(status: 200, headers: headers, body: .file(body, ByteRange(0, file.size)))
    case .part(let range):
      headers.append(HTTPHeader("Content-Range", "bytes \(range.start)-\(range.end - 1)/\(file.size)"))
      return Answer(status: 206, headers: headers, body: .file(body, range))
    case .unsatisfiable:
      return .text(
        416, headers: [HTTPHeader("Content-Range", "bytes */\(file.size)"), HTTPHeader("ETag", file.etag)])
    }
  }
}
