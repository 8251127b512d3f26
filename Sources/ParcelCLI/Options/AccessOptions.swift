import ArgumentParser
import ParcelCore

/// Credentials, certificates, proxies.
package struct AccessOptions: ParsableArguments {
  @Option(
    name: [.customShort("t"), .customLong("token-file")],
    help: ArgumentHelp(
      "Read the access token from FILE; sent as X-Auth-Token to the server only, and to those of URLs that you type.",
      valueName: "FILE"))
  package var tokenFile: String?

  @Option(
    name: [.customShort("T"), .customLong("token")],
    help: ArgumentHelp(
      "The access token itself. Others on this machine can see it in the process list: prefer -t.",
      valueName: "TOKEN"))
  package var token: String?

  @Option(
    name: .customLong("header"),
    help: ArgumentHelp("Send this header with every request. May be repeated.", valueName: "'K: V'"),
    transform: HeaderArgument.read)
  package var headers: [HeaderArgument] = []

  @Option(
    name: .customLong("cacert"),
    help: ArgumentHelp(
      "PEM file with certificate authorities to trust instead of the system's.", valueName: "FILE"))
  package var cacert: String?

  @Flag(name: .customLong("insecure"), help: "Do not check certificates. Shown all the time.")
  package var insecure = false

  @Flag(
    name: .customLong("allow-http-redirects"),
    help: "Follow redirects from https to plain http. Credentials are not sent there.")
  package var allowHTTPRedirects = false

  @Option(
    name: .customLong("proxy"),
    help: ArgumentHelp(
      "http://, https://, socks4://, socks4a://, socks5:// or socks5h:// proxy. Default: the usual proxy variables.",
      valueName: "URL"), transform: ProxyArgument.read)
  package var proxy: ProxyArgument?

  @Flag(name: .customLong("netrc"), help: "Take user names and passwords from ~/.netrc.")
  package var netrc = false

  package init() {}

  /// The extra headers in the order they were given.
  package var requestHeaders: [HTTPHeader] { headers.map(\.header) }

  var notices: [String] {
    var lines: [String] = []
    if insecure {
      lines.append(
        "--insecure: certificates are not checked; anyone on the way can read and change what you download.")
    }
    if allowHTTPRedirects {
      lines.append(
        "--allow-http-redirects: where a server redirects to plain http, anyone on the way can read and change what you "
          + "download.")
    }
    return lines
  }

  package mutating func validate() throws {
    if token != nil && tokenFile != nil {
      throw ValidationError("Give the token once: either --token-file or --token.")
    }
    if let token, !token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) || token.isEmpty {
      throw ValidationError("--token has a blank, a line break or another character that no token has.")
    }
    if tokenFile?.isEmpty == true { throw ValidationError("--token-file needs a file name.") }
    if cacert?.isEmpty == true { throw ValidationError("--cacert needs a file name.") }
  }
}

/// What is printed, and where.
package struct OutputOptions: ParsableArguments {
  @Option(
    name: .customLong("events"),
    help: ArgumentHelp(
      "Write what happens as JSON lines to an open file descriptor (a number) or to the end of a file.",
      valueName: "FD|FILE"), transform: EventTarget.read)
  package var events: EventTarget?

  @Option(
    name: .customLong("summary"),
    help: ArgumentHelp("Write a JSON summary to FILE at the end.", valueName: "FILE"))
  package var summary: String?

  @Flag(name: [.customShort("q"), .customLong("quiet")], help: "Print errors only.")
  package var quiet = false

  @Flag(name: [.customShort("v"), .customLong("verbose")], help: "Print more.")
  package var verbose = false

  @Flag(
    name: .customLong("debug"), help: "Print every request and answer too; secrets are shown as stars.")
  package var debug = false

  @OptionGroup package var look: LookOptions

  package init() {}

  package var verbosity: Verbosity {
    if quiet { return .quiet }
    if debug { return .debug }
    return verbose ? .verbose : .normal
  }

  /// Where progress goes: standard output, or standard error when the events use standard output.
  package var progressDescriptor: Int32 { events == .descriptor(1) ? 2 : 1 }

  package mutating func validate() throws {
    if quiet && (verbose || debug) {
      throw ValidationError(
        "--quiet and \(debug ? "--debug" : "--verbose") contradict each other. Leave one out.")
    }
    if summary?.isEmpty == true { throw ValidationError("--summary needs a file name.") }
  }
}

/// How much is printed.
package enum Verbosity: Int, Comparable, Sendable {
  case quiet, normal, verbose, debug
  package static func < (a: Verbosity, b: Verbosity) -> Bool { a.rawValue < b.rawValue }
}

/// Options of the original parcel that have no meaning any more.
package struct LegacyOptions: ParsableArguments {
  @Option(
    name: .customLong("http-chunk-size"),
    help: ArgumentHelp("Segments are sized by themselves.", valueName: "N"))
  package var chunkSize: String?

  @Option(
    name: .customLong("save-interval"),
    help: ArgumentHelp("Progress is saved all the time.", valueName: "N"))
  package var saveInterval: String?

  @Flag(name: .customLong("no-segment-md5sums"), help: "Received pieces always have a local digest.")
  package var noSegmentDigests = false

  package init() {}

  var notices: [String] {
    var lines: [String] = []
    if chunkSize != nil {
      lines.append("--http-chunk-size has no effect any more: segments are sized by themselves.")
    }
    if saveInterval != nil {
      lines.append("--save-interval has no effect any more: progress is saved all the time.")
    }
    if noSegmentDigests {
      lines.append("--no-segment-md5sums has no effect any more: received pieces always have a local digest.")
    }
    return lines
  }
}
