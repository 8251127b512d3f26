/// One check before a start, as a session asks about it.
package struct PreflightCheck: Hashable, Sendable {
  /// Counts up with each check of a session.
  package var number: Int
  /// Rows that it looked at.
  package var files: Int
  /// They were added to a run that fetches already; false: nothing has begun.
  package var isAddition: Bool

  package init(number: Int, files: Int, isAddition: Bool = false) {
    self.number = number
    self.files = files
    self.isAddition = isAddition
  }
}

/// What a person decides about the rows of a check that found something.
package enum PreflightAnswer: Hashable, Sendable {
  /// Everything begins, whatever was found.
  case startAll
  /// Rows with a problem of their own are left out.
  case startWithoutBad
  /// Nothing begins; added rows are taken out of the list again.
  case startNothing
}
