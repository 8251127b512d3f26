/// Why a server refused an object, in one of the kinds that a person can do something about. Read from what the answer
/// says: OAuth's header (RFC 6750), the codes of object stores (S3, Google, Azure), the sentences of GDC, Gen3 and the like.
package enum Refusal: String, Sendable, CaseIterable {
  /// The token was good once.
  case tokenExpired
  /// The server does not know the token, or cannot read it.
  case tokenRefused
  /// Nothing was sent, and something is wanted.
  case tokenMissing
  /// Known who it is, and this object is not for them: controlled data.
  case noAccess
  /// The object was taken back.
  case withdrawn
  /// A newer version took its place.
  case superseded
  /// There is no such object.
  case gone
  /// A signed URL's time is over.
  case linkExpired
  /// A signed URL's signature or key is wrong.
  case linkBroken
  /// In cold storage: somebody has to order it first.
  case archived
  /// The bucket's owner wants downloads paid by who asks.
  case requesterPays
  /// The two clocks are too far apart for signatures.
  case clock

  /// One sentence.
  package var sentence: String {
    switch self {
    case .tokenExpired: "The token has expired."
    case .tokenRefused: "The server does not accept the token."
    case .tokenMissing: "The server wants a token or password."
    case .noAccess: "You have no access to this object: it is controlled data, or not for you."
    case .withdrawn: "The file was withdrawn."
    case .superseded: "The file was superseded by a newer version."
    case .gone: "There is no such object."
    case .linkExpired: "The signed link has expired."
    case .linkBroken: "The signed link is not valid: it was changed, or its key is."
    case .archived: "The object is in cold storage and must be restored before it can be read."
    case .requesterPays: "The owner wants downloads paid by those who make them (requester pays)."
    case .clock: "This machine's clock and the server's are too far apart for a signed request."
    }
  }

  package var remedy: String {
    switch self {
    case .tokenExpired:
      "Get a new one where you got this one (GDC: in the portal, good for 30 days) and run again."
    case .tokenRefused: "Check that it is this server's token and complete, or get a new one."
    case .tokenMissing: "Give a token file (-t), or a user and password (--netrc)."
    case .noAccess:
      "Ask for access to the project (GDC: through dbGaP); after it was granted, get a new token."
    case .withdrawn: "Get a new manifest: it may name another file in its place."
    case .superseded: "Get a new manifest: it names the newer version."
    case .gone: "Check the id or URL: the object may have been replaced."
    case .linkExpired: "Get a new manifest or link where you got this one, and run again: what is here stays."
    case .linkBroken: "Copy the whole link again, with everything after the '?'."
    case .archived: "Ask the owner of the data to restore it."
    case .requesterPays: "Ask the owner for another way: parcel cannot be billed."
    case .clock: "Set this machine's clock (timedatectl set-ntp true)."
    }
  }

  /// What kind of failure that is.
  var code: Failure.Code {
    switch self {
    case .withdrawn, .superseded, .gone: .notFound
    default: .credentials
    }
  }

  var retry: Failure.Retry { code == .notFound ? .never : .needsUser }

  /// It would be the same for every other object of that server.
  package var concernsAll: Bool {
    switch self {
    case .tokenExpired, .tokenRefused, .tokenMissing, .clock: true
    default: false
    }
  }
}

extension Refusal {
  /// Nil when the answer does not say. `url` is the one that was asked, with its query; `hasToken`: a token or the like was
  /// sent with it.
  package static func of(
    _ head: ResponseHead, body: [UInt8], url: String? = nil, hasToken: Bool = false
  ) -> Refusal? {
    let found = read(head, body, url) ?? (head.status == 401 ? .tokenMissing : nil)
    return found == .tokenMissing && hasToken ? .tokenRefused : found
  }

  private static func read(_ head: ResponseHead, _ body: [UInt8], _ url: String?) -> Refusal? {
    guard [400, 401, 403, 404, 409, 410, 451].contains(head.status) else { return nil }
    let said = ServerWords(body, type: head["content-type"] ?? "")
    return challenge(head) ?? said.code.flatMap { ofStore(code: $0, words: said.all) } ?? ofSentence(
      said.all, head.status)
      ?? url.flatMap { isOver(signed: $0, at: head) ? .linkExpired : nil }
  }

  /// `WWW-Authenticate: Bearer error="invalid_token", error_description="The access token expired"` (RFC 6750, section 3).
  private static func challenge(_ head: ResponseHead) -> Refusal? {
    guard let value = head["www-authenticate"].map({ ASCII.lowercased($0) }) else { return nil }
    if value.contains("insufficient_scope") { return .noAccess }
    guard value.contains("invalid_token") else { return nil }
    return value.contains("expired") ? .tokenExpired : .tokenRefused
  }

