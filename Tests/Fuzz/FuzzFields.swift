import ParcelCore

/// Values of header fields.
@Sendable func fuzzFields(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let kind = input.byte() % 6
  let text = input.text()
  switch kind {
  case 0: contentRange(text)
  case 1: date(text)
  case 2: altSvc(text)
  case 3: digests(text)
  case 4: disposition(text)
  default: retryAfter(text)
  }
}

private func contentRange(_ text: String) {
  guard let value = ContentRange(text) else { return }
  switch value {
  case .unsatisfied(let size): require(size >= 0 && ContentRange("bytes */\(size)") == value, text)
  case .part(let range, let size):
    require(range.start >= 0 && !range.isEmpty && range.end <= (size ?? .max), text)
    let again = "bytes \(range.start)-\(range.end - 1)/\(size.map(String.init) ?? "*")"
    require(ContentRange(again) == value, "\(again) is not \(text)")
  }
}

private func date(_ text: String) {
  let now = 1_700_000_000
  guard let seconds = HTTPDate.parse(text, now: now) else { return }
  // From the year 0 to 9999, with a leap second.
  require((-62_167_219_200...253_402_300_800).contains(seconds), "\(text) is \(seconds)")
  let again = fixdate(seconds)
  require(HTTPDate.parse(again, now: now) == seconds, "\(text) is \(seconds) is \(again)")
  require(HTTPDate.parse(text, now: now + 1) != nil, "\(text) depends on the clock")
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, by another way than the reader's: counting years and months.
private func fixdate(_ seconds: Int) -> String {
  func isLeap(_ year: Int) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
  var days = seconds / 86_400
  var rest = seconds % 86_400
  if rest < 0 { (days, rest) = (days - 1, rest + 86_400) }
  var year = 1970
  while days < 0 {
    year -= 1
    days += isLeap(year) ? 366 : 365
  }
  while days >= (isLeap(year) ? 366 : 365) {
    days -= isLeap(year) ? 366 : 365
    year += 1
  }
  let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
  let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  var month = 0
  while days >= lengths[month] {
    days -= lengths[month]
    month += 1
  }
  func padded(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }
  return "Mon, \(padded(days + 1, 2)) \(names[month]) \(padded(year, 4)) "
    + "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2)) GMT"
}

private func altSvc(_ text: String) {
  let head = ResponseHead(status: 200, headers: [HTTPHeader("Alt-Svc", text)])
  for url in ["https://data.example:8443/x", "http://data.example/x"] {
    guard case .relay(let relay) = AltSvc.word(in: head, url: url) else { continue }
    require((1...65535).contains(relay.port) && !relay.host.isEmpty, "\(relay)")
    require(Endpoint(relay.text) == relay, "\(relay.text) reads otherwise")
    requireShowable(relay.text, "a relay")
    if url.hasPrefix("http:") {
      require(ASCII.equalsIgnoringCase(relay.host, "data.example"), "\(relay) over http")
    }
  }
}

private func digests(_ text: String) {
  for digest in ServerDigest.reprDigest(text) + [ServerDigest.contentMD5(text)].compactMap({ $0 }) {
    require(digest.bytes.count == digest.algorithm.byteCount, "\(digest)")
    require(Digest(digest.algorithm, hex: digest.hex, source: digest.source) == digest, "\(digest)")
  }
  if let bytes = Base64.decode(text) {
    require(bytes.count == text.utf8.filter { $0 != 61 }.count * 3 / 4, text)
  }
}

private func disposition(_ text: String) {
  guard let name = ContentDisposition.fileName(text) else { return }
  require(!name.isEmpty, "an empty name")
  requireSafe(path: SafeName.component(name))
}

private func retryAfter(_ text: String) {
  for now in [0, 1_700_000_000] {
    guard let seconds = RetryAfter.parse(text, now: now) else { continue }
    require((0...RetryAfter.longest).contains(seconds), "\(text): \(seconds)")
  }
}

/// The head of an answer, judged: what may be written is what was asked for.
@Sendable func fuzzAnswer(_ bytes: [UInt8]) {
  var input = Input(bytes)
  let choice = input.byte()
  let statuses = [200, 206, 416, 302, 301, 503, 429, 401, 403, 404, 500, 204]
  let status = statuses[Int(input.byte()) % statuses.count]
  let start = Int(input.byte()) * 100
  let asked = ResponseExpectation(
    url: "https://data.example/x?token=hush",
    range: choice & 1 == 0 ? nil : ByteRange(start, choice & 2 == 0 ? .max : start + 1 + Int(input.byte())),
    identity: choice & 4 == 0 ? nil : ObjectIdentity(size: 30_000, etag: choice & 8 == 0 ? nil : "\"a\""),
    size: choice & 16 == 0 ? nil : 30_000)
  var headers: [HTTPHeader] = []
  while !input.isEmpty, headers.count < 20 {
    let parts = input.line().split(separator: ":", maxSplits: 1)
    if parts.count == 2 { headers.append(HTTPHeader(String(parts[0]), ASCII.trimmed(parts[1]))) }
  }
  let head = ResponseHead(status: status, headers: headers)
  _ = ServerDigest.all(in: head)
  _ = AltSvc.word(in: head, url: asked.url)
  switch ResponseRule.check(head, asked: asked, now: 1_700_000_000) {
  case .part(let range, let identity):
    require(status == 206 && asked.range != nil, "a part of \(status)")
    require(range.start == asked.range?.start && range.end <= asked.range?.end ?? 0, "\(range) for \(asked)")
    require(range.end <= identity.size ?? .max, "\(range) of \(identity)")
    requireSame(identity, asked)
  case .whole(let identity):
    require(status == 200 && asked.range == nil, "a whole of \(status)")
    requireSame(identity, asked)
  case .wholeInsteadOfPart(let identity):
    require(status == 200 && asked.range != nil, "a whole for a part of \(status)")
    requireSame(identity, asked)
  case .empty(let identity): require(identity.size == 0, "an empty object of \(identity)")
  case .redirect(let location, _):
    require(!location.isEmpty && (300..<400).contains(status), "a redirect of \(status)")
  case .refused(let failure):
    require(!failure.sentence.isEmpty && !failure.text.contains("hush"), failure.text)
    requireShowable(failure.text, lines: true, "a refusal")
  }
}

/// Bytes of another object never pass for those of the known one.
private func requireSame(_ identity: ObjectIdentity, _ asked: ResponseExpectation) {
  if let size = asked.size { require(identity.size ?? size == size, "\(identity) for \(asked)") }
  guard let known = asked.identity else { return }
  require(identity.size == known.size && identity.etag == known.etag, "\(identity) for \(known)")
}
