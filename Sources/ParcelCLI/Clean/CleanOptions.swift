import ArgumentParser
import ParcelCore

/// The options of `parcel clean`.
package struct CleanOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The target folder of earlier runs. All folders below it are looked at too.", valueName: "DIR"))
  package var folder: String

  @Flag(
    name: [.customShort("y"), .customLong("yes")],
    help: "Remove what is listed. Without it nothing is changed.")
  package var yes = false

  @Flag(
    name: .customLong("all"),
    help: "Take in files that are not known to be parcel's: any NAME.part without a journal.")
  package var all = false

  @Flag(name: .customLong("json"), help: "Print one JSON object instead.")
  package var json = false

  @OptionGroup package var look: LookOptions

  package init() {}

  package mutating func validate() throws {
    if folder.isEmpty { throw ValidationError("Name the folder to look at. '.' is the current one.") }
  }
}

/// Help of `parcel clean`.
package enum CleanHelp {
  /// The first argument that makes it this command.
  package static let word = "clean"

  package static let configuration = CommandConfiguration(
    commandName: "parcel clean",
    abstract: "Lists what unfinished downloads left in a folder and below it, and removes it when told to.",
    usage: "parcel clean DIR [--yes] [--all]", version: ParcelVersion.text)

  package static let epilogue = """
    WHAT IS LISTED:
      Partial files with their journals (a later run continues them), journals
      without their file, parts without a journal, locks of processes that are
      gone. What a running parcel works on is listed and never removed, on other
      hosts too. Finished files are never touched.

    EXAMPLES:
      What is there, and how much it holds?
          parcel clean data
      Remove it:
          parcel clean data --yes

    EXIT CODES:
        0  it is listed, and removed with --yes; what is in use or not parcel's
           was left alone
        2  wrong usage
        6  the folder cannot be read, or something could not be removed

    """
}
