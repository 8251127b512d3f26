import ArgumentParser
import Glibc
import ParcelCLI
import ParcelCore
import ParcelRelay
import ParcelUDT

/// `parcel-udt2tcp`: the relay beside a TCP server.
package struct UDTToTCPCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "parcel-udt2tcp",
    abstract: "Takes UDT connections and passes each on to a TCP server.",
    discussion: """
      TARGET is HOST:PORT, or a URL of which host and port count: every connection goes there and nowhere else.
      Listens on all addresses unless --host says otherwise.
      SIGTERM and SIGINT let connections end for a while; the exit status is 1 when some had to be broken off.
      """,
    version: ParcelVersion.text)

  @Argument(help: ArgumentHelp("Where the TCP server is.", valueName: "target"))
  var target: String

  @OptionGroup var options: RelayOptions

  package init() {}

  package func validate() throws {
    guard RelayTarget.read(target) != nil else {
      throw ValidationError("'\(Printable.text(target))' is not HOST:PORT or http://HOST:PORT.")
    }
  }

  package func run() throws {
    finish("parcel-udt2tcp") { () throws(Failure) in try relay() }
  }

  private func relay() throws(Failure) -> Int32 {
    guard let target = RelayTarget.read(target) else { return ParcelCore.ExitCode.usage.rawValue }
    RelayProgram.prepare()
    let program = try RelayProgram(options.program("parcel-udt2tcp"))
    let settings = try options.settings()
    let listener = try Self.listener(options, library: try UDTLibrary())
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
      try UDTListener(host: host, port: options.port, options: udt, library: library)
    }
    if let host = options.host { return try listen(host) }
    if !options.onlyIPv4, let both = try? listen("::") { return both }
    return try listen("0.0.0.0")
  }
}
