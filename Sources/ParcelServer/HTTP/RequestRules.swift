import ParcelCore

/// What a `Range` header asks of an object of known size (RFC 9110, section 14).
enum RangeRule: Hashable, Sendable {
  /// No range, one we do not serve (several, another unit, not well formed): the whole object with 200.
  case whole
  case part(ByteRange)
  /// 416 with `bytes */size`.
  case unsatisfiable

  init(_ header: String?, size: Int) {
    self = .whole
    guard let header, ASCII.hasPrefixIgnoringCase(header, "bytes=") else { return }
    let spec = ASCII.trimmed(header.dropFirst("bytes=".count))
    let parts = spec.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let first = Self.number(parts[0]), let last = Self.number(parts[1]) else {
      return
    }
    switch (first, last) {
    case (nil, nil): return
    case (nil, let suffix?):
      self = suffix == 0 || size == 0 ? .unsatisfiable : .part(ByteRange(size - min(suffix, size), size))
    case (let first?, let last):
      if let last, last < first { return }
      guard first < size else {
        self = .unsatisfiable
        return
      }
      let end = last.map { $0 < size ? $0 + 1 : size } ?? size
      self = .part(ByteRange(first, end))
    }
  }

  /// Nil: not a number. Inside nil: empty. Numbers beyond 2^63 - 1 count as that.
  private static func number(_ text: Substring) -> Int?? {
    guard text.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    if text.isEmpty { return .some(nil) }
    return .some(Int(text) ?? Int.max)
  }
}

/// Validators of an object against the request's conditions (RFC 9110, section 13).
struct Conditions {
  var etag: String
  /// Seconds since 1970.
  var lastModified: Int

  /// Whether `Range` counts: no `If-Range`, or one that names exactly this object.
  func rangeCounts(ifRange: String?) -> Bool {
    guard let ifRange else { return true }
    if ifRange.hasPrefix("\"") { return ifRange == etag }
    if ifRange.hasPrefix("W/") { return false }  // only a strong comparison allows joining bytes
    return HTTPDate.seconds(ifRange) == lastModified
  }

  /// Whether the client already has it: 304.
  func isUnmodified(ifNoneMatch: [String], ifModifiedSince: String?) -> Bool {
    guard ifNoneMatch.isEmpty else {
      let tags = ifNoneMatch.flatMap { $0.split(separator: ",").map { ASCII.trimmed($0) } }
      return tags.contains { $0 == "*" || $0 == etag || $0 == "W/" + etag }
    }
    guard let since = ifModifiedSince.flatMap(HTTPDate.seconds) else { return false }
    return lastModified <= since
  }
}

/// A request's target as the path of an object.
enum TargetPath {
  /// Without the leading `/`, percent-decoded, without the query. Nil when it cannot be a path below the root: no `/`
  /// at the beginning, a bad escape, NUL, `.` or `..` among its parts.
  static func decode(_ target: String) -> String? {
    var bytes = Array(target.utf8)
    for scheme in ["http://", "https://"] where ASCII.hasPrefixIgnoringCase(target, scheme) {
      let rest = bytes.dropFirst(scheme.utf8.count)
      guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return nil }
      bytes = Array(rest[slash...])
    }
    if let query = bytes.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
      bytes = Array(bytes[..<query])
    }
    guard bytes.first == UInt8(ascii: "/") else { return nil }
    var out: [UInt8] = []
    var i = 1
    while i < bytes.count {
      if bytes[i] == UInt8(ascii: "%") {
        guard i + 2 < bytes.count, let high = Hex.value(bytes[i + 1]), let low = Hex.value(bytes[i + 2])
        else {
          return nil
        }
        out.append(high << 4 | low)
        i += 3
      } else {
        out.append(bytes[i])
        i += 1
      }
    }
    guard !out.contains(0), let path = String(validating: out, as: UTF8.self) else { return nil }
    // By bytes: to Swift a slash with an accent is no slash.
    let parts = out.split(separator: UInt8(ascii: "/"))
    return parts.contains { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) } ? nil : path
  }
}
