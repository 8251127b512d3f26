import CCurl
import Glibc
import ParcelCore
import ParcelSystem

/// Turns libcurl's result into a `Failure` in plain words.
struct CurlFailure {
  private let result: CURLcode
  private let request: TransferRequest
  private let answered: Bool
  /// libcurl's own words. They may name hosts, never a URL's secrets.
  private let words: String
  private let systemError: Int32
  private let verifyResult: Int
  private let proxyStatus: Int
  private let usesProxy: Bool
  private let usesRelay: Bool

  init(_ result: CURLcode, transfer: CurlTransfer, options: TransportOptions) {
    let handle = transfer.handle
    self.result = result
    request = transfer.request
    answered = transfer.head != nil
    words = handle.error
    systemError = Int32(truncatingIfNeeded: handle.long(CURLINFO_OS_ERRNO))
    verifyResult = handle.long(CURLINFO_SSL_VERIFYRESULT)
    proxyStatus = handle.long(CURLINFO_HTTP_CONNECTCODE)
    usesRelay = transfer.loop.usesRelay
    usesProxy = !usesRelay && (options.proxy.map { !$0.isEmpty } ?? false)
  }

  var failure: Failure {
    switch result {
    case CURLE_OK: make(.server, .later(after: nil), "the server closed the connection without an answer")
    case CURLE_URL_MALFORMAT:
      make(.input, .never, "this is not a URL that can be fetched", "Correct the URL.")
    case CURLE_UNSUPPORTED_PROTOCOL where contains("HTTP/0.9"):
      make(.server, .later(after: nil), "the answer is not HTTP", "Check the port in the URL.")
    case CURLE_UNSUPPORTED_PROTOCOL:
      make(.input, .never, "only http and https URLs can be fetched", "Correct the URL.")
    case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT,
      CURLE_OPERATION_TIMEDOUT:
      connecting
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CACERT_BADFILE,
      CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_INITFAILED,
      CURLE_SSL_CRL_BADFILE, CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS:
      tls
    case CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_HTTP2,
      CURLE_HTTP2_STREAM:
      broken
    case CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING, CURLE_RANGE_ERROR:
      make(.server, .later(after: nil), "the server's answer breaks the HTTP rules")
    case CURLE_OUT_OF_MEMORY: make(.network, .later(after: nil), "out of memory")
    default: make(.network, .later(after: nil), String(cString: curl_easy_strerror(result)))
    }
  }

  // MARK: Before the request was sent

  private var connecting: Failure {
    if result == CURLE_COULDNT_RESOLVE_PROXY {
      return make(.proxy, .later(after: nil), "the proxy's name was not found", "Check the proxy setting.")
    }
    if result == CURLE_PROXY {
      return make(.proxy, .later(after: nil), "the proxy refused the connection", "Check the proxy setting.")
    }
    if result == CURLE_COULDNT_RESOLVE_HOST {
      return make(
        .network, .later(after: nil), "the name \(host) could not be looked up",
        "Check the name and the network.")
    }
    if result == CURLE_OPERATION_TIMEDOUT {
      return make(.network, .later(after: nil), "\(peer) did not answer in time", "Check the network.")
    }
    let cause = "\(peer) cannot be reached" + (systemWords.map { " (\($0))" } ?? "")
    if usesRelay { return make(.proxy, .later(after: nil), cause) }
    if usesProxy { return make(.proxy, .later(after: nil), cause, "Check the proxy setting.") }
    return make(.network, .later(after: nil), cause, "Check the address and the network.")
  }

  private var peer: String { usesRelay ? "the relay" : usesProxy ? "the proxy" : host }

  // MARK: TLS

  private var tls: Failure {
    if result == CURLE_SSL_CACERT_BADFILE {
      return make(
        .input, .needsUser, "the file of certificate authorities cannot be read", "Check --cacert.")
    }
    if result == CURLE_SSL_CONNECT_ERROR {
      // A cut connection is the network's doing; anything else will be the same the next time.
      if contains("reset") || contains("SYSCALL") || contains("unexpected eof") {
        return make(.network, .later(after: nil), "the connection broke during the TLS handshake")
      }
      return make(
        .tls, .needsUser, "no common TLS version or cipher, or \(host) does not speak TLS on this port",
        "Check the port and the scheme of the URL.")
    }
    let (cause, remedy) = certificateTrouble
    return make(.tls, .needsUser, "\(host)'s certificate was refused: \(cause)", remedy)
  }

