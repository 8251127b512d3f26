import Glibc
import ParcelCore
import ParcelSystem

extension FileStore {
  /// Looks at what is there of a target, and writes nothing: the final file against its digests, a partial file block by
  /// block against its journal.
  package func audit(
    _ target: Target, completion: @escaping @Sendable (Result<AuditResult, Failure>) -> Void
  ) {
    audits.submit { [context] scratch in
      do throws(Errno) {
        completion(.success(try Audit(target: target, context: context).run(scratch)))
      } catch {
        completion(.failure(.disk("read", target.path, error)))
      }
    }
  }
}

/// One target's check, on a thread that may block.
private struct Audit {
  let target: Target
  let context: StoreContext

  func run(_ scratch: UnsafeMutableRawBufferPointer) throws(Errno) -> AuditResult {
    var found = try context.system.status(target.path, follow: true)
    if found == nil { found = try context.system.status(target.path) }
    if let found { return try final(found, scratch) }
    return try partial(scratch)
  }

  // MARK: The final file

  private func final(_ found: stat, _ scratch: UnsafeMutableRawBufferPointer) throws(Errno) -> AuditResult {
    guard found.st_mode & S_IFMT == S_IFREG else { return .wrong("it is not an ordinary file") }
    let size = Int(found.st_size)
    if let wanted = target.size, wanted != size {
      return .wrong("it has \(Grouped.text(size)) bytes, \(Grouped.text(wanted)) are wanted")
    }
    guard !target.digests.isEmpty else {
      return target.size == nil
        ? .wrong("whether it is the wanted file is not known (no size, no digest)")
        : .finished(size: size, verified: false)
    }
    let runs = target.digests.compactMap { DigestRun($0.algorithm) }
    guard runs.count == target.digests.count else { return .wrong("OpenSSL here does not offer its digest") }
    let descriptor = try context.system.open(target.path, O_RDONLY)
    defer { context.system.close(descriptor) }
    var offset = 0
    while true {
      if context.isShuttingDown.load(ordering: .relaxed) { throw Errno(code: EINTR) }
      let count = try context.system.read(descriptor, into: scratch, at: offset)
      if count == 0 { break }
      let bytes = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      for run in runs { run.update(bytes) }
      offset += count
    }
    for (digest, run) in zip(target.digests, runs) {
      let value = run.finish()
      guard value == digest.bytes else {
        return .wrong("its \(digest.algorithm.rawValue) is \(Hex.encode(value)), \(digest.hex) is wanted")
      }
    }
    return .finished(size: size, verified: true)
  }

  // MARK: The partial file

  private func partial(_ scratch: UnsafeMutableRawBufferPointer) throws(Errno) -> AuditResult {
    let part = try context.system.status(target.path + ".part", follow: true)
    let journal = try context.system.contents(target.path + ".parcel")
    guard let part, part.st_mode & S_IFMT == S_IFREG else { return .missing }
    let found = JournalRecovery(
      journal: journal, partSize: Int(part.st_size), target: target, boot: context.boot,
      name: Path.name(target.path))
    switch found {
    case .refuse(let remark): return .unusable(remark)
    case .keep(_, let trusted, let doubtful, let state, _):
      guard let layout = state.layout else { return .missing }
      var claim = trusted
      claim.blocks.merge(doubtful) { trusted, _ in trusted }
      return .partial(try compare(claim, layout, scratch))
    }
  }

  private func compare(
    _ claim: JournalState.Claim, _ layout: BlockLayout, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(Errno) -> PartialAudit {
    let descriptor = try context.system.open(target.path + ".part", O_RDONLY)
    defer { context.system.close(descriptor) }
    var audit = PartialAudit(size: layout.size, blockSize: layout.blockSize)
    var bad = ByteRangeSet()
    for block in claim.blocks.keys.sorted() {
      if context.isShuttingDown.load(ordering: .relaxed) { throw Errno(code: EINTR) }
      let range = layout.range(block)
      audit.checked += 1
      if BlockDigest.reread(descriptor, range, scratch: scratch, context.system) == claim.blocks[block] {
        audit.safe += range.count
      } else {
        bad.insert(range)
      }
    }
    audit.bad = bad.ranges
    audit.unrecorded = claim.extra.count
    return audit
  }
}
