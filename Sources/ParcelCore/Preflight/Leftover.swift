/// Something in a target folder that earlier runs left there, or that looks like it.
package struct Leftover: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    /// A partial file with its journal: a later run continues it.
    case partial
    /// A partial file whose journal nobody can use: a later run starts it over.
    case spoiled
    /// A journal without its partial file.
    case journal
    /// As a small file of a run looks that was killed before it could rename it: younger than that run's lock. Any program
    /// could have made it.
    case small
    /// A lock whose process is gone.
    case lock
    /// What was being made when its process died.
    case draft
    /// A `.part` without a journal of ours: any program could have made it.
    case unknown
    /// Written by a later version of this program.
    case later
  }

  package enum Fate: Hashable, Sendable {
    /// May be removed.
    case free
    /// Somebody works on it, or may; a sentence without its full stop.
    case held(String)
    /// Not known to be ours; removed only when that is asked for.
    case foreign
  }

  package var kind: Kind
  package var fate: Fate
  /// The first file's path, relative to the folder that was looked at.
  package var name: String
  /// Absolute paths of the files that it is made of, in the order in which they are to be removed.
  package var files: [String]
  /// Bytes that they take on disk.
  package var allocated: Int
  /// Bytes that a later run would keep; nil where that is not known.
  package var kept: Int?
  /// Bytes of the whole object.
  package var size: Int?
  /// When it was written last, seconds since 1970.
  package var modified: Int
  /// Why it is there: a clause.
  package var reason: String

  package init(
    kind: Kind, fate: Fate, name: String, files: [String], allocated: Int, modified: Int, reason: String
  ) {
    self.kind = kind
    self.fate = fate
    self.name = name
    self.files = files
    self.allocated = allocated
    self.modified = modified
    self.reason = reason
  }
}
