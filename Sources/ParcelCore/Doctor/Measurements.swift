/// A name was looked up.
package struct NameMeasurement: Sendable {
  package var host: String
  /// True: the proxy's name, because it is the proxy that we connect to.
  package var isProxy: Bool
  /// As the system names them, without port.
  package var addresses: [String]
  package var seconds: Double
  /// Why there are no addresses, in the resolver's words; nil: it did not answer in time.
  package var failure: String?

  package init(host: String, isProxy: Bool, addresses: [String], seconds: Double, failure: String? = nil) {
    self.host = host
    self.isProxy = isProxy
    self.addresses = addresses
    self.seconds = seconds
    self.failure = failure
  }
}

/// A TCP connection was tried.
package struct ConnectMeasurement: Sendable {
  package enum Outcome: Sendable, Hashable {
    case connected(seconds: Double)
    case refused
    /// This machine has no way to such addresses (no IPv6, no network).
    case noRoute
    case silent(seconds: Double)
    /// In the system's words.
    case failed(String)
  }

  /// "192.0.2.7:443", "[2001:db8::1]:443".
  package var address: String
  package var outcome: Outcome

  package init(address: String, outcome: Outcome) {
    self.address = address
    self.outcome = outcome
  }

  /// The handshake's time: one round trip.
  package var roundTrip: Double? {
    if case .connected(let seconds) = outcome { seconds } else { nil }
  }
}

/// A TLS handshake was made.
package struct CertificateMeasurement: Sendable {
  package enum Trouble: Sendable, Hashable {
    case expired, notYetValid, selfSigned, unknownIssuer, wrongHost, revoked
    /// `--cacert` cannot be read.
    case authorityFile
    /// No common version or cipher, or no TLS on that port.
    case noTLS
    case noAnswer
    /// A short cause in words.
    case other(String)
  }

  package var host: String
  /// "TLSv1.3"; nil when unknown.
  package var version: String?
  /// Common names, or what else the certificate says of them; empty when unknown.
  package var subject: String
  package var issuer: String
  /// The names that it is for.
  package var names: [String]
  /// Seconds since 1970.
  package var starts: Int?
  package var expires: Int?
  /// Certificates that the server sent.
  package var chainLength: Int
  package var trouble: Trouble?

  package init(host: String) {
    self.host = host
    subject = ""
    issuer = ""
    names = []
    chainLength = 0
  }
}

/// The first byte of the object was asked for.
package struct AnswerMeasurement: Sendable {
  package var url: String
  /// Where redirects led to, in order.
  package var redirects: [String]
  /// The final answer, or why there is none.
  package var head: ResponseHead?
  package var failure: Failure?
  /// "1.1", "2".
  package var httpVersion: String?
  /// From the request to the answer's head, connection included.
  package var seconds: Double
  /// This machine's clock when the answer came, seconds since 1970.
  package var now: Int

  package init(url: String, now: Int) {
    self.url = url
    self.now = now
    redirects = []
    seconds = 0
  }
}

/// A UDT handshake was sent to one address.
package struct DatagramMeasurement: Sendable {
  package enum Outcome: Sendable, Hashable {
    /// The best of several.
    case answered(seconds: Double, tries: Int)
    case otherVersion
    case foreign
    /// The host says that nobody listens.
    case refused
    case noRoute
    case silent
    case failed(String)
  }

  /// "192.0.2.7:9000".
  package var address: String
  package var outcome: Outcome

  package init(address: String, outcome: Outcome) {
    self.address = address
    self.outcome = outcome
  }

  package var roundTrip: Double? {
    if case .answered(let seconds, _) = outcome { seconds } else { nil }
  }
}

/// How large packets to one address may be.
package struct PacketSizeMeasurement: Sendable, Hashable {
  /// Bytes that this machine's kernel would send there in one packet.
  package var local: Int
  /// The same once routers on the way had the time to say that they take less; nil: nothing was sent.
  package var path: Int?

  package init(local: Int, path: Int?) {
    self.local = local
    self.path = path
  }
}

/// What this machine allows.
package struct MachineMeasurement: Sendable {
  /// Bytes; nil when the system does not say.
  package var receiveBufferLimit: Int?
  package var sendBufferLimit: Int?
  package var openFiles: Int?
  package var openFilesHard: Int?
  /// The path of `parcel-tcp2udt`; nil when it is neither beside parcel nor in PATH.
  package var relayProgram: String?
  package var relayProgramFolder: String

  package init(relayProgramFolder: String) { self.relayProgramFolder = relayProgramFolder }
}

/// What the target folder is like.
package struct FolderMeasurement: Sendable {
  /// As given.
  package var path: String
  /// The nearest folder that exists: itself, or where it would be made.
  package var existing: String
  /// Why a file could not be made there; nil: it could, and is gone again.
  package var writeFailure: String?
  /// Whether the file could be longer than the room it takes; nil when not tried.
  package var sparse: Bool?
  /// "ext4", "nfs"; nil for an unknown one.
  package var kind: String?
  package var isReadOnly: Bool
  /// Bytes for ordinary users; nil when the system does not say.
  package var free: Int?
  package var size: Int?
  /// Nil where the file system has no fixed number of them, or does not say.
  package var freeInodes: Int?
  /// Why nothing is known at all: not a folder, no permission.
  package var failure: String?

  package init(path: String, existing: String) {
    self.path = path
    self.existing = existing
    isReadOnly = false
  }
}
