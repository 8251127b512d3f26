import ArgumentParser
import ParcelCore

/// The version that every program prints.
package enum ParcelVersion {
  package static let text = "0.1.0"
}

/// What became of a command line.
package enum ParsedCommandLine<Command> {
  /// Go on with it.
  case run(Command)
  /// Print `text` on standard output and leave with `code` 0 (help, version) or on standard error and leave with `usage`.
  case leave(text: String, code: ParcelCore.ExitCode)
}

/// Parses as ArgumentParser does, with two differences: usage errors leave with `ExitCode.usage` (not 64), and help ends
/// with `epilogue`.
///
/// - Parameters:
///   - arguments: without the program's name.
///   - columns: width to wrap help at; nil lets ArgumentParser ask the terminal.
package func parseCommandLine<Command: ParsableCommand>(
  _ type: Command.Type, _ arguments: [String], epilogue: String = "", columns: Int? = nil
) -> ParsedCommandLine<Command> {
  do {
    return .run(try Command.parse(arguments))
  } catch {
    let text = columns.map { Command.fullMessage(for: error, columns: $0) } ?? Command.fullMessage(for: error)
    guard Command.exitCode(for: error).isSuccess else { return .leave(text: text, code: .usage) }
    let isVersion = text == Command.configuration.version
    return .leave(text: isVersion || epilogue.isEmpty ? text : text + "\n" + epilogue, code: .success)
  }
}

/// Help text that is not about one option.
package enum ClientHelp {
  /// For the `CommandConfiguration` of `parcel` and `parcel-tui`.
  package static func configuration(_ name: String, abstract: String) -> CommandConfiguration {
    CommandConfiguration(
      commandName: name, abstract: abstract, usage: "\(name) [options] [FILE_ID | URL ...]",
      version: ParcelVersion.text)
  }

  /// Examples and exit codes, to follow the options.
  package static func epilogue(_ name: String) -> String {
    (examples(name) + otherCommands(name) + [""] + exitCodes).joined(separator: "\n") + "\n"
  }

  /// Two columns: what to type, and what it does above it.
  private static func examples(_ name: String) -> [String] {
    [
      "EXAMPLES:",
      "  Everything in a GDC manifest, into ./data:",
      "      \(name) -m gdc_manifest.txt -d data",
      "  The same with a token for controlled data; again after any interruption:",
      "      \(name) -m gdc_manifest.txt -d data -t token.txt",
      "  One file by id, one by URL, eight connections each:",
      "      \(name) -n 8 22a29915-6712-4f7a-8dba-985ae9a1f005 https://example.org/a.bam",
      "  What would be fetched, and is there anything wrong with it?",
      "      \(name) -m gdc_manifest.txt --dry-run",
    ]
  }

  /// Of `parcel`; the full-screen program has none.
  private static func otherCommands(_ name: String) -> [String] {
    guard name == "parcel" else { return [] }
    return [
      "", "OTHER COMMANDS:",
      "  What is wrong with the network, this machine or the target folder?",
      "      parcel doctor [URL]               (parcel doctor --help says more)",
      "  What did unfinished downloads leave in a folder?",
      "      parcel clean DIR                  (parcel clean --help says more)",
      "  A file whose id is such a word:",
      "      parcel -- doctor",
    ]
  }

  /// From the table in ParcelCore, one line each.
  package static var exitCodes: [String] {
    ["EXIT CODES:"]
      + ParcelCore.ExitCode.allCases.map { code in
        let number = String(code.rawValue)
        return "  " + String(repeating: " ", count: 3 - number.count) + "\(number)  \(code.meaning)"
      }
  }
}