  // MARK: Object stores

  private static func ofStore(code: String, words: String) -> Refusal? {
    switch code {
    case "AccessDenied", "AccessDeniedException":
      // S3 and CloudFront say it of links that are over, too.
      return words.contains("expired") ? .linkExpired : .noAccess
    case "ExpiredToken", "TokenRefreshRequired": return .linkExpired
    case "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken", "MissingKey", "MalformedPolicy",
      "AuthorizationQueryParametersError", "InvalidSignature":
      return .linkBroken
    case "AuthenticationFailed":
      return words.contains("time frame") || words.contains("expired") ? .linkExpired : .linkBroken
    case "RequestTimeTooSkewed": return .clock
    case "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "BlobNotFound", "ContainerNotFound",
      "ResourceNotFound":
      return .gone
    case "InvalidObjectState", "BlobArchived": return .archived
    case "UserProjectMissing", "UserProjectAccessDenied": return .requesterPays
    case "AuthenticationRequired", "NoAuthenticationInformation": return .tokenMissing
    case "AuthorizationFailure", "AuthorizationPermissionMismatch", "PublicAccessNotPermitted",
      "AllAccessDisabled",
      "AccountProblem":
      return .noAccess
    default: return nil
    }
  }

  // MARK: Sentences

  /// The first line with a word of each of its lists decides.
  private static let sentences: [(Refusal, all: [[String]])] = [
    (.linkExpired, [["signed url", "presigned", "link", "request", "policy"], ["expired"]]),
    (
      .tokenExpired,
      [["token", "session", "credential", "signature", "jwt", "api key", "login"], ["expired"]]
    ),
    (
      .tokenRefused,
      [
        ["token", "credential", "jwt", "api key"],
        ["invalid", "not valid", "malformed", "unrecognized", "revoked", "could not decode", "not accepted"],
      ]
    ),
    (
      .superseded,
      [["superseded", "superceded", "replaced by", "newer version", "latest version", "obsolete"]]
    ),
    (
      .withdrawn,
      [
        [
          "withdrawn", "redacted", "suppressed", "retracted", "has been removed", "was removed",
          "been deleted",
          "no longer available", "embargo",
        ]
      ]
    ),
    (
      .tokenMissing,
      [
        [
          "authentication required", "requires authentication", "not authenticated", "please log in",
          "login required", "were not provided", "please provide", "missing token", "token required",
          "no token",
          "requires a token", "valid token",
        ]
      ]
    ),
    (
      .noAccess,
      [
        [
          "dbgap", "controlled", "have access", "no access", "access to", "permission", "not authorized",
          "unauthorized to", "not allowed", "privilege", "insufficient",
        ]
      ]
    ),
  ]

  private static func ofSentence(_ words: String, _ status: Int) -> Refusal? {
    guard !words.isEmpty else { return nil }
    // "400 Bad Request" with such words is about the request's form.
    guard status != 400 || words.contains("expired") else { return nil }
    return sentences.first { entry in
      entry.all.allSatisfy { list in list.contains { words.contains($0) } }
    }?.0
  }

  // MARK: Links that say themselves when they end

  /// By the server's own clock (`Date`), so that a wrong one here does no harm.
  private static func isOver(signed url: String, at head: ResponseHead) -> Bool {
    guard let now = head["date"].flatMap({ HTTPDate.parse($0, now: 0) }), let end = SignedLink.end(of: url)
    else {
      return false
    }
    return end <= now
  }
}

/// When a signed URL ends, by its own words.
package enum SignedLink {
  /// Seconds since 1970; nil for a URL that does not say.
  package static func end(of url: String) -> Int? {
    guard let mark = url.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
    var values: [String: String] = [:]
    for part in url[url.utf8.index(after: mark)...].split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2 else { continue }
      values[ASCII.lowercased(pair[0])] = String(decoding: PercentCoding.decode(pair[1].utf8), as: UTF8.self)
    }
    // S3's and CloudFront's older form: a moment.
    if let moment = values["expires"].flatMap({ Int($0) }), values["signature"] != nil { return moment }
    for kind in ["x-amz", "x-goog"] {
      if let start = values[kind + "-date"].flatMap(compactTime),
        let span = values[kind + "-expires"].flatMap({ Int($0) }),
        span >= 0, span < 1 << 40
      {
        return start + span
      }
    }
    // Azure: 2026-05-05T12:00:00Z.
    if values["sig"] != nil, let end = values["se"] {
      return compactTime(String(decoding: end.utf8.filter { $0 != 45 && $0 != 58 }, as: UTF8.self))
    }
    return nil
  }

  /// "20260505T120000Z"; a missing time of day is midnight.
  private static func compactTime(_ text: String) -> Int? {
    let digits = Array(text.utf8.filter { $0 >= 48 && $0 <= 57 }.map { Int($0) - 48 })
    guard digits.count == 14 || digits.count == 8 else { return nil }
    func number(_ range: Range<Int>) -> Int {
      range.upperBound <= digits.count ? digits[range].reduce(0) { $0 * 10 + $1 } : 0
    }
    return HTTPDate.seconds(
      year: number(0..<4), month: number(4..<6), day: number(6..<8),
      secondOfDay: number(8..<10) * 3600 + number(10..<12) * 60 + number(12..<14))
  }
}

