/// What is done about a file whose bytes are all here and whose digest is wrong: first the server's own digests of parts,
/// where it gives them, then everything over another connection, compared in place; two rounds at most. (That blocks went
/// bad on the disk is found before, by the store, with its own digests.)
///
/// A value that remembers; `DownloadMachine` moves it and does what it says.
package struct Repair: Sendable {
  /// Where wrong bytes come to light.
  package enum Step: String, Hashable, Sendable {
    /// Blocks that are not what was written.
    case disk
    /// Digests of parts, asked of the server (RFC 9530).
    case server
    /// Everything is fetched again and compared in place.
    case compare
  }

  /// How the server is asked for the digest of a part.
  package enum Question: Hashable, Sendable {
    /// HEAD with a range: no body travels. `parcel-server` answers it, many others do not.
    case head
    /// GET of one byte: whether the server gives Content-Digest at all.
    case probe
    /// GET of a part, broken off when its head was read.
    case get
  }

  /// What one round found.
  package struct Round: Equatable, Sendable {
    package var step: Step
    /// Bytes that were not right, in whole blocks.
    package var bad = ByteRangeSet()
  }

  package static let mostRounds = 2
  /// Bytes that one question is about at first; a server reads as much to answer it.
  package static let pieceBytes = 16 << 20
  /// A part that differs is halved until it is no longer than this.
  package static let leafBytes = 1 << 20
  /// Once the server is known to answer.
  package static let questionsAtOnce = 4

  /// Of the whole file.
  package let size: Int
  /// What the store said about the whole file's digest.
  package var mismatch: Failure
  package private(set) var rounds: [Round] = []
  /// Bytes that came over the network for the repair.
  package var fetched = 0
  /// It was paused: the round that was under way is taken up again.
  package var isInterrupted = false

  package private(set) var question = Question.head
  /// The server has given a digest of a part.
  package private(set) var serverAnswers = false
  /// Parts to ask for, the next one last.
  private var waiting: [ByteRange] = []
  private(set) var asked: [TransferID: Asked] = [:]
  /// Parts that the server's digest is known of, and that are being read from the disk.
  private var checking: [ByteRange: Digest] = [:]
  /// What was compared in place in this round.
  package var compared = ByteRangeSet()

  package init(size: Int, mismatch: Failure) {
    self.size = size
    self.mismatch = mismatch
  }

  package var round: Int { rounds.count }
  package var step: Step? { rounds.last?.step }
  /// Of the round that runs.
  package var bad: ByteRangeSet { rounds.last?.bad ?? ByteRangeSet() }
  /// Of all rounds.
  package var allBad: ByteRangeSet {
    rounds.reduce(into: ByteRangeSet()) { $0.formUnion($1.bad) }
  }
  /// What was not the same in more than one round.
  package var unstable: ByteRangeSet {
    guard rounds.count > 1, let last = rounds.last else { return ByteRangeSet() }
    var both = ByteRangeSet()
    for range in last.bad.ranges {
      for other in rounds[0].bad.ranges { if let common = range.intersection(other) { both.insert(common) } }
    }
    return both
  }

  // MARK: Rounds

  /// False when there were as many as there may be.
  mutating func beginRound() -> Bool {
    if isInterrupted, !rounds.isEmpty {
      isInterrupted = false
      if step == .server { ask() }
      return true
    }
    guard rounds.count < Self.mostRounds else { return false }
    compared = ByteRangeSet()
    // A server that gave no digests a moment ago does not now.
    let knowsNone = !serverAnswers && !rounds.isEmpty
    rounds.append(Round(step: knowsNone ? .compare : .server))
    if !knowsNone { ask() }
    return true
  }

  private mutating func ask() {
    checking = [:]
    asked = [:]
    waiting = []
    var start = 0
    while start < size {
      let end = min(start + Self.pieceBytes, size)
      waiting.append(ByteRange(start, end))
      start = end
    }
    waiting.reverse()
  }

  mutating func addRound(_ round: Round) { rounds.append(round) }

  /// The server does not help: everything has to come again.
  mutating func turnToComparing() {
    waiting = []
    checking = [:]
    asked = [:]
    compared = ByteRangeSet()
    rounds[rounds.count - 1].step = .compare
  }

  /// `range` was not right; the blocks that it touches count.
  mutating func note(bad range: ByteRange, blockSize: Int) {
    guard !rounds.isEmpty, !range.isEmpty else { return }
    let start = range.start / blockSize * blockSize
    let end = min((range.end + blockSize - 1) / blockSize * blockSize, size)
    rounds[rounds.count - 1].bad.insert(ByteRange(start, end))
  }

  // MARK: Questions

  /// A question that is on its way.
  package struct Asked: Hashable, Sendable {
    package var range: ByteRange
    package var question: Question
  }

  /// True when another question may go out.
  var mayAsk: Bool {
    !waiting.isEmpty && asked.count + checking.count < (serverAnswers ? Self.questionsAtOnce : 1)
  }

  mutating func ask(as id: TransferID) -> Asked? {
    guard let next = waiting.last else { return nil }
    let new: Asked
    if question == .probe {
      new = Asked(range: ByteRange(0, 1), question: .probe)
    } else {
      waiting.removeLast()
      new = Asked(range: next, question: question)
    }
    asked[id] = new
    return new
  }

  /// The transfer ended without an answer that means something: ask again.
  mutating func askAgain(_ id: TransferID) {
    guard let old = asked.removeValue(forKey: id), old.question != .probe else { return }
    waiting.append(old.range)
  }

  /// What the server's answer to a question means.
  enum Reply: Equatable {
    /// Read the same part from the disk.
    case check(ByteRange, Digest.Algorithm)
    /// Ask on.
    case goOn
    /// It gives no digests of parts.
    case none
  }

  /// `digests`: what the answer's Content-Digest has; empty: none, or not of what was asked for.
  mutating func answered(_ id: TransferID, _ digests: [Digest]) -> Reply {
    guard let old = asked.removeValue(forKey: id) else { return .goOn }
    let usable = digests.first {
      ($0.algorithm == .sha256 || $0.algorithm == .sha512) && !Self.isOfNothing($0)
    }
    guard let usable else {
      if old.question != .probe { waiting.append(old.range) }
      guard old.question == .head else { return .none }
      if question == .head { question = .probe }
      return .goOn
    }
    if old.question == .probe {
      question = .get
      return .goOn
    }
    serverAnswers = true
    checking[old.range] = usable
    return .check(old.range, usable.algorithm)
  }

  /// The part as the disk has it.
  mutating func checked(_ range: ByteRange, _ bytes: [UInt8], blockSize: Int) {
    guard let expected = checking.removeValue(forKey: range), expected.bytes != bytes else { return }
    if range.count <= Self.leafBytes { return note(bad: range, blockSize: blockSize) }
    let half = (range.count / 2 + Self.leafBytes - 1) / Self.leafBytes * Self.leafBytes
    waiting.append(ByteRange(range.start + half, range.end))
    waiting.append(ByteRange(range.start, range.start + half))
  }

  /// Every part is asked for and compared.
  var isAsked: Bool { waiting.isEmpty && checking.isEmpty && asked.isEmpty }

  /// RFC 9530 lets a server give the digest of its answer's empty body to HEAD.
  private static func isOfNothing(_ digest: Digest) -> Bool {
    switch digest.algorithm {
    case .sha256: digest.hex.hasPrefix("e3b0c44298fc1c149afbf4c8996fb924")
    case .sha512: digest.hex.hasPrefix("cf83e1357eefb8bdf1542850d66d8007")
    default: true
    }
  }
}

