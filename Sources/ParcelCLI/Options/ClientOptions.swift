import ArgumentParser
import ParcelCore

/// The options of both clients, `parcel` and `parcel-tui`, in the groups that `--help` shows.
///
/// Parsing checks every value by itself and every pair that cannot be meant together; nothing here touches files or
/// the network. `notices` are sentences to print once before the work.
package struct ClientOptions: ParsableArguments {
  @OptionGroup(title: "WHAT TO DOWNLOAD") package var wanted: WantedOptions
  @OptionGroup(title: "WHERE TO PUT IT") package var target: TargetOptions
  @OptionGroup(title: "HOW FAST") package var pace: PaceOptions
  @OptionGroup(title: "WHICH WAY") package var route: RouteOptions
  @OptionGroup(title: "ACCESS AND SAFETY") package var access: AccessOptions
  @OptionGroup(title: "WHAT IS SHOWN") package var output: OutputOptions
  @OptionGroup(title: "ACCEPTED WITHOUT EFFECT") package var legacy: LegacyOptions

  package init() {}

  /// True: no manifest, id or URL was named. On a terminal the clients open an empty session then.
  package var asksForNothing: Bool { wanted.manifests.isEmpty && wanted.items.isEmpty }

  /// One line each, to print before the work starts.
  package var notices: [String] {
    let unused =
      access.proxy != nil && route.relayRule != .unknown
      ? ["--proxy is for http; what goes over UDT does not use it."] : []
    return legacy.notices + access.notices + unused
  }

  /// Where file ids are fetched from. A bare host means https, but with `-u` http, as the original's tunnel had it.
  package var server: String {
    wanted.server.isBare && route.udt && route.relay == nil ? wanted.server.http : wanted.server.text
  }

  package mutating func validate() throws {
    if target.verifyOnly && target.dryRun {
      throw ValidationError(
        "--verify-only and --dry-run cannot be used together: one reads files, the other nothing.")
    }
    if target.verifyOnly && target.noVerify {
      throw ValidationError("--verify-only and --no-verify contradict each other. Leave one out.")
    }
    if target.noVerify && target.rehash {
      throw ValidationError("--no-verify and --rehash contradict each other. Leave one out.")
    }
    if access.insecure && access.cacert != nil {
      throw ValidationError(
        "--insecure checks no certificate, so --cacert would have no effect. Leave one of them out.")
    }
  }
}

/// What to download.
package struct WantedOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "File ids, fetched from SERVER/ID, and complete http:// or https:// URLs.", valueName: "FILE_ID | URL"),
    transform: WantedItem.read)
  package var items: [WantedItem] = []

  @Option(
    name: [.customShort("m"), .customLong("manifest")],
    help: ArgumentHelp(
      "Read wanted files from FILE: a GDC manifest, a table with a header line, or a list of URLs. '-' is standard input. May be repeated.",
      valueName: "FILE"))
  package var manifests: [String] = []

  @Option(
    name: [.customShort("s"), .customLong("server")],
    help: ArgumentHelp(
      "Where file ids are fetched from. A bare host means https (with -u alone: http). Default: https://api.gdc.cancer.gov/data/",
      valueName: "URL"),
    transform: ServerURL.read)
  package var server = ServerURL.gdc

  @Flag(
    name: .customLong("keep-going"),
    help:
      "Start even if the check before the start finds problems; files with a problem of their own are left out."
  )
  package var keepGoing = false

  package init() {}

  package mutating func validate() throws {
    if manifests.contains("") {
      throw ValidationError("--manifest needs a file name. Use '-' for standard input.")
    }
    if manifests.filter({ $0 == "-" }).count > 1 {
      throw ValidationError("Standard input can be read only once: name '-' for one --manifest.")
    }
  }
}

/// Where files go and what is checked there.
package struct TargetOptions: ParsableArguments {
  @Option(
    name: [.customShort("d"), .customLong("dir")], help: ArgumentHelp("Target folder.", valueName: "DIR"))
  package var folder = "."

  @Flag(
    name: .customLong("overwrite"),
    help: "Replace another file under the final name once the new one is verified.")
  package var overwrite = false

  @Flag(
    name: .customLong("restart"),
    help: "Fetch a file anew when the object on the server changed since its partial file was begun.")
  package var restart = false

  @Flag(name: .customLong("no-verify"), help: "Do not compare digests. Sizes are still compared.")
  package var noVerify = false

  @Flag(
    name: .customLong("no-repair"),
    help:
      "Leave a file whose digest is wrong as it is, instead of finding and fetching again what is wrong in it."
  )
  package var noRepair = false

  @Flag(
    name: .customLong("rehash"),
    help: "Read files that are there again, also those whose digest was found right in an earlier run.")
  package var rehash = false

  @Flag(
    name: .customLong("verify-only"),
    help: "Download nothing, write nothing; read and check files that are there, partial ones too.")
  package var verifyOnly = false

  @Flag(
    name: .customLong("dry-run"),
    help: "Download nothing; read everything and print count, bytes, targets and problems.")
  package var dryRun = false

  package init() {}

  package mutating func validate() throws {
    if folder.isEmpty { throw ValidationError("--dir needs a folder name. Use '.' for the current folder.") }
  }
}

/// How many connections, how fast, how often again.
package struct PaceOptions: ParsableArguments {
  @Option(
    name: [.customShort("n"), .customLong("connections"), .customLong("n-processes")],
    help: ArgumentHelp("Connections for each file. Default: adapts.", valueName: "N"))
  package var connections: Int?

  @Option(
    name: [.customShort("j"), .customLong("files")],
    help: ArgumentHelp("Files at once. Default: adapts.", valueName: "N"))
  package var files: Int?

  @Option(
    name: .customLong("per-host"),
    help: ArgumentHelp("Connections to one host over all files. Default: adapts.", valueName: "N"))
  package var perHost: Int?

  @Option(
    name: .customLong("limit-rate"),
    help: ArgumentHelp(
      "Limit over all files, in bytes per second (500k, 20M, 1.5G: powers of ten) or bits (100Mbit). 0: no limit.",
      valueName: "RATE"), transform: RateArgument.read)
  package var rate: RateArgument?

  @Option(
    name: .customLong("retries"),
    help: ArgumentHelp(
      "Failures in a row, without a byte between them, before a file counts as failed.", valueName: "N"))
  package var retries = 10

  @Flag(
    name: .customLong("until-done"),
    help:
      "Never give up: try again for ever with growing pauses (at most 5 minutes), wait for disk space and for a new token (--token-file is watched). Only what can never succeed ends a file."
  )
  package var untilDone = false

  package init() {}

  /// How failures are tried again.
  package var retry: RetryPolicy { untilDone ? .untilDone : RetryPolicy(limit: retries) }

  package mutating func validate() throws {
    if untilDone && retries != 10 {
      throw ValidationError("--until-done tries again for ever, so --retries means nothing. Leave one out.")
    }
    try atLeast(1, connections, "--connections")
    try atLeast(1, files, "--files")
    try atLeast(1, perHost, "--per-host")
    try atLeast(0, retries, "--retries")
  }

  private func atLeast(_ least: Int, _ value: Int?, _ option: String) throws {
    if let value, value < least {
      throw ValidationError("\(option) must be a whole number from \(least), not \(value).")
    }
  }
}