/// What a refused answer's body says, for people and in codes.
struct ServerWords {
  /// An object store's code: "AccessDenied".
  var code: String?
  /// A sentence to show, as the server wrote it.
  var sentence: String?
  /// Everything worth searching, in lower case.
  var all = ""

  init(_ body: [UInt8], type: String) {
    var text = String(decoding: body.prefix(4096), as: UTF8.self)
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    let first = text.utf8.first { $0 > 32 }
    if first == UInt8(ascii: "<") {
      readXML(text)
      return
    }
    if first == UInt8(ascii: "{") || first == UInt8(ascii: "[") { readJSON(text) }
    let plain = ["text/plain", "application/octet-stream"]
    let isPlain = type.isEmpty || plain.contains { ASCII.hasPrefixIgnoringCase(type, $0) }
    if sentence == nil, isPlain {
      sentence = String(text.prefix { !$0.isNewline })
      all = ASCII.lowercased(text)
    }
  }

  private mutating func readJSON(_ text: String) {
    let names = [
      "message", "error_description", "msg", "detail", "error", "errors", "reason", "title", "warning",
    ]
    let found = names.compactMap { JSONText.string($0, in: text) }.filter { !$0.isEmpty }
    sentence = found.first
    code = JSONText.string("code", in: text) ?? JSONText.string("Code", in: text)
    all = ASCII.lowercased(found.joined(separator: "\n"))
  }

  /// Object stores' `<Error><Code>…</Code><Message>…</Message>`; pages for browsers have neither.
  private mutating func readXML(_ text: String) {
    guard let code = Self.element("Code", in: text) else { return }
    self.code = code
    let message = Self.element("Message", in: text)
    let detail = Self.element("AuthenticationErrorDetail", in: text) ?? Self.element("Details", in: text)
    sentence = message.map { String($0.prefix { !$0.isNewline }) }
    all = ASCII.lowercased([message, detail].compactMap { $0 }.joined(separator: "\n"))
  }

  private static func element(_ name: String, in text: String) -> String? {
    guard let start = JSONText.end(of: "<\(name)>", in: text[...]) else { return nil }
    let rest = text[start...]
    let value = rest.prefix { $0 != "<" }
    return value.isEmpty || value.endIndex == rest.endIndex ? nil : String(value)
  }
}

/// Strings in JSON text that nobody promised to be complete: the first 4 KiB of a body may end anywhere.
enum JSONText {
  /// The string that the first member `name` has, wherever it stands; `\n`, `\"` and the like are resolved.
  static func string(_ name: String, in text: String) -> String? {
    var rest = text[...]
    while let end = end(of: "\"\(name)\"", in: rest) {
      rest = text[end...]
      var value = rest.drop { $0 == " " || $0 == "\t" || $0.isNewline }
      guard value.first == ":" else { continue }
      value = value.dropFirst().drop { $0 == " " || $0 == "\t" || $0.isNewline || $0 == "[" }
      guard value.first == "\"" else { continue }
      return unquoted(value.dropFirst())
    }
    return nil
  }

  private static func unquoted(_ text: Substring) -> String? {
    var out = ""
    var isEscaped = false
    for character in text {
      if isEscaped {
        out.append(character == "n" || character == "t" || character == "r" ? " " : character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == "\"" {
        return out
      } else {
        out.append(character)
      }
    }
    return nil
  }

  /// The index behind the first `pattern`.
  static func end(of pattern: String, in text: Substring) -> Substring.Index? {
    let bytes = text.utf8
    let wanted = Array(pattern.utf8)
    var i = bytes.startIndex
    while i < bytes.endIndex {
      if bytes[i] == wanted[0], bytes[i...].starts(with: wanted) {
        return bytes.index(i, offsetBy: wanted.count)
      }
      i = bytes.index(after: i)
    }
    return nil
  }
}
