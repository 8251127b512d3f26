import ArgumentParser
import Glibc
import ParcelCore

/// Parses the command line, runs and exits. Wrong usage is 2 in all our programs; the parser's own number is another.
package func runProgram<Command: ParsableCommand>(_ type: Command.Type) -> Never {
  do {
    var command = try Command.parseAsRoot()
    try command.run()
  } catch {
    guard Command.exitCode(for: error) == .validationFailure else { Command.exit(withError: error) }
    let message = Array((Command.fullMessage(for: error) + "\n").utf8)
    _ = Glibc.write(2, message, message.count)
    Glibc.exit(ParcelCore.ExitCode.usage.rawValue)
  }
  Glibc.exit(0)
}

/// Runs a relay and ends the program with its status, or with a failure's text and code.
///
/// `_exit`: whatever had to be sent has been, and libudt's threads do not survive the destructors of its statics.
package func finish(_ name: String, _ body: () throws(Failure) -> Int32) -> Never {
  do throws(Failure) {
    Glibc._exit(try body())
  } catch {
    let message = Array("\(name): \(error.text)\n".utf8)
    _ = Glibc.write(2, message, message.count)
    Glibc._exit(ParcelCore.ExitCode(error.code).rawValue)
  }
}
