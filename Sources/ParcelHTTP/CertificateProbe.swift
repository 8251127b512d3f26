import CCurl
import Glibc
import ParcelCore

/// One TLS handshake with a URL's server, and nothing after it: what certificate it has and whether it would be accepted.
package struct CertificateProbe: Sendable {
  package var url: String
  package var options: TransportOptions

  package init(url: String, options: TransportOptions) {
    self.url = url
    self.options = options
  }

  /// Blocks its thread, at most about twice `options.connectTimeout` seconds.
  ///
  /// A refused certificate cannot be looked at in the handshake that refused it, so another one without checks follows.
  /// Neither sends a request.
  package func measure(host: String) -> CertificateMeasurement {
    var result = CertificateMeasurement(host: host)
    guard CurlLoop.isLibraryReady, let handle = EasyHandle() else {
      result.trouble = .other("out of memory")
      return result
    }
    let first = handshake(handle, checks: true)
    if let trouble = first.trouble {
      result.trouble = trouble
      guard trouble.isAboutCertificate else { return result }
      describe(handshake(handle, checks: false), into: &result)
    } else {
      describe(first, into: &result)
    }
    return result
  }

  private struct Handshake {
    var trouble: CertificateMeasurement.Trouble?
    var version: String?
    /// "Name:value" lines of each certificate, the server's own first.
    var certificates: [[String]] = []
  }

  private func handshake(_ handle: EasyHandle, checks: Bool) -> Handshake {
    handle.reset()
    let words = VersionWords()
    handle.set(CURLOPT_URL, url)
    handle.set(CURLOPT_PROTOCOLS_STR, "https")
    handle.set(CURLOPT_CONNECT_ONLY, true)
    handle.set(CURLOPT_CERTINFO, true)
    handle.set(CURLOPT_NOSIGNAL, true)
    handle.set(CURLOPT_NOPROGRESS, true)
    handle.set(CURLOPT_FRESH_CONNECT, true)
    handle.set(CURLOPT_TIMEOUT_MS, max(1, Int(options.connectTimeout * 1000)))
    handle.set(CURLOPT_USERAGENT, options.userAgent)
    if let proxy = options.proxy { handle.set(CURLOPT_PROXY, proxy) }
    if let file = options.certificateAuthorities {
      handle.set(CURLOPT_CAINFO, file)
      handle.set(CURLOPT_CAPATH, String?.none)
    }
    if !checks {
      handle.set(CURLOPT_SSL_VERIFYPEER, false)
      handle.set(CURLOPT_SSL_VERIFYHOST, 0)
    }
    // The version is nowhere but in what libcurl says while it works.
    handle.set(CURLOPT_VERBOSE, true)
    parcel_curl_set_debug_callback(handle.raw, Self.onDebug)
    handle.set(CURLOPT_DEBUGDATA, pointer: Unmanaged.passUnretained(words).toOpaque())
    let code = withExtendedLifetime(words) { curl_easy_perform(handle.raw) }
    return Handshake(
      trouble: Self.trouble(code, handle), version: words.version, certificates: Self.certificates(handle))
  }

  private static let onDebug: parcel_curl_debug_callback = { _, kind, data, size, context in
    guard let context, kind == CURLINFO_TEXT else { return 0 }
    let text = String(decoding: UnsafeRawBufferPointer(start: data, count: size), as: UTF8.self)
    Unmanaged<VersionWords>.fromOpaque(context).takeUnretainedValue().take(text)
    return 0
  }

  // MARK: What it means

  private static func trouble(_ code: CURLcode, _ handle: EasyHandle) -> CertificateMeasurement.Trouble? {
    let words = ASCII.lowercased(handle.error)
    switch code {
    case CURLE_OK: return nil
    case CURLE_SSL_CACERT_BADFILE: return .authorityFile
    case CURLE_PEER_FAILED_VERIFICATION: return refusal(handle.long(CURLINFO_SSL_VERIFYRESULT), words)
    case CURLE_OPERATION_TIMEDOUT: return .noAnswer
    case CURLE_SSL_CONNECT_ERROR where !words.contains("reset") && !words.contains("syscall"): return .noTLS
    default: return .other(String(cString: curl_easy_strerror(code)))
    }
  }

  /// From X509_verify_cert's numbers, which libcurl hands through.
  private static func refusal(_ number: Int, _ words: String) -> CertificateMeasurement.Trouble {
    switch number {
    case 9: .notYetValid
    case 10: .expired
    case 18: .selfSigned
    case 19, 20, 21: .unknownIssuer
    case 23: .revoked
    case 62, 64: .wrongHost
    case _ where words.contains("subject name") || words.contains("does not match"): .wrongHost
    default: .other("the certificate cannot be verified")
    }
  }

  private static func certificates(_ handle: EasyHandle) -> [[String]] {
    guard let found = parcel_curl_get_certificates(handle.raw)?.pointee, found.num_of_certs > 0,
      let lists = found.certinfo
    else { return [] }
    // Twenty are more than any real chain has.
    return (0..<min(20, Int(found.num_of_certs))).map { index in
      sequence(first: lists[index], next: { $0?.pointee.next }).compactMap { node in
        node?.pointee.data.map { String(cString: $0) }
      }
    }
  }

  private func describe(_ handshake: Handshake, into result: inout CertificateMeasurement) {
    result.version = handshake.version
    result.chainLength = handshake.certificates.count
    guard let own = handshake.certificates.first else { return }
    func value(_ name: String) -> String? {
      own.first { $0.hasPrefix(name + ":") }.map { String($0.dropFirst(name.count + 1)) }
    }
    result.subject = value("Subject").map(Self.commonName) ?? ""
    result.issuer = value("Issuer").map(Self.commonName) ?? ""
    result.starts = value("Start date").flatMap(CivilDate.certificateDate)
    result.expires = value("Expire date").flatMap(CivilDate.certificateDate)
    let names = value("X509v3 Subject Alternative Name") ?? ""
    result.names = names.split(separator: ",").compactMap { part in
      let name = ASCII.trimmed(part)
      if name.hasPrefix("DNS:") { return String(name.dropFirst(4)) }
      return name.hasPrefix("IP Address:") ? String(name.dropFirst(11)) : nil
    }
  }

  /// The CN of "C = DE, O = Example, CN = Example CA", else its O, else all of it.
  private static func commonName(_ name: String) -> String {
    let parts = name.split(separator: ",").map { ASCII.trimmed($0) }
    for key in ["CN", "O"] {
      for part in parts {
        let pair = part.split(separator: "=", maxSplits: 1)
        if pair.count == 2, ASCII.trimmed(pair[0]) == key { return ASCII.trimmed(pair[1]) }
      }
    }
    return name
  }
}

extension CertificateMeasurement.Trouble {
  /// Whether looking at the certificate tells more.
  fileprivate var isAboutCertificate: Bool {
    switch self {
    case .expired, .notYetValid, .selfSigned, .unknownIssuer, .wrongHost, .revoked: true
    case .authorityFile, .noTLS, .noAnswer, .other: false
    }
  }
}

/// Catches "SSL connection using TLSv1.3 / TLS_AES_256_GCM_SHA384".
private final class VersionWords {
  private(set) var version: String?

  func take(_ text: String) {
    let start = "SSL connection using "
    guard text.hasPrefix(start) else { return }
    version = String(text.dropFirst(start.count).prefix { $0 != " " && $0 != "\n" })
  }
}
