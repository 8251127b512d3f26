import ParcelCore

/// The headers of an answer that say digests of an object or of a part of it.
///
/// By itself the server says only what it knows: the md5 of the whole object once the manifest was made. Asked for
/// (RFC 9530), it reads up to 16 MiB once more to say what it does not know, so that a client can find out which part of
/// a file is wrong without fetching it all again.
struct ObjectDigests {
  var file: ServedFile
  var body: any ServedBody
  var byID: Bool
  var rule: RangeRule

  /// Most bytes that are read for one header.
  static let limit = 16 << 20

  func headers(for request: RequestHead) -> [HTTPHeader] {
    guard rule != .unsatisfiable else { return [] }
    let content = contentDigest(request).map { [HTTPHeader("Content-Digest", $0)] } ?? []
    return reprDigest(request) + contentMD5() + content
  }

  /// `Repr-Digest` is of the whole object always, also with a part of it.
  private func reprDigest(_ request: RequestHead) -> [HTTPHeader] {
    let wish = DigestWish(request.all("want-repr-digest"))
    var members: [String] = []
    if let best = wish.best, best != .md5 || file.md5 == nil {
      if let digest = compute(best, ByteRange(0, file.size)) { members.append(best.member(digest)) }
    }
    if let md5 = file.md5, !wish.refuses(.md5) { members.append(DigestName.md5.member(md5)) }
    return members.isEmpty ? [] : [HTTPHeader("Repr-Digest", members.joined(separator: ", "))]
  }

  /// By id, `Content-MD5` is what GDC sends: the whole object's in hexadecimal digits, also with ranges; by path it is RFC
  /// 1864's, with whole answers only.
  private func contentMD5() -> [HTTPHeader] {
    guard let md5 = file.md5 else { return [] }
    if byID { return [HTTPHeader("Content-MD5", Hex.encode(md5))] }
    return rule == .whole ? [HTTPHeader("Content-MD5", HeaderValue.base64(md5))] : []
  }

  /// `Content-Digest` is of the bytes of this answer; only when asked for. To HEAD it is given for a part (206) alone, of
  /// the bytes that GET would bring.
  private func contentDigest(_ request: RequestHead) -> String? {
    let wish = DigestWish(request.all("want-content-digest"))
    guard let best = wish.best else { return nil }
    if request.method == "HEAD" {
      guard case .part = rule else { return nil }
    }
    if case .part(let range) = rule { return compute(best, range).map(best.member) }
    if let md5 = file.md5, best == .md5 || (wish.wants(.md5) && file.size > Self.limit) {
      return DigestName.md5.member(md5)
    }
    return compute(best, ByteRange(0, file.size)).map(best.member)
  }

  /// Nil when it would be too much, or the object ends early.
  private func compute(_ name: DigestName, _ range: ByteRange) -> [UInt8]? {
    range.count <= Self.limit ? Hashes.digest(name, of: body, range) : nil
  }
}
