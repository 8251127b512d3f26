/// Follows a token file that others replace: says when to read it, and whether what was read is a new token.
///
/// A file is read when it looks the same in two looks one after the other, and what was read counts when it still
/// looks the same afterwards: a half-written file is not taken. What holds no token leaves the old one in use, with a remark.
package struct TokenFileWatch: Sendable {
  /// How a file looks without reading it: what changes when somebody writes to it or puts another in its place.
  package struct Stamp: Hashable, Sendable {
    /// Of the last change of its content.
    package var seconds: Int
    package var nanoseconds: Int
    package var inode: UInt64
    package var size: Int

    package init(seconds: Int, nanoseconds: Int, inode: UInt64, size: Int) {
      self.seconds = seconds
      self.nanoseconds = nanoseconds
      self.inode = inode
      self.size = size
    }
  }

  package enum Answer: Hashable, Sendable {
    case nothing
    case token(String)
    /// Why what is there is not used.
    case remark(String)
  }

  private let path: String
  private var token: String
  /// What was read last, or found not to be there; nil before the first change.
  private var settled: Stamp?
  private var last: Stamp?
  private var isGone = false

  /// `token` was read when the file looked like `stamp`.
  package init(path: String, token: String, stamp: Stamp?) {
    self.path = path
    self.token = token
    settled = stamp
    last = stamp
  }

  /// A look at the file; nil: it is not there, as happens while somebody replaces it. True: read it now.
  package mutating func saw(_ stamp: Stamp?) -> Bool {
    defer { last = stamp }
    guard let stamp, stamp != settled else { return false }
    return stamp == last
  }

  /// What reading gave. `after`: how it looked then.
  package mutating func read(_ content: Result<[UInt8], Failure>, after: Stamp?) -> Answer {
    guard let after, after == last else {
      last = after
      return .nothing
    }
    settled = after
    switch content {
    case .failure(let failure): return .remark("\(failure.sentence) The token read before stays in use.")
    case .success(let bytes):
      guard let new = TokenRule.token(in: String(decoding: bytes, as: UTF8.self)) else {
        return .remark(
          "The token file '\(Printable.text(path))' changed and holds no token: the one read before stays in use."
        )
      }
      guard new != token else { return .nothing }
      token = new
      return .token(new)
    }
  }
}
