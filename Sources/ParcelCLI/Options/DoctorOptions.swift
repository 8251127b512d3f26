import ArgumentParser
import ParcelCore

/// The options of `parcel doctor`.
package struct DoctorOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The server to check, best with the URL of a file. Without it only this machine is checked.",
      valueName: "URL"), transform: DoctorTarget.read)
  package var target: DoctorTarget?

  @Option(
    name: .customLong("relay"),
    help: ArgumentHelp(
      "Check this UDT relay too. Default: the one that the server names. Port 9000 unless given.",
      valueName: "HOST[:PORT]"), transform: RelayArgument.read)
  package var relay: RelayArgument?

  @Option(
    name: [.customShort("d"), .customLong("dir")],
    help: ArgumentHelp("Check this target folder.", valueName: "DIR"))
  package var folder = "."

  @Option(
    name: .customLong("cacert"),
    help: ArgumentHelp(
      "PEM file with certificate authorities to trust instead of the system's.", valueName: "FILE"))
  package var cacert: String?

  @Option(
    name: .customLong("proxy"),
    help: ArgumentHelp("Proxy to go through. Default: the usual proxy variables.", valueName: "URL"),
    transform: ProxyArgument.read)
  package var proxy: ProxyArgument?

  @Flag(name: .customLong("json"), help: "Print one JSON object instead, when all is done.")
  package var json = false

  @OptionGroup package var look: LookOptions

  package init() {}

  package mutating func validate() throws {
    if folder.isEmpty { throw ValidationError("--dir needs a folder name. Use '.' for the current folder.") }
    if cacert?.isEmpty == true { throw ValidationError("--cacert needs a file name.") }
  }
}

/// The URL to check; a bare host means https.
package struct DoctorTarget: Hashable, Sendable, ArgumentValue {
  package var url: String

  package init?(argument: String) {
    guard let url = URLText.withScheme(argument, default: "https"), URLText.isHTTP(url),
      URLReference(url)?.isFetchable == true
    else { return nil }
    self.url = url
  }

  static var expected: String { "a host or an http:// or https:// URL" }
}

/// Help of `parcel doctor`.
package enum DoctorHelp {
  /// The first argument that makes it this command.
  package static let word = "doctor"

  package static let configuration = CommandConfiguration(
    commandName: "parcel doctor",
    abstract:
      "Checks the way to a server, this machine and the target folder, and says what to do about what is wrong.",
    usage: "parcel doctor [options] [URL]", version: ParcelVersion.text)

  package static let epilogue = """
    EXAMPLES:
      This machine and the current folder:
          parcel doctor
      The way to a file's server too:
          parcel doctor https://example.org/a.bam -d data
      And to a UDT relay:
          parcel doctor https://example.org/a.bam --relay relay.example:9000

    EXIT CODES:
        0  nothing is wrong; remarks may have been made
        1  several kinds of things are wrong
        2  wrong usage
        4  the proxy wants other credentials
        5  the object is gone
        6  the local disk or the target folder
        7  the network, the server or the relay

    """
}
