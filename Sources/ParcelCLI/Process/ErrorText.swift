import ParcelCore

/// How failures are printed on standard error.
package enum ErrorText {
  /// "parcel: Could not …", then the remedy on a line of its own; no line break at the end.
  package static func text(_ failure: Failure, program: String = "parcel") -> String {
    let sentence = "\(program): \(Printable.lines(failure.sentence))"
    return failure.remedy.isEmpty ? sentence : sentence + "\n  " + Printable.text(failure.remedy)
  }

  /// One line that is no failure: "parcel: --save-interval has no effect any more: …".
  package static func notice(_ text: String, program: String = "parcel") -> String {
    "\(program): \(Printable.text(text))"
  }

  /// What a program leaves with when one failure ends it before any download.
  package static func exit(_ failure: Failure) -> ExitCode { ExitCode(failure.code) }
}
