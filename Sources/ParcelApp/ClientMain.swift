import ArgumentParser
import Glibc
import ParcelCLI
import ParcelCore

/// What the `main`s of `parcel` and `parcel-tui` call.
package enum ClientMain {
  /// Reads the command line, runs, and leaves with the code that says how it went.
  package static func parcel() async -> Never {
    OwnSecrets.hide()
    if arguments.first == DoctorHelp.word { await doctor(Array(arguments.dropFirst())) }
    if arguments.first == CleanHelp.word { await clean(Array(arguments.dropFirst())) }
    switch parseCommandLine(ParcelCommand.self, arguments, epilogue: ClientHelp.epilogue("parcel")) {
    case .leave(let text, let code): leave(text, code)
    case .run(let command):
      let options = command.options
      notify(options)
      if options.asksForNothing {
        guard isTerminal else {
          leave(
            "parcel: nothing to download: name a manifest (-m), a file id or a URL. parcel --help says more.",
            .usage)
        }
        await finish(FullScreen(options: options, program: "parcel").run())
      }
      await finish(Headless(options: options).run())
    }
  }

  /// `parcel doctor …`. A file with that id is fetched with `parcel -- doctor`.
  private static func doctor(_ arguments: [String]) async -> Never {
    switch parseCommandLine(DoctorCommand.self, arguments, epilogue: DoctorHelp.epilogue) {
    case .leave(let text, let code): leave(text, code)
    case .run(let command): await finish(Doctor(options: command.options).run())
    }
  }

  /// `parcel clean …`. A file with that id is fetched with `parcel -- clean`.
  private static func clean(_ arguments: [String]) async -> Never {
    switch parseCommandLine(CleanCommand.self, arguments, epilogue: CleanHelp.epilogue) {
    case .leave(let text, let code): leave(text, code)
    case .run(let command): await finish(Clean(options: command.options).run())
    }
  }

  package static func parcelTUI() async -> Never {
    OwnSecrets.hide()
    switch parseCommandLine(ParcelTUICommand.self, arguments, epilogue: ClientHelp.epilogue("parcel-tui")) {
    case .leave(let text, let code): leave(text, code)
    case .run(let command):
      guard isTerminal else {
        leave(
          "parcel-tui: standard input and output are not a terminal. Use parcel for headless downloads.",
          .usage)
      }
      if command.options.target.dryRun { await finish(Headless(options: command.options).run()) }
      await finish(FullScreen(options: command.options, program: "parcel-tui").run())
    }
  }

  private static var arguments: [String] { Array(CommandLine.arguments.dropFirst()) }
  private static var isTerminal: Bool { Descriptors.isTerminal(0) && Descriptors.isTerminal(1) }

  private static func notify(_ options: ClientOptions) {
    guard options.output.verbosity != .quiet else { return }
    for line in options.notices { Descriptors.write(ErrorText.notice(line) + "\n", to: 2) }
  }

  private static func leave(_ text: String, _ code: ParcelCore.ExitCode) -> Never {
    Descriptors.write(text.hasSuffix("\n") ? text : text + "\n", to: code == .success ? 1 : 2)
    finish(code)
  }

  private static func finish(_ code: ParcelCore.ExitCode) -> Never { exit(code.rawValue) }
}

struct ParcelCommand: ParsableCommand {
  static let configuration = ClientHelp.configuration(
    "parcel",
    abstract: "Downloads many large files, surely and fast. Without arguments: a full-screen session.")
  @OptionGroup var options: ClientOptions
}

struct ParcelTUICommand: ParsableCommand {
  static let configuration = ClientHelp.configuration(
    "parcel-tui", abstract: "Downloads many large files, surely and fast, in a full-screen session.")
  @OptionGroup var options: ClientOptions
}

struct DoctorCommand: ParsableCommand {
  static let configuration = DoctorHelp.configuration
  @OptionGroup var options: DoctorOptions
}

struct CleanCommand: ParsableCommand {
  static let configuration = CleanHelp.configuration
  @OptionGroup var options: CleanOptions
}
