/// One row as a person types it, or as a list has it: a URL or a file id.
package enum RowInput {
  /// Why a text is no URL. `text` goes on after the quoted text: "… has no host".
  package struct Reason: Error, Hashable, Sendable {
    package var text: String
  }

  /// For messages about ids.
  package static let idRule = "letters, digits and -_.~: expected, no '/', at most 200"

  /// Command-line arguments and the session's `a` key. Blanks at both ends do not count.
  package static func spec(_ text: String) throws(Failure) -> DownloadSpec {
    let trimmed = ASCII.trimmed(text)
    let shown = Printable.text(String(trimmed.prefix(200)))
    if trimmed.utf8.contains(UInt8(ascii: "/")) {
      switch url(trimmed) {
      case .success(let url):
        var spec = DownloadSpec(source: .url(url))
        spec.isTyped = true
        return spec
      case .failure(let reason):
        throw Failure(
          .input, retry: .never, "Could not add '\(shown)': it \(reason.text).",
          remedy: "Give a file id or a URL like https://host/path.")
      }
    }
    guard Array(trimmed.utf8).withUnsafeBufferPointer(isID) else {
      throw Failure(
        .input, retry: .never, "Could not add '\(shown)': it is neither a URL nor a file id (\(idRule)).",
        remedy: "Give a file id or a URL like https://host/path.")
    }
    return DownloadSpec(source: .id(trimmed), folder: SafeName.component(trimmed))
  }

  /// Whether the bytes can be a file id: they become a part of a URL's path and a folder's name.
  static func isID(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let first = bytes.first, bytes.count <= 200 else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      let lower = ASCII.lower(byte)
      return lower >= 97 && lower <= 122 || byte >= 48 && byte <= 57
    }
    guard isAlphanumeric(first) else { return false }
    return bytes.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: ":"): true
      default: isAlphanumeric(byte)
      }
    }
  }

  /// The longest URL that is requested, in bytes: servers commonly refuse longer lines (nginx from 8 KiB on).
  private static let longestURL = 8192

  /// A URL ready to be requested: `http` or `https`, a host, no blanks or control characters; bytes outside ASCII are
  /// percent-encoded, a fragment is left out (RFC 3986, sections 2.1 and 3). What comes out is at most `longestURL` long,
  /// and left alone when it comes in again.
  package static func url(_ text: String) -> Result<String, Reason> {
    func refuse(_ text: String) -> Result<String, Reason> { .failure(Reason(text: text)) }
    guard !text.isEmpty else { return refuse("is empty") }
    let bytes = Array(text.utf8)
    let scheme = ["http://", "https://"].first { ASCII.hasPrefixIgnoringCase(text, $0) }
    guard let scheme else { return refuse("is not a URL (http:// or https:// expected)") }
    let rest = bytes[scheme.utf8.count...]
    let authorityEnd = rest.firstIndex { $0 == 47 || $0 == 63 || $0 == 35 } ?? rest.endIndex
    if let reason = reasonAgainst(authority: rest[..<authorityEnd]) { return refuse(reason) }
    var out = Array(scheme.utf8)
    for byte in rest {
      if byte == UInt8(ascii: "#") { break }
      if byte <= 32 || byte == 127 {
        return refuse("holds a blank or control character (write it as %20 or the like)")
      }
      if byte < 127 {
        out.append(byte)
      } else {
        out += [UInt8(ascii: "%")] + Array(ASCII.uppercasedHex(byte))
      }
    }
    // As it will be sent: a byte outside ASCII has become three, and a fragment is gone.
    guard out.count <= longestURL else { return refuse("is longer than \(longestURL) bytes") }
    return .success(String(decoding: out, as: UTF8.self))
  }

  private static func reasonAgainst(authority: ArraySlice<UInt8>) -> String? {
    // Some readers of URLs take a backslash for a slash: they would see another host.
    if authority.contains(UInt8(ascii: "\\")) { return "has a host with characters that cannot be in one" }
    let hostAndPort = authority.lastIndex(of: UInt8(ascii: "@")).map { authority[($0 + 1)...] } ?? authority
    var host = hostAndPort
    let bracket = hostAndPort.lastIndex(of: UInt8(ascii: "]"))
    if let colon = hostAndPort.lastIndex(of: UInt8(ascii: ":")), bracket.map({ $0 < colon }) ?? true {
      host = hostAndPort[..<colon]
      let digits = hostAndPort[(colon + 1)...]
      let isNumber = digits.allSatisfy { $0 >= 48 && $0 <= 57 }
      let port = isNumber ? Int(String(decoding: digits, as: UTF8.self)) ?? -1 : -1
      guard digits.isEmpty || (1...65535).contains(port) else { return "has no valid port (1 to 65535)" }
    }
    guard !host.isEmpty else { return "has no host" }
    let brackets = host.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }
    if brackets > 0 {
      let isAddress = brackets == 2 && host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
      guard isAddress, host.count > 2 else { return "has a host with characters that cannot be in one" }
    } else if host.contains(UInt8(ascii: ":")) {
      return "has a host with a colon (an IPv6 address goes into brackets)"
    }
    guard host.allSatisfy({ $0 < 127 && $0 > 32 && $0 != UInt8(ascii: "%") }) else {
      return "has a host with characters that cannot be in one"
    }
    return nil
  }
}

extension ASCII {
  /// Two digits, upper case as percent-encoding wants them.
  static func uppercasedHex(_ byte: UInt8) -> String.UTF8View {
    let digits = Array("0123456789ABCDEF".utf8)
    return String(decoding: [digits[Int(byte >> 4)], digits[Int(byte & 15)]], as: UTF8.self).utf8
  }
}
