/// One attempt at a segment. Numbers are never used twice in a run.
package struct TransferID: Hashable, Comparable, Sendable {
  package var number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (a: TransferID, b: TransferID) -> Bool { a.number < b.number }
}

/// A request as the transport sends it. Everything in it was decided before: no redirects, no retries, no
/// credentials added by the transport but what `netrc` says about this very host.
package struct TransferRequest: Sendable {
  package var id: TransferID
  package var url: String
  /// Bytes asked for with `Range`, nil for the whole object without a `Range` header.
  package var range: ByteRange?
  /// In order. Credentials for this host are among them; names of secret ones are in `secretHeaders` of the caller's log.
  package var headers: [HTTPHeader]
  /// True: on a connection that other requests may share (HTTP/2 streams, for many small files). False: HTTP/1.1 on a
  /// connection of its own (kept alive for the next), because streams of one connection share one congestion window.
  package var shared: Bool
  /// The relay to go through; nil: direct.
  package var relay: Endpoint?
  /// Ask with HEAD: the answer has no body, and its receiver should `reject` it.
  package var headOnly = false
  /// On a connection of its own that was not used before.
  package var fresh = false
  /// False behind a redirect to another server, which a `default` entry would hand a password to.
  package var mayUseNetrc: Bool

  package init(
    id: TransferID, url: String, range: ByteRange?, headers: [HTTPHeader], shared: Bool,
    relay: Endpoint? = nil, mayUseNetrc: Bool = true
  ) {
    self.id = id
    self.url = url
    self.range = range
    self.headers = headers
    self.shared = shared
    self.relay = relay
    self.mayUseNetrc = mayUseNetrc
  }
}

/// How a transport is set up for a run.
package struct TransportOptions: Sendable {
  /// PEM file of additional certificate authorities instead of the system's.
  package var certificateAuthorities: String?
  /// True: certificates and host names are not checked.
  package var insecure = false
  /// Proxy URL; nil: the usual proxy variables decide.
  package var proxy: String?
  /// True: `~/.netrc` may supply a user and password for a host.
  package var netrc = false
  /// Bytes per second over all transfers, nil = no limit.
  package var rateLimit: Int?
  /// Seconds to connect, name lookup and TLS included.
  package var connectTimeout: Double = 20
  package var userAgent = "parcel"
  /// Every header in and out to the log, secrets as stars.
  package var debug = false

  package init() {}
}

/// How bytes travel. Implementations never block their caller; any thread may call.
package protocol Transport: Sendable {
  var kind: TransportKind { get }

  /// Opens a transfer. Its answer and its bytes go to `receiver` on the transport's own thread; after
  /// `receiver.end` nothing more is called for it.
  func open(_ request: TransferRequest, receiver: any TransferReceiver)

  /// Ends a transfer early; `receiver.end(.stopped)` follows, at once or after bytes that were already on their way.
  /// Unknown and ended numbers are ignored.
  func stop(_ id: TransferID)

  /// Paused transfers (`WriteAnswer.pause`) are offered again soon: there is room for their bytes.
  func resumePaused()

  /// Bytes per second over all transfers, nil = no limit. Takes effect within a second.
  func setRateLimit(_ bytesPerSecond: Int?)

  /// What the path to a relay looks like now; nil when this transport uses none, or knows nothing yet. Never waits.
  func path(to relay: Endpoint) -> PathStatistics?

  /// Ends everything and frees the thread. Transfers still open end with `.stopped`.
  func shutDown()
}

extension Transport {
  package func path(to relay: Endpoint) -> PathStatistics? { nil }
}

/// What a transfer's answer and bytes go to. Called on the transport's thread only, never at the same time, in this
/// order: `begin` once, `write` any number of times, `end` once (`end` alone when no answer came). Must not block.
package protocol TransferReceiver: AnyObject, Sendable {
  /// The final answer's head, before any byte of its body (1xx answers are not shown).
  func begin(_ head: ResponseHead) -> BodyDecision

  /// The next bytes of the body. They are borrowed: copy what is kept. The answer counts for all of `bytes` or, with
  /// `.pause`, for none: the same bytes are offered again after `Transport.resumePaused()`.
  func write(_ bytes: UnsafeRawBufferPointer) -> WriteAnswer

  func end(_ end: TransferEnd)
}

/// What to do with an answer's body.
package enum BodyDecision: Hashable, Sendable {
  /// Give it to `write`.
  case receive
  /// Not wanted. Its first 4 KiB are kept in `TransferEnd.errorBody` when the status is 400 or above, then the transfer
  /// ends with `.rejected`.
  case reject
}

/// What a sink says to bytes.
package enum WriteAnswer: Hashable, Sendable {
  case more
  /// No room now; nothing was taken.
  case pause
  /// These bytes, or as many of them as were wanted, complete the segment: the transfer ends with `.completed` even if
  /// the server would send more.
  case enough
  /// End the transfer with `.stopped`; nothing was taken.
  case stop
}

/// How a transfer ended.
package struct TransferEnd: Sendable {
  package enum Reason: Sendable {
    /// The body ended where the server's framing says it ends, or the receiver said `.enough`.
    case completed
    /// `stop` was called, or the receiver said `.stop`.
    case stopped
    /// The receiver's `begin` said `.reject`.
    case rejected
    /// Broken on the way; no body byte after the last `write` was lost by us.
    case failed(Failure)
  }

  package var reason: Reason
  /// The answer, when one came.
  package var head: ResponseHead?
  /// At most 4 KiB of a rejected answer's body.
  package var errorBody: [UInt8]
  /// Seconds to connect (TCP only), nil on a reused connection: about one round trip.
  package var connectSeconds: Double?
  /// "1.1", "2"; nil when nothing was sent.
  package var httpVersion: String?

  package init(
    reason: Reason, head: ResponseHead? = nil, errorBody: [UInt8] = [], connectSeconds: Double? = nil,
    httpVersion: String? = nil
  ) {
    self.reason = reason
    self.head = head
    self.errorBody = errorBody
    self.connectSeconds = connectSeconds
    self.httpVersion = httpVersion
  }
}
