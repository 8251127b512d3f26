import ArgumentParser
import ParcelCore

/// What matters only where this program serves files itself.
struct ServingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Certificate chain, PEM: serve over TLS only.", valueName: "file"))
  var cert: String?

  @Option(help: ArgumentHelp("The certificate's key, PEM, when it is in another file.", valueName: "file"))
  var key: String?

  @Flag(help: "Allow a token to cross the network without TLS.")
  var allowCleartext = false

  @Flag(help: "Serve over TCP only.")
  var noUdt = false

  @Option(
    help: ArgumentHelp("Where answers say that UDT is reached, instead of here.", valueName: "host:port"))
  var advertise: String?

  @Option(help: ArgumentHelp("Accept only from these addresses. May be repeated.", valueName: "cidr"))
  var allow: [String] = []

  @Flag(name: .customLong("ipv4"), help: "Use IPv4 only.")
  var onlyIPv4 = false

  @Option(
    help: ArgumentHelp(
      "Answer GET /metrics there, for Prometheus: 127.0.0.1:PORT or unix:PATH.", valueName: "address"))
  var metrics: String?

  @Flag(help: "The same as --log -.")
  var logJson = false

  @Option(help: ArgumentHelp("Keep computed digests in this file.", valueName: "file"))
  var digestCache: String?

  @Option(help: ArgumentHelp("How long running answers may take to end.", valueName: "seconds"))
  var drain = 10.0

  @Option(help: ArgumentHelp("Connections at the same time; more are refused.", valueName: "count"))
  var maxConnections = 4096

  @Option(help: ArgumentHelp("Close connections that ask for nothing for so long.", valueName: "seconds"))
  var idleTimeout = 75.0

  func validate() throws {
    guard key == nil || cert != nil else { throw ValidationError("--key needs --cert.") }
    guard (0...86_400).contains(drain) else { throw ValidationError("--drain must be 0 to 86400 seconds.") }
    guard (1...1_000_000).contains(maxConnections) else {
      throw ValidationError("--max-connections must be 1 to 1000000.")
    }
    guard idleTimeout > 0, idleTimeout <= 86_400 else {
      throw ValidationError("--idle-timeout must be above 0, at most 86400 seconds.")
    }
    guard let advertise else { return }
    guard Endpoint(advertise) != nil else {
      throw ValidationError("'\(Printable.text(advertise))' is no HOST:PORT.")
    }
  }
}