/// What a person and a program are told of a repair.
package struct RepairReport: Hashable, Sendable {
  /// 0: blocks went bad on the disk, and the whole file's digest has not been compared since; else 1 or 2.
  package var round = 0
  package var step = Repair.Step.disk
  /// Bad blocks as bytes of the file, ascending, those of the disk among them.
  package var bad: [ByteRange] = []
  /// Bytes of a block.
  package var blockSize = 1 << 20
  /// Bytes that came over the network for it.
  package var fetched = 0

  package init() {}

  /// Something that is worth a record.
  package func isNews(after old: RepairReport?) -> Bool {
    old?.round != round || old?.step != step || old?.bad != bad
  }

  package var blocks: Int { bad.reduce(0) { $0 + ($1.count + blockSize - 1) / blockSize } }
  package var bytes: Int { bad.reduce(0) { $0 + $1.count } }

  /// "17, 30 to 33"; at most `most` groups.
  package func blockNames(most: Int = 6) -> String { Self.blockNames(bad, blockSize: blockSize, most: most) }

  package static func blockNames(_ ranges: [ByteRange], blockSize: Int, most: Int = 6) -> String {
    let names = ranges.prefix(most).map { range -> String in
      let first = range.start / blockSize
      let last = (range.end - 1) / blockSize
      return first == last ? "\(first)" : "\(first) to \(last)"
    }
    return names.joined(separator: ", ") + (ranges.count > most ? ", …" : "")
  }
}
