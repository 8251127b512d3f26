/// How bytes should travel, as a person asked.
package enum TransportChoice: String, Sendable, CaseIterable {
  case http
  case udt
  /// What measured best; http while no relay is known.
  case auto
}

/// Where the UDT end point for a URL is.
package enum RelayRule: Hashable, Sendable {
  /// None, unless the server names one (`Alt-Svc: parcel-udt=…`).
  case unknown
  /// One relay for everything: `--relay`, `-e`.
  case fixed(Endpoint)
  /// Each URL's own host; its port when the URL has one, else `port`. The original's `-u`.
  case urlHost(port: Int)

  /// The relay for a URL as far as this says; nil: none.
  package func endpoint(for url: String) -> Endpoint? {
    switch self {
    case .unknown: return nil
    case .fixed(let endpoint): return endpoint
    case .urlHost(let port):
      guard let parts = URLReference(url), let host = parts.bareHost else { return nil }
      return Endpoint(host: host, port: parts.port ?? port)
    }
  }
}

/// How one server is reached at the moment, and why. Shown in the header, in the detail's relay panel and in the events.
package struct RouteStatus: Hashable, Sendable {
  /// The server's origin: "https://data.example".
  package var origin: String
  /// Nil: none is known.
  package var relay: Endpoint?
  /// Of the run; a download may have its own.
  package var choice: TransportChoice
  /// What new segments use now.
  package var current: TransportKind
  /// Seconds since when; the run's clock.
  package var since: Instant
  /// The same as time of day, "14:02".
  package var clock: String
  /// One line, at most 80 characters: "742 Mbit/s against 61 over http", "no answer over UDP, http until 14:12".
  package var reason: String
  /// A measurement is running: rates of the moment say little.
  package var isMeasuring: Bool
  /// Of the relay's connections; nil without any.
  package var path: PathStatistics?
  /// Bytes per second through the relay, one value a second, oldest first, at most 600.
  package var history: [Double]

  package init(origin: String, choice: TransportChoice, since: Instant) {
    self.origin = origin
    self.choice = choice
    self.since = since
    current = .http
    clock = ""
    reason = ""
    isMeasuring = false
    history = []
  }
}

/// A server is reached another way from now on.
package struct RouteChange: Hashable, Sendable {
  package var time: Instant
  package var origin: String
  package var from: TransportKind
  package var to: TransportKind
  package var reason: String

  package init(time: Instant, origin: String, from: TransportKind, to: TransportKind, reason: String) {
    self.time = time
    self.origin = origin
    self.from = from
    self.to = to
    self.reason = reason
  }
}
