import ArgumentParser
import ParcelCLI
import ParcelCore
import ParcelRelayApp

/// `parcel-server`: serves a folder, or a demo, until it is told to end.
struct ServerCommand: ParsableCommand {
  /// Of both forms.
  static let usage = """
    parcel-server --root <dir> [<options>]
    parcel-server --demo [<options>]
    parcel-server <url> [<options>]
    """

  static let configuration = CommandConfiguration(
    commandName: "parcel-server",
    abstract:
      "Serves files over HTTP, on TCP and on UDT, with ranges, strong validators and a GDC manifest of what it has.",
    usage: usage,
    discussion: """
      Objects are at /PATH and at /data/ID; the manifest is at /manifest.tsv. TCP and UDT have the same port \
      number.

      With a URL instead of a folder, UDT connections are carried to that server over TCP, as the original parcel does; \
      `parcel-server URL --help` describes the options of that.

      RATE: bytes per second as 500k, 12M or 1.5G, bits as 400Mbit; powers of ten; 0 is no limit.

      SIGTERM and SIGINT let running answers end: 0 when all did, 1 when some had to be broken off. SIGHUP reads the \
      certificate again.
      """,
    version: ParcelVersion.text)

  @Option(help: ArgumentHelp("Serve the files below this folder.", valueName: "dir"))
  var root: String?

  @Flag(help: "Serve generated files, about 1.3 GB, that need no disk.")
  var demo = false

  @Option(help: ArgumentHelp("Multiply the demo's sizes.", valueName: "x"))
  var demoScale = 1.0

  @Option(
    name: [.short, .long],
    help: "Port; 0 takes any that is free for TCP and UDT. Default: 9000, with --demo 0.")
  var port: Int?

  @Option(name: [.customShort("i"), .long], help: "Address to listen on.")
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("Limit of all connections together.", valueName: "rate"))
  var rate: String?

  @Option(help: ArgumentHelp("Limit of each connection.", valueName: "rate"))
  var connectionRate: String?

  @Option(help: ArgumentHelp("Write the GDC manifest there before serving.", valueName: "file"))
  var manifest: String?

  @Option(
    help: ArgumentHelp("Append one line of JSON for each answer; - is standard output.", valueName: "file"))
  var log: String?

  @Option(help: ArgumentHelp("Ask for the token in this file (X-Auth-Token).", valueName: "file"))
  var tokenFile: String?

  @OptionGroup
  var serving: ServingOptions

  @OptionGroup
  var udt: UDTTuning

  @Flag(name: .shortAndLong, help: "Say on standard error what is served.")
  var verbose = false

  /// The original's, unless something else is said; a demo has no need of one that others know.
  var listeningPort: Int { port ?? (root == nil ? 0 : Endpoint.defaultPort) }

  func validate() throws {
    guard log?.isEmpty != true else { throw ValidationError("--log needs a file name.") }
    guard log == nil || !serving.logJson else { throw ValidationError("Give either --log or --log-json.") }
    guard demo != (root != nil) else {
      throw ValidationError("Give one of --root DIR, --demo, or a URL.")
    }
    guard (0...65535).contains(listeningPort) else { throw ValidationError("--port must be 0 to 65535.") }
    guard demoScale > 0, demoScale <= 1000 else {
      throw ValidationError("--demo-scale must be above 0, at most 1000.")
    }
    do {
      for text in [rate, connectionRate].compactMap({ $0 }) { _ = try RateText.bytesPerSecond(text) }
    } catch { throw ValidationError(error.text) }
  }

  func run() throws {
    do throws(Failure) {
      try serveFiles()
    } catch {
      Say.error("parcel-server: \(error.text)")
      throw ArgumentParser.ExitCode(ParcelCore.ExitCode(error.code).rawValue)
    }
  }
}
