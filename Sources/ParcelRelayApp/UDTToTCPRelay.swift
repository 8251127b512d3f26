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
    let listener = try listener(options, library: try UDTLibrary())
    let service = UDTToTCP.service(
      target: target, settings, onlyIPv4: options.onlyIPv4, observe: { program.observe($0) })
    try service.accept { timeout throws(Failure) in
      try listener.accept(timeout: timeout).map { RelayEnd(udt: $0) }
    }
    let status = try program.run(
      service, listening: "udt://" + Endpoint(host: listener.host, port: listener.port).text)
    listener.close()
    return status
  }

  /// On all addresses of both families, or of IPv4 where there is no IPv6.
  private static func listener(_ options: RelayOptions, library: UDTLibrary) throws(Failure) -> UDTListener {
    let udt = UDTOptions(options.udt)
    func listen(_ host: String) throws(Failure) -> UDTListener {
      try UDTListener(host: host, port: options.port, options: udt, backlog: 1024, library: library)
    }
    if let host = options.host { return try listen(host) }
    if !options.onlyIPv4, let both = try? listen("::") { return both }
    return try listen("0.0.0.0")
  }
}
