/// Who gets the token and headers with secrets.
package enum Credentials {
  /// Only the server of the file ids, and servers whose URLs the person typed. A manifest comes from others: whoever writes one could
  /// name a server of theirs, and be sent the token.
  ///
  /// `url`: where the download is asked for first; `server`: that of the file ids (`-s`).
  package static func areMeant(for spec: DownloadSpec, at url: String, server: String) -> Bool {
    if spec.isTyped { return true }
    guard let server = URLReference.server(server) else { return false }
    return URLReference(url)?.isSameOrigin(as: server) == true
  }

  /// What may be sent to such a server, or to another.
  package static func headers(_ all: [HTTPHeader], areMeant: Bool) -> [HTTPHeader] {
    all.filter { areMeant || !Redaction.isSecret(header: $0.name) }
  }
}
