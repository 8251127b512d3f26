import ArgumentParser
import Glibc
import ParcelCLI
import ParcelCore
import ParcelNet
import ParcelRelay
import ParcelUDT

/// `parcel-tcp2udt`: the relay beside a TCP client.
package struct TCPToUDTCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "parcel-tcp2udt",
    abstract: "Takes TCP connections and passes each on over UDT.",
    discussion: """
      TARGET is HOST or HOST:PORT (9000 unless given) of a parcel-udt2tcp or parcel-server: every connection goes there.
      Listens on 127.0.0.1 unless --host says otherwise: whoever can connect uses the relay.
      SIGTERM and SIGINT let connections end for a while; the exit status is 1 when some had to be broken off.
      """,
    version: ParcelVersion.text)

  @Argument(help: ArgumentHelp("Where the UDT relay or server is.", valueName: "target"))
  var target: String

  @OptionGroup var options: RelayOptions

  // What the clients use to run it as a part of themselves.
  @Option(help: .hidden)
  var listenFd: Int32?

  @Option(help: .hidden)
  var controlFd: Int32?

  package init() {}

  package func validate() throws {
    guard RelayTarget.read(target, defaultPort: Endpoint.defaultPort) != nil else {
      throw ValidationError("'\(Printable.text(target))' is not HOST, HOST:PORT or http://HOST:PORT.")
    }
    guard (listenFd == nil) == (controlFd == nil), listenFd ?? 3 > 2, controlFd ?? 3 > 2 else {
      throw ValidationError("--listen-fd and --control-fd belong together and are above 2.")
    }
  }

  package func run() throws {
    finish("parcel-tcp2udt") { () throws(Failure) in try relay() }
  }

  private func relay() throws(Failure) -> Int32 {
    guard let target = RelayTarget.read(target, defaultPort: Endpoint.defaultPort) else {
      return ParcelCore.ExitCode.usage.rawValue
    }
    if let listenFd, let controlFd { return try embedded(target, listenFd, controlFd) }
    RelayProgram.prepare()
    let program = try RelayProgram(options.program("parcel-tcp2udt"))
    let settings = try options.settings()
    let listener = try TCPListener(host: options.host ?? "127.0.0.1", port: options.port)
    let service = RelayService(
      target: target.text, settings, observe: { program.observe($0) },
      connect: Self.connect(target, options, try UDTLibrary()))
    try service.accept(from: listener)
    return try program.run(
      service, listening: "tcp://" + Endpoint(host: listener.host, port: listener.port).text)
  }

  /// As the supervised child of a client.
  private func embedded(_ target: Endpoint, _ listen: Int32, _ control: Int32) throws(Failure) -> Int32 {
    let child = RelayChild(control: control, version: ParcelVersion.text)
    let settings = try options.settings()
    let listener = try TCPListener(listening: listen)
    let service = RelayService(
      target: target.text, settings, observe: { child.observe($0) },
      connect: Self.connect(target, options, try UDTLibrary()))
    try service.accept(from: listener)
    return child.run(service)
  }

  private static func connect(_ target: Endpoint, _ options: RelayOptions, _ library: UDTLibrary)
    -> RelayService.Connect
  {
    let connector = UDTConnector(options: UDTOptions(options), library: library)
    let watch = SegmentWatch(connector)
    return { () throws(RelayRefusal) in
      do throws(UDTStream.ConnectFailure) {
        let stream = try connector.connect(host: target.host, port: target.port)
        watch.add(stream)
        return RelayEnd(udt: stream)
      } catch {
        throw RelayRefusal(error.failure, isSilent: error.isSilent)
      }
    }
  }
}
