import ArgumentParser
import ParcelCore

/// The options that `parcel-tcp2udt`, `parcel-udt2tcp` and `parcel-server` share, with the original programs' spellings.
package struct RelayOptions: ParsableArguments {
  @Option(name: [.short, .long], help: "Port to listen on; 0 takes any free one.")
  package var port = Endpoint.defaultPort

  @Option(name: [.customShort("i"), .long], help: "Address to listen on.")
  package var host: String?

  @OptionGroup package var udt: UDTTuning

  @Option(help: ArgumentHelp("Connections at a time; more are reset at once.", valueName: "n"))
  package var maxConnections = 1000

  @Option(help: ArgumentHelp("Connections at a time from one address.", valueName: "n"))
  package var maxPerSource: Int?

  @Option(help: ArgumentHelp("Accept only from these addresses. May be repeated.", valueName: "cidr"))
  package var allow: [String] = []

  @Option(help: ArgumentHelp("Break connections that stand still for so long; 0 never.", valueName: "s"))
  package var idleTimeout = 3600.0

  @Option(help: ArgumentHelp("On SIGTERM let connections end for so long.", valueName: "s"))
  package var drain = 30.0

  @Option(
    help: ArgumentHelp(
      "Answer GET /metrics there, for Prometheus: 127.0.0.1:PORT or unix:PATH.", valueName: "address"))
  package var metrics: String?

  @Option(
    help: ArgumentHelp("Append a line of JSON for each connection; - is standard output.", valueName: "file"))
  package var log: String?

  @Flag(help: "The same as --log -.")
  package var logJson = false

  @Flag(name: .customLong("ipv4"), help: "Use IPv4 only.")
  package var onlyIPv4 = false

  @Flag(name: .shortAndLong, help: "Say on standard error what happens.")
  package var verbose = false

  package init() {}

  /// Where the log goes; nil: there is none.
  package var logPath: String? { log ?? (logJson ? "-" : nil) }

  package mutating func validate() throws {
    func check(_ isGood: Bool, _ text: String) throws { if !isGood { throw ValidationError(text) } }
    try check((0...65_535).contains(port), "--port must be 0 to 65535.")
    try check((1...100_000).contains(maxConnections), "--max-connections must be 1 to 100000.")
    try check(maxPerSource.map { $0 > 0 } ?? true, "--max-per-source must be above 0.")
    try check((0...1e7).contains(idleTimeout), "--idle-timeout must be 0 to 10000000 seconds.")
    try check((0...1e6).contains(drain), "--drain must be 0 to 1000000 seconds.")
    try check(host?.isEmpty != true, "--host needs an address.")
    try check(log?.isEmpty != true, "--log needs a file name.")
    try check(log == nil || !logJson, "Give either --log or --log-json.")
  }
}

/// UDT's own sizes. The original's spellings with underscores work too.
package struct UDTTuning: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The largest IP packet in bytes. Default: 1500 on IPv4, 1480 on IPv6; more only where the whole path takes it.",
      valueName: "bytes"))
  package var mss: Int?

  @Option(
    name: [.customLong("udt-buffer-size"), .customLong("udt_buffer_size")],
    help: ArgumentHelp("UDT's buffers of each connection.", valueName: "bytes"))
  package var udtBuffer: Int?

  @Option(
    name: [.customLong("udp-buffer-size"), .customLong("udp_buffer_size")],
    help: ArgumentHelp("The system's buffers of each UDP socket.", valueName: "bytes"))
  package var udpBuffer: Int?

  @Option(
    help: ArgumentHelp(
      "How fast to send over UDT: model (what the path delivers, whatever it loses), fair (like model, but gives way to every loss above 2 %), native (UDT's own law), or fixed=RATE for a link of your own.",
      valueName: "law"),
    transform: UDTTuning.congestion)
  package var congestion = CongestionPreset.model

  package init() {}

  private static func congestion(_ text: String) throws -> CongestionPreset {
    do { return try CongestionPreset(text) } catch { throw ValidationError("--congestion: " + error.text) }
  }

  package mutating func validate() throws {
    let segments = PacketFilter.segments
    if let mss, !segments.contains(mss) {
      throw ValidationError("--mss must be \(segments.lowerBound) to \(segments.upperBound).")
    }
    let sizes = 65_536...1_000_000_000
    if let udtBuffer, !sizes.contains(udtBuffer) {
      throw ValidationError("--udt-buffer-size must be 65536 to 1000000000.")
    }
    if let udpBuffer, !sizes.contains(udpBuffer) {
      throw ValidationError("--udp-buffer-size must be 65536 to 1000000000.")
    }
  }
}
