import ArgumentParser
import ParcelCLI
import ParcelCore

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
    return try UDTToTCPRelay.run("parcel-udt2tcp", target: target, options)
  }
}
