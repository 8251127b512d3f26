import ParcelCLI
import ParcelCore
import ParcelRelay
import ParcelUDT

/// What `parcel-udt2tcp TARGET` and `parcel-server URL` do.
package enum UDTToTCPRelay {
  /// Relays until a signal ends it; the exit status. `name`: the program's. Call it on the main thread before any other
  /// thread is made. Throws `Failure` when the port, a range of addresses, the log or the metrics cannot be used.
  package static func run(
    _ name: String, target: Endpoint, _ options: RelayOptions
  ) throws(Failure) -> Int32 {
    RelayProgram.prepare()
    let program = try RelayProgram(options.program(name))
    let settings = try options.settings()
    // On all addresses of both families, or of IPv4 where there is no IPv6.
    let listener = try UDTListener(
      host: options.host ?? "::", port: options.port, options: UDTOptions(options), backlog: 1024,
      library: try UDTLibrary())
    let service = UDTToTCP.service(
      target: target, settings, onlyIPv4: options.onlyIPv4, observe: { program.observe($0) })
    // Without a listener libudt answers no handshake: whoever comes while the rest ends learns that nobody is there.
    try service.accept(
      close: { listener.close() },
      by: { timeout throws(Failure) in try listener.accept(timeout: timeout).map { RelayEnd(udt: $0) } })
    return try program.run(
      service, listening: "udt://" + Endpoint(host: listener.host, port: listener.port).text)
  }
}
