import ArgumentParser
import Glibc
import ParcelCLI
import ParcelCore
import ParcelServer
import ParcelSystem

/// `parcel-server`: serves a folder, or a demo, until it is told to end.
struct ServerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parcel-server",
    abstract: "Serves files over HTTP with ranges, strong validators and a GDC manifest of what it has.",
    discussion: """
      Objects are at /PATH and at /data/ID; the manifest is at /manifest.tsv.
      RATE: bytes per second as 500k, 12M or 1.5G, bits as 400Mbit; powers of ten.
      SIGTERM and SIGINT let running answers end for up to 10 seconds.
      """,
    version: ParcelVersion.text)

  @Option(help: ArgumentHelp("Serve the files below this folder.", valueName: "dir"))
  var root: String?

  @Flag(help: "Serve generated files, about 1.3 GB, that need no disk.")
  var demo = false

  @Option(help: ArgumentHelp("Multiply the demo's sizes.", valueName: "x"))
  var demoScale = 1.0

  @Option(name: [.short, .long], help: "Port; 0 takes any free one.")
  var port = 0

  @Option(name: [.customShort("i"), .long], help: "Address to listen on.")
  var host = "127.0.0.1"

  @Option(help: ArgumentHelp("Limit of all connections together.", valueName: "rate"))
  var rate: String?

  @Option(help: ArgumentHelp("Limit of each connection.", valueName: "rate"))
  var connectionRate: String?

  @Option(help: ArgumentHelp("Write the GDC manifest there before serving.", valueName: "file"))
  var manifest: String?

  @Option(help: ArgumentHelp("Append one line of JSON for each answer.", valueName: "file"))
  var log: String?

  @Option(help: ArgumentHelp("Ask for the token in this file (X-Auth-Token).", valueName: "file"))
  var tokenFile: String?

  @Flag(name: .shortAndLong, help: "Say on standard error what is served.")
  var verbose = false

  func validate() throws {
    guard demo != (root != nil) else { throw ValidationError("Give either --root DIR or --demo.") }
    guard (0...65535).contains(port) else { throw ValidationError("--port must be 0 to 65535.") }
    guard demoScale > 0, demoScale <= 1000 else {
      throw ValidationError("--demo-scale must be above 0, at most 1000.")
    }
    do {
      for text in [rate, connectionRate].compactMap({ $0 }) { _ = try RateText.bytesPerSecond(text) }
    } catch { throw ValidationError(error.text) }
  }

  func run() throws {
    do throws(Failure) {
      try serve()
    } catch {
      Self.say("parcel-server: \(error.text)\n")
      throw ArgumentParser.ExitCode(ParcelCore.ExitCode(error.code).rawValue)
    }
  }

  private func serve() throws(Failure) {
    // Before any thread is made, so that all have it blocked and only the wait below gets it.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGPIPE] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)

    let content: any Content
    if let root {
      content = try FolderContent(root: root)
    } else {
      content = GeneratedContent(Demo.items(scale: demoScale))
    }
    if demo || manifest != nil {
      let files = content.manifest()
      if let manifest { try Self.write(ContentManifest.text(files), to: manifest) }
      if verbose {
        Self.say("\(files.count) files, \(Grouped.text(files.reduce(0) { $0 + $1.size })) bytes\n")
      }
    }
    let server = try FileServer(content, options())
    print("listening on \(server.url)")
    fflush(nil)
    sigdelset(&signals, SIGPIPE)
    var signal: Int32 = 0
    sigwait(&signals, &signal)
    if verbose { Self.say("ending\n") }
    // A second signal ends at once.
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    server.stop(deadline: 10)
  }

  private func options() throws(Failure) -> ServerOptions {
    var options = ServerOptions()
    options.host = host
    options.port = port
    if let rate { options.rate = try RateText.bytesPerSecond(rate) }
    if let connectionRate { options.connectionRate = try RateText.bytesPerSecond(connectionRate) }
    if let tokenFile { options.token = try TokenFile.read(tokenFile) }
    options.log = log
    return options
  }

  private static func say(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(2, bytes, bytes.count)
  }

  /// Writes a new file and renames it over the old one, so that nobody reads half a manifest.
  private static func write(_ bytes: [UInt8], to path: String) throws(Failure) {
    let temporary = path + ".new"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    var isGood = file >= 0
    var done = 0
    while isGood, done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.write(file, $0.baseAddress?.advanced(by: done), $0.count - done)
      }
      isGood = count > 0
      done += count
    }
    if file >= 0, close(file) != 0 { isGood = false }
    if isGood, rename(temporary, path) == 0 { return }
    let cause = Errno.last.message
    unlink(temporary)
    throw Failure(.disk, retry: .needsUser, "Could not write '\(Printable.text(path))': \(cause).")
  }
}
