import ArgumentParser
import Glibc

/// How things are drawn; the same in every command.
package struct LookOptions: ParsableArguments {
  @Flag(name: .customLong("ascii"), help: "Draw with ASCII characters only.")
  package var ascii = false

  @Flag(name: .customLong("no-color"), help: "No colours. The variable NO_COLOR does the same.")
  package var noColor = false

  package init() {}

  /// For what is written to a descriptor: colours on terminals only.
  package func style(on descriptor: Int32) -> PlainStyle {
    PlainStyle(ascii: ascii, noColor: noColor || !Descriptors.isTerminal(descriptor)) { name in
      getenv(name).map { String(cString: $0) }
    }
  }
}