  /// What is wrong and what helps. From X509_verify_cert's numbers, which libcurl hands through.
  private var certificateTrouble: (cause: String, remedy: String) {
    switch verifyResult {
    case 9:
      return (
        "it is not valid yet", "Check the date and time of this machine; else the server's owner has to act."
      )
    case 10:
      return (
        "it has expired", "The server's owner has to renew it; check the date and time of this machine, too."
      )
    case 18:
      return (
        "it is self-signed",
        "If you know that it is this server's, give the certificate itself with --cacert."
      )
    case 19, 20, 21:
      return (
        "its issuer is not among the known authorities",
        "If you trust this server, give its certificate authority with --cacert."
      )
    case 23: return ("it was revoked", "Do not use this server before its owner has a new certificate.")
    default: break
    }
    if contains("subject name") || contains("does not match") {
      return (
        "it is for another host name",
        "Check the host in the URL: another server may be answering in its place."
      )
    }
    return (
      "it cannot be verified", "If you trust this server, give its certificate authority with --cacert."
    )
  }

  // MARK: After the request was sent

  private var broken: Failure {
    if proxyStatus == 407 {
      return make(
        .credentials, .needsUser, "the proxy wants a user name and password",
        "Give them in the proxy URL.")
    }
    if proxyStatus >= 300 {
      return make(
        .proxy, .later(after: nil), "the proxy refused to connect to \(host) (status \(proxyStatus))",
        "Check the proxy setting.")
    }
    // What had begun to arrive goes on at once; a server that does not even answer gets a rest.
    let retry: Failure.Retry = answered ? .now : .later(after: nil)
    switch result {
    case CURLE_PARTIAL_FILE:
      return make(.network, retry, "the connection was closed before the end")
    case CURLE_GOT_NOTHING:
      return make(.network, retry, "the server closed the connection without an answer")
    case CURLE_HTTP2, CURLE_HTTP2_STREAM:
      return make(.network, retry, "the server broke off the HTTP/2 stream")
    default:
      let why = systemWords ?? (contains("reset") ? "connection reset by the other side" : "no more data")
      return make(.network, retry, "the connection broke (\(why))")
    }
  }

  // MARK: Words

  private func contains(_ part: String) -> Bool {
    ASCII.lowercased(words).contains(ASCII.lowercased(part))
  }

  private var systemWords: String? {
    switch systemError {
    case 0: nil
    case ECONNREFUSED: "connection refused"
    case ECONNRESET: "connection reset by the other side"
    case EPIPE: "connection closed by the other side"
    case ETIMEDOUT: "timed out"
    case ENETUNREACH: "network unreachable"
    case EHOSTUNREACH: "no route to the host"
    case ENOENT: "nobody is listening"
    default: Errno(code: systemError).message
    }
  }

  private var host: String { Self.host(request) }

  private static func host(_ request: TransferRequest) -> String {
    URLReference(request.url)?.hostAndPort ?? "the server"
  }

  /// The resolver says so, not only libcurl: trying again soon does not help.
  static func noSuchHost(_ request: TransferRequest) -> Failure {
    make(
      request, .network, .needsUser, "there is no host named \(host(request))",
      "Check the name, and whether the network that knows it (a VPN?) is connected.")
  }

  private func make(
    _ code: Failure.Code, _ retry: Failure.Retry, _ cause: String, _ remedy: String = ""
  ) -> Failure {
    Self.make(request, code, retry, cause, remedy)
  }

  private static func make(
    _ request: TransferRequest, _ code: Failure.Code, _ retry: Failure.Retry, _ cause: String,
    _ remedy: String
  ) -> Failure {
    var object = Printable.text(Redaction.url(request.url))
    if let range = request.range {
      // From 2^40 on it is no file's end, but the request for everything.
      let isOpen = range.end >= 1 << 40
      let from = range.start == 0 ? "" : " from byte \(range.start)"
      object += isOpen ? from : ", bytes \(range.start) to \(range.end - 1)"
    }
    return Failure(code, retry: retry, "Could not fetch \(object): \(cause).", remedy: remedy)
  }
}
