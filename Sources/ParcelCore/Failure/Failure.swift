/// Why something did not work: what was attempted on what, why it failed, what to do, and whether to try again.
///
/// An error is a value here: transports and stores return it, the download's machine decides by `retry`, the screen
/// shows `sentence` and `remedy`, the program ends with `exit`.
package struct Failure: Error, Hashable, Sendable {
  /// What kind of trouble, for programs (`--events`, tests) and for choosing a state's word on screen.
  package enum Code: String, Sendable, CaseIterable {
    case network  // no connection, reset, timeout, name not found
    case stalled  // open, and no byte for too long
    case server  // 5xx, or an answer that breaks the protocol
    case busy  // 429 or 503: the server asked to wait
    case notFound  // 404, 410
    case credentials  // 401, 403, 407
    case tls  // certificate refused
    case changed  // the object is another one than before
    case digest  // bytes complete, digest differs
    case size  // the server has another size than the manifest says
    case disk  // full, quota, read-only, I/O error
    case locked  // another process works on the same target
    case exists  // another file is at the target
    case input  // manifest, URL, name or option cannot be used
    case proxy  // the embedded relay or an HTTP proxy died or refused
    case cancelled  // stopped by the user
    case skipped  // left out before the start, as was asked for
  }

  /// What to do about it without asking.
  package enum Retry: Hashable, Sendable {
    case now
    /// With backoff; `after` is the server's `Retry-After` in seconds, when it gave one.
    case later(after: Double?)
    /// Not before the user did something (token, permission, space, another file in the way).
    case needsUser
    /// Not before something around us changed; that is looked at again and again, and then it goes on by itself.
    case held(Hold)
    case never
  }

  /// What a download can wait for without anybody's doing anything in this program.
  package enum Hold: String, Hashable, Sendable, CaseIterable {
    /// Room on its file system.
    case space
    /// Room within its user's quota: only trying shows it.
    case quota
    /// A file system that is mounted read-only.
    case readOnly = "read-only"
    /// The right to write to a folder.
    case permission
    /// A token that the server takes.
    case token

    /// It waits for the place where it writes.
    package var isOfDisk: Bool { self != .token }
  }

  package var code: Code
  package var retry: Retry
  /// The two texts in one place of the heap: a status has room for a failure, and few of 100,000 have one.
  private var words: Words

  private final class Words: Hashable, Sendable {
    let sentence: String
    let remedy: String

    init(_ sentence: String, _ remedy: String) {
      self.sentence = sentence
      self.remedy = remedy
    }

    static func == (a: Words, b: Words) -> Bool { a.sentence == b.sentence && a.remedy == b.remedy }

    func hash(into hasher: inout Swift.Hasher) {
      hasher.combine(sentence)
      hasher.combine(remedy)
    }
  }

  package init(_ code: Code, retry: Retry, _ sentence: String, remedy: String = "") {
    self.code = code
    self.retry = retry
    words = Words(sentence, remedy)
  }

  /// Attempt, object, cause: "Could not write 'a.bam' at byte 524,288,000: no space left on '/data'."
  package var sentence: String {
    get { words.sentence }
    set { words = Words(newValue, words.remedy) }
  }

  /// What the reader can do: "Free some space and resume." Empty when there is nothing to do.
  package var remedy: String {
    get { words.remedy }
    set { words = Words(words.sentence, newValue) }
  }

  /// Sentence and remedy as one line.
  package var text: String { remedy.isEmpty ? sentence : sentence + " " + remedy }
}

/// The exit codes of the clients. Failures of several kinds give `someFailed`.
package enum ExitCode: Int32, Sendable, CaseIterable {
  case success = 0
  case someFailed = 1
  case usage = 2
  case digestMismatch = 3
  case credentials = 4
  case changedOrGone = 5
  case disk = 6
  case network = 7
  case interrupted = 130

  package init(_ code: Failure.Code) {
    switch code {
    case .network, .stalled, .server, .busy, .tls, .proxy: self = .network
    case .notFound, .changed, .size: self = .changedOrGone
    case .credentials: self = .credentials
    case .digest: self = .digestMismatch
    case .disk, .locked, .exists: self = .disk
    case .input: self = .usage
    case .cancelled: self = .interrupted
    case .skipped: self = .someFailed
    }
  }

  /// What a run ends with: success without failures, the kind's own code when all are of one kind, else `someFailed`.
  package init(failures: [Failure.Code]) {
    let codes = failures.map { ExitCode($0) }
    guard let first = codes.first else {
      self = .success
      return
    }
    self = codes.allSatisfy { $0 == first } ? first : .someFailed
  }

  /// One line for `--help` and the README.
  package var meaning: String {
    switch self {
    case .success: "every requested file is complete, and verified where a digest is known"
    case .someFailed: "some failed; the summary lists each with its reason"
    case .usage: "wrong usage or unreadable input"
    case .digestMismatch: "digest mismatch that repair could not mend"
    case .credentials: "credentials or permission"
    case .changedOrGone: "the object changed or is gone"
    case .disk: "local disk"
    case .network: "network unreachable, or the server kept failing"
    case .interrupted: "interrupted, progress saved"
    }
  }
}
