import CCurl
import ParcelCore

/// Turns a request into libcurl's options.
struct CurlSetup {
  let options: TransportOptions
  let settings: CurlSettings
  /// The connection cache of HTTP/1.1 transfers. In a common one libcurl 7.88 remembers of a host that its last connection
  /// could not be shared, and then opens one for each of the small files instead of streams of one.
  let ownConnections: UnsafeMutableRawPointer

  /// Sets up a reset handle. Throws a `Failure` when the request cannot be sent as it is.
  func apply(_ request: TransferRequest, to handle: EasyHandle) throws(Failure) {
    try check(request)
    handle.set(CURLOPT_URL, request.url)
    handle.set(CURLOPT_PROTOCOLS_STR, "http,https")
    handle.set(CURLOPT_FOLLOWLOCATION, false)
    handle.set(CURLOPT_USERAGENT, options.userAgent)
    handle.set(headerLines: headerLines(request))
    setConnection(request, on: handle)
    setProxy(on: handle)
    setTLS(on: handle)
    if options.netrc, request.mayUseNetrc {
      handle.set(CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue))
      if let file = settings.netrcFile { handle.set(CURLOPT_NETRC_FILE, file) }
    }
    // Coded bodies are refused by the rules, never decoded behind our back: offsets are those of the file.
    handle.set(CURLOPT_HTTP_CONTENT_DECODING, false)
    handle.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, true)
    handle.set(CURLOPT_NOSIGNAL, true)
    handle.set(CURLOPT_NOPROGRESS, true)
  }

  private func setConnection(_ request: TransferRequest, on handle: EasyHandle) {
    handle.set(CURLOPT_SHARE, pointer: request.shared ? nil : ownConnections)
    if request.shared {
      handle.set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
      handle.set(CURLOPT_PIPEWAIT, true)
      handle.set(CURLOPT_BUFFERSIZE, 64 << 10)
    } else {
      handle.set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
      handle.set(CURLOPT_BUFFERSIZE, 512 << 10)
    }
    handle.set(CURLOPT_NOBODY, request.headOnly)
    handle.set(CURLOPT_FRESH_CONNECT, request.fresh)
    handle.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, Int(options.connectTimeout * 1000)))
    handle.set(CURLOPT_TCP_NODELAY, true)
    handle.set(CURLOPT_TCP_KEEPALIVE, true)
    handle.set(CURLOPT_TCP_KEEPIDLE, 30)
    handle.set(CURLOPT_TCP_KEEPINTVL, 15)
  }

  private func setProxy(on handle: EasyHandle) {
    switch settings.connectThrough {
    case .path(let path):
      handle.set(CURLOPT_UNIX_SOCKET_PATH, path)
      handle.set(CURLOPT_PROXY, "")
    case .abstract(let name):
      handle.set(CURLOPT_ABSTRACT_UNIX_SOCKET, name)
      handle.set(CURLOPT_PROXY, "")
    case .endpoint(let endpoint):
      // Whatever the URL's host and port.
      handle.set(connectTo: "::" + endpoint.text)
      handle.set(CURLOPT_PROXY, "")
    case nil:
      // Without the option the usual variables decide.
      if let proxy = options.proxy { handle.set(CURLOPT_PROXY, proxy) }
    }
  }

  private func setTLS(on handle: EasyHandle) {
    if let file = options.certificateAuthorities {
      handle.set(CURLOPT_CAINFO, file)
      handle.set(CURLOPT_CAPATH, String?.none)
    }
    if options.insecure {
      handle.set(CURLOPT_SSL_VERIFYPEER, false)
      handle.set(CURLOPT_SSL_VERIFYHOST, 0)
    }
  }

  private func headerLines(_ request: TransferRequest) -> [String] {
    // libcurl sends a field without a value only when it is written with a semicolon.
    var lines = request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" }
    if let range = request.range {
      lines.append("Range: bytes=\(range.start)-" + (range.end == .max ? "" : "\(range.end - 1)"))
    }
    if !request.headers.contains(where: { ASCII.equalsIgnoringCase($0.name, "accept-encoding") }) {
      lines.append("Accept-Encoding: identity")
    }
    return lines
  }

  /// What libcurl would send on without a look, or cut at a zero byte.
  private func check(_ request: TransferRequest) throws(Failure) {
    let url = Redaction.url(request.url)
    guard request.url.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
      throw Failure(
        .input, retry: .never,
        "Could not fetch \(Printable.text(url)): the URL holds a blank or a control character.",
        remedy: "Write such characters as %XX.")
    }
    if let range = request.range, range.isEmpty {
      throw Failure(.input, retry: .never, "Could not fetch \(url): an empty range was asked for.")
    }
    for header in request.headers {
      let isBad =
        header.name.isEmpty || header.name.utf8.contains { $0 <= 32 || $0 == 58 || $0 >= 127 }
        || header.value.utf8.contains { $0 < 32 && $0 != 9 || $0 == 127 }
      if isBad {
        throw Failure(
          .input, retry: .never,
          "Could not fetch \(url): the header '\(Printable.text(header.name))' holds a character that no header may hold.",
          remedy: "Correct the header, or the token file's content.")
      }
    }
  }
}
