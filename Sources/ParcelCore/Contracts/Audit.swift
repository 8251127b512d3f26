/// What `--verify-only` found at one target.
package enum AuditResult: Sendable {
  /// The final file is right; without a digest only its size was compared.
  case finished(size: Int, verified: Bool)
  /// Something else is under the final name; ends the sentence "'…' is there and is not the right file: …".
  case wrong(String)
  /// A partial file with a journal.
  case partial(PartialAudit)
  /// A partial file of which nothing can be kept; a sentence.
  case unusable(String)
  case missing
}

/// A partial file, every block read and compared with its recorded digest.
package struct PartialAudit: Hashable, Sendable {
  /// Of the whole file, bytes.
  package var size: Int
  package var blockSize: Int
  /// Blocks that were read.
  package var checked = 0
  /// Bytes in blocks that are what was written.
  package var safe = 0
  /// Bytes of blocks that are not complete yet: there is no digest to compare them with.
  package var unrecorded = 0
  /// Blocks that are not what was written, as bytes of the file.
  package var bad: [ByteRange] = []

  package init(size: Int, blockSize: Int) {
    self.size = size
    self.blockSize = blockSize
  }

  package var badBlocks: Int { bad.reduce(0) { $0 + ($1.count + blockSize - 1) / blockSize } }
}

extension AuditResult {
  /// Why a target is not verified, nil when it is. `path`: of the final file.
  package func failure(path: String) -> Failure? {
    switch self {
    case .finished: return nil
    case .wrong(let how):
      return Failure(
        .digest, retry: .never, "'\(path)' is there and is not the right file: \(how).",
        remedy: "Run without --verify-only and with --overwrite to replace it.")
    case .missing:
      return Failure(
        .notFound, retry: .never, "'\(path)' is not there.", remedy: "Run without --verify-only to fetch it.")
    case .unusable(let why):
      return Failure(
        .notFound, retry: .never, "'\(path)' is not complete, and nothing of it can be kept. \(why)",
        remedy: "Run without --verify-only to fetch it.")
    case .partial(let audit):
      let safe = "\(Grouped.text(audit.safe)) of \(Grouped.text(audit.size)) bytes are here and right"
      let open =
        audit.unrecorded == 0
        ? ""
        : " (\(Figures.count(audit.unrecorded, "byte")) more in unfinished blocks, which have no digests)"
      guard !audit.bad.isEmpty else {
        let all =
          audit.checked == 1
          ? "the block that is complete is as it was written"
          : "all \(Figures.count(audit.checked, "complete block")) are as they were written"
        return Failure(
          .notFound, retry: .never, "'\(path)' is not complete: \(safe)\(open); \(all).",
          remedy: "Run without --verify-only to fetch the rest.")
      }
      let bad = audit.badBlocks
      let names = RepairReport.blockNames(audit.bad, blockSize: audit.blockSize, most: 20)
      return Failure(
        .digest, retry: .never,
        "'\(path)' is not complete, and \(Grouped.text(bad)) of its \(Figures.count(audit.checked, "complete block"))"
          + " \(bad == 1 ? "is" : "are") not what was written (\(Figures.noun(bad, "block")) \(names)): \(safe)\(open).",
        remedy: "Run without --verify-only: bad blocks are fetched again. Check the disk.")
    }
  }
}
