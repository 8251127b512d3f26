import CTLS
import ParcelCore
import Synchronization

/// The certificate chain and the key that a server shows to its clients, both PEM.
package final class TLSCertificate: Sendable {
  /// OpenSSL counts who uses its object, so an old one may go while connections still have it.
  private struct Loaded: @unchecked Sendable { let context: OpaquePointer }

  private let certificate: String
  private let key: String
  private let current: Mutex<Loaded>

  /// Reads both files; `key` may be the same file. A key with a passphrase is refused. Throws `Failure(.tls, .needsUser)`.
  package init(certificate: String, key: String) throws(Failure) {
    self.certificate = certificate
    self.key = key
    current = Mutex(try Self.load(certificate, key))
  }

  deinit { current.withLock { parcel_tls_context_free($0.context) } }

  /// Reads the files again, for connections from now on. When that fails, the old ones stay in use. Any thread.
  package func reload() throws(Failure) {
    let new = try Self.load(certificate, key)
    current.withLock { loaded in
      parcel_tls_context_free(loaded.context)
      loaded = new
    }
  }

  private static func load(_ certificate: String, _ key: String) throws(Failure) -> Loaded {
    if let context = parcel_tls_context_new(certificate, key) { return Loaded(context: context) }
    throw Failure(
      .tls, retry: .needsUser,
      "Could not use the certificate '\(Printable.text(certificate))' with the key '\(Printable.text(key))': "
        + "\(TLSError.last).",
      remedy: "Give PEM files that belong together, the key without a passphrase.")
  }

  /// A new connection's state; nil when there is no memory.
  func makeConnection() -> OpaquePointer? { current.withLock { parcel_tls_new($0.context) } }
}

enum TLSError {
  /// Why this thread's last call failed.
  static var last: String {
    var text = [CChar](repeating: 0, count: 256)
    parcel_tls_error(&text, text.count)
    return Printable.text(
      String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
  }
}
