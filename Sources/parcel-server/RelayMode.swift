import ArgumentParser
import ParcelCLI
import ParcelCore
import ParcelRelayApp

/// `parcel-server URL`, the original's form: UDT in, TCP to the URL's host and port.
struct RelayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parcel-server",
    abstract: "Takes UDT connections and passes each on to a data server.",
    usage: ServerCommand.usage,
    discussion: """
      URL is http://HOST:PORT or HOST:PORT: every connection goes there over TCP and nowhere else.
      Listens on all addresses unless --host says otherwise. parcel-udt2tcp is the same program.
      `parcel-server --help` describes --root and --demo.
      """,
    version: ParcelVersion.text)

  @Argument(help: ArgumentHelp("The data server: http://HOST:PORT.", valueName: "url"))
  var url: String

  @OptionGroup var options: RelayOptions

  /// True when `arguments` (without the program's name) are of this form.
  static func isMeant(by arguments: [String]) -> Bool {
    let names = arguments.map { $0.prefix { $0 != "=" } }
    return !names.contains("--root") && !names.contains("--demo")
      && !arguments.allSatisfy { $0.hasPrefix("-") }
  }

  func validate() throws {
    guard RelayTarget.read(url) != nil else {
      throw ValidationError("'\(Printable.text(url))' is not http://HOST:PORT or HOST:PORT.")
    }
  }

  func run() throws {
    finish("parcel-server") { () throws(Failure) in
      guard let target = RelayTarget.read(url) else { return ParcelCore.ExitCode.usage.rawValue }
      return try UDTToTCPRelay.run("parcel-server", target: target, options)
    }
  }
}
