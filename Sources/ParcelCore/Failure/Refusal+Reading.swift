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
