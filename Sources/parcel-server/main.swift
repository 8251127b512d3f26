import ArgumentParser
import Glibc
import ParcelCore

do {
  var command = try ServerCommand.parseAsRoot()
  try command.run()
} catch {
  // Wrong usage is 2 in all our programs; the parser's own number is another.
  guard ServerCommand.exitCode(for: error) == .validationFailure else { ServerCommand.exit(withError: error) }
  let message = Array((ServerCommand.fullMessage(for: error) + "\n").utf8)
  _ = Glibc.write(2, message, message.count)
  Glibc.exit(ParcelCore.ExitCode.usage.rawValue)
}
