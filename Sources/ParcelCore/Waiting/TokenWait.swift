/// What one server said about the token, and who may still try with it.
///
/// A refused download waits; others of the same server find out for themselves, because they may need none. After some
/// refusals in a row nobody else asks before there is a new token.
package struct TokenWait: Sendable {
  /// Refusals in a row after which nobody else begins.
  package static let certain = 4

  package enum News: Hashable, Sendable { case nothing, expired, refusedAgain }

  /// "https://data.example"
  package let origin: String
  /// A download waits, or will as soon as its open transfers have ended.
  package private(set) var isOn = false
  /// Which token was refused last, by number; nil before the first refusal.
  package private(set) var refused: Int?
  private var refusals = 0
  private var wasRenewed = false

  package init(origin: String) { self.origin = origin }

  /// Nobody else may begin.
  package var isClosed: Bool { isOn && refusals >= Self.certain }

  /// The server refused token number `token`.
  package mutating func refused(_ token: Int) -> News {
    refusals += 1
    let isFirst = !isOn || refused != token
    isOn = true
    refused = token
    guard isFirst else { return .nothing }
    return wasRenewed ? .refusedAgain : .expired
  }

  /// An answer came with that token: not everybody is refused.
  package mutating func answered() {
    refusals = 0
    if !isOn { wasRenewed = false }
  }

  /// A new token is there.
  package mutating func renewed() {
    wasRenewed = isOn
    isOn = false
    refusals = 0
  }

  package mutating func end() {
    isOn = false
    refusals = 0
  }

  /// `renewal`: how a new one comes, "N in the session" or a file's path.
  package func status(files: Int, renewal: String) -> HoldStatus {
    let news = wasRenewed ? "refused the new token too" : "refused the token"
    return HoldStatus(
      kind: .token, place: origin, files: files, free: nil, needed: nil,
      text: "waiting for a new token" + (renewal.isEmpty ? "" : " (\(renewal))") + ": \(origin) \(news)")
  }
}

/// What a token may look like, and which refusals are about it.
package enum TokenRule {
  /// The token in a text: blanks and line ends around it are left out. Nil when it is empty, has blanks or line ends inside, or a
  /// character that no header can carry.
  package static func token(in text: some StringProtocol) -> String? {
    var bytes = Array(text.utf8)[...]
    func isBlank(_ byte: UInt8?) -> Bool { byte.map { $0 == 32 || (9...13).contains($0) } ?? false }
    while isBlank(bytes.first) { bytes.removeFirst() }
    while isBlank(bytes.last) { bytes.removeLast() }
    guard !bytes.isEmpty, bytes.allSatisfy({ $0 > 32 && $0 < 127 }) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a refusal is the token's fault and a new one would help, and not that this token's owner may not have
  /// this object.
  ///
  /// - Parameters:
  ///   - words: what the server wrote about it.
  ///   - worked: the same download got bytes in this run with the same token.
  package static func isAboutToken(_ failure: Failure, status: Int, words: String, worked: Bool) -> Bool {
    guard failure.code == .credentials, failure.retry == .needsUser else { return false }
    switch status {
    case 401: return true
    case 403: return worked || speaksOfToken(words)
    default: return false
    }
  }

  static func speaksOfToken(_ words: String) -> Bool {
    let words = ASCII.lowercased(words)
    func has(_ parts: String...) -> Bool { parts.contains { words.contains($0) } }
    if has("expired", "has expired", "expiration") { return true }
    return has("token", "credential", "session")
      && has("invalid", "not valid", "no longer valid", "revoked", "malformed", "unknown")
  }
}

/// Text that no log, event or description shows.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  package let value: String
  package init(_ value: String) { self.value = value }
  package var description: String { "***" }
  package var debugDescription: String { "***" }
}
