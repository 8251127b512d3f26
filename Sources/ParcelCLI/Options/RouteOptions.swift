import ArgumentParser
import ParcelCore

/// How the bytes travel: TCP, UDT, or what measures best.
package struct RouteOptions: ParsableArguments {
  @Flag(
    name: [.customShort("u"), .customLong("udt")],
    help: "Fetch over UDT. Without --relay the server's own host is asked, on its URL's port or 9000.")
  package var udt = false

  @Option(
    name: .customLong("relay"),
    help: ArgumentHelp(
      "UDT relay to go through; the server's URL, its certificate included, stays the real one. Port: 9000 unless given.",
      valueName: "HOST[:PORT]"), transform: RelayArgument.read)
  package var relay: RelayArgument?

  @Option(
    name: .customLong("transport"),
    help: ArgumentHelp(
      "http, udt, or auto: both are measured and the faster one is taken. Default: auto when a relay is known, else http.",
      valueName: "KIND"), transform: TransportArgument.read)
  package var transport: TransportArgument?

  @Flag(
    name: [.customShort("e"), .customLong("external-proxy")],
    help: "Fetch over UDT through a parcel-tcp2udt that runs already, at -H and -P.")
  package var usesExternal = false

  @Option(
    name: [.customShort("H"), .customLong("proxy-host")],
    help: ArgumentHelp("Host of -e. Default: localhost.", valueName: "HOST"))
  package var externalHost: String?

  @Option(
    name: [.customShort("P"), .customLong("proxy-port")],
    help: ArgumentHelp("Port of -e. Default: 9000.", valueName: "PORT"))
  package var externalPort: Int?

  package init() {}

  /// Where `-e` finds the parcel-tcp2udt that others started.
  package var external: Endpoint? {
    guard usesExternal else { return nil }
    return Endpoint(host: externalHost ?? "localhost", port: externalPort ?? Endpoint.defaultPort)
  }

  package var relayRule: RelayRule {
    if let external { return .fixed(external) }
    if let relay { return .fixed(relay.endpoint) }
    return udt ? .urlHost(port: Endpoint.defaultPort) : .unknown
  }

  package var choice: TransportChoice { transport?.choice ?? (udt || usesExternal ? .udt : .auto) }

  package mutating func validate() throws {
    if usesExternal && relay != nil {
      throw ValidationError(
        "--relay names a relay for the built-in tunnel and -e a tunnel that runs already. Leave one of them out."
      )
    }
    if !usesExternal && (externalHost != nil || externalPort != nil) {
      throw ValidationError("-H and -P say where the parcel-tcp2udt of -e is: give -e too.")
    }
    if let externalPort, !(1...65_535).contains(externalPort) {
      throw ValidationError("--proxy-port must be a number from 1 to 65535, not \(externalPort).")
    }
    if let externalHost, Endpoint(host: externalHost).text != Endpoint(externalHost)?.text {
      throw ValidationError("--proxy-host must be a host without a port; the port goes to -P.")
    }
    if transport?.choice == .udt && relayRule == .unknown {
      throw ValidationError("--transport udt needs to know a relay: give --relay HOST, or -u, or -e.")
    }
    if transport?.choice == .http && (udt || usesExternal) {
      throw ValidationError("--transport http contradicts \(udt ? "--udt" : "-e"). Leave one of them out.")
    }
  }
}

/// A relay as it was typed: "relay.example", "relay.example:9001", "[::1]:9000".
package struct RelayArgument: Hashable, Sendable, ArgumentValue {
  package var endpoint: Endpoint

  package init?(argument: String) {
    guard let endpoint = Endpoint(argument) else { return nil }
    self.endpoint = endpoint
  }

  static var expected: String { "a host, a host with a port (relay.example:9000), or [IPv6]:PORT" }
}

/// `http`, `udt` or `auto`.
package struct TransportArgument: Hashable, Sendable, ArgumentValue {
  package var choice: TransportChoice

  package init?(argument: String) {
    guard let choice = TransportChoice(rawValue: ASCII.lowercased(argument[...])) else { return nil }
    self.choice = choice
  }

  static var expected: String { "http, udt or auto" }
}
