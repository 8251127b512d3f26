import Glibc
import ParcelCore
import ParcelSystem

/// The follower: reads the written prefix from the page cache behind the writers for the whole-file digest, and on its
/// way reads again what an earlier run left, to compare blocks with their journaled digests. One job at a time per file,
/// on the volume's hash threads.
extension LargeFile {
  private enum Step {
    case hash(ByteRange)
    /// A block of an earlier run.
    case check(block: Int, ByteRange)
    case wait
    /// Everything is hashed and checked: the finish can go on.
    case done(FinishRequest)
  }

  /// Pieces per job, so that files take turns.
  private static let stepsPerJob = 32
  private static let pieceBytes = 256 << 10

  func kickFollower() {
    let start = lock.locked {
      guard !isFollowing, hasWork else { return false }
      isFollowing = true
      return true
    }
    if start { volume.hashers.submit { [self] in follow($0) } }
  }

  /// With `lock` held.
  private var hasWork: Bool {
    guard failure == nil, descriptor >= 0, phase == .open || phase == .finishing else { return false }
    if let request = finishRequest, request.isWritten { return true }
    if isFollowerHeld { return false }
    return runs.isEmpty ? !suspects.isEmpty : hashed < stored.prefixEnd
  }

  private func follow(_ scratch: UnsafeMutableRawBufferPointer) {
    for _ in 0..<Self.stepsPerJob {
      let (step, idle) = lock.locked { () -> (Step, (@Sendable () -> Void)?) in
        let step = nextStep()
        switch step {
        case .hash, .check: return (step, nil)
        case .wait, .done:
          isFollowing = false
          defer { whenFollowerIdle = nil }
          return (step, whenFollowerIdle)
        }
      }
      switch step {
      case .hash(let range): hash(range, scratch)
      case .check(let block, let range): check(block, range, scratch)
      case .done(let request): return verify(request, scratch)
      case .wait:
        idle?()
        return
      }
    }
    volume.hashers.submit { [self] in follow($0) }
  }

  /// With `lock` held.
  private func nextStep() -> Step {
    guard hasWork else { return .wait }
    let end = stored.prefixEnd
    if let block = suspects.last, let layout, runs.isEmpty || block == hashed / layout.blockSize {
      return .check(block: block, layout.range(block))
    }
    if !runs.isEmpty, hashed < end {
      return .hash(ByteRange(hashed, min(end, (hashed / Self.pieceBytes + 1) * Self.pieceBytes)))
    }
    guard let request = finishRequest, request.isWritten, runs.isEmpty || hashed == request.size else {
      return .wait
    }
    phase = .committing
    finishRequest = nil
    return .done(request)
  }

  private func hash(_ range: ByteRange, _ scratch: UnsafeMutableRawBufferPointer) {
    guard let bytes = read(range, scratch) else { return }
    for run in runs { run.update(bytes) }
    lock.locked { hashed = range.end }
  }

  /// At most 256 KiB of the file; nil when the file failed.
  func read(_ range: ByteRange, _ scratch: UnsafeMutableRawBufferPointer) -> UnsafeRawBufferPointer? {
    let piece = UnsafeMutableRawBufferPointer(rebasing: scratch[..<range.count])
    do throws(Errno) {
      let count = try system.read(descriptor, into: piece, at: range.start)
      if count == piece.count { return UnsafeRawBufferPointer(piece) }
      // Shorter than what was written: somebody else cut it.
      throw Errno(code: EIO)
    } catch {
      fail(.disk("read", partPath, at: range.start, error))
      return nil
    }
  }

  private func check(_ block: Int, _ range: ByteRange, _ scratch: UnsafeMutableRawBufferPointer) {
    let expected = lock.locked { blocks[block] }
    for run in runs { run.save() }
    let digest = BlockDigest.Run()
    var offset = range.start
    while offset < range.end {
      let end = min(offset + Self.pieceBytes, range.end)
      guard let bytes = read(ByteRange(offset, end), scratch) else { return }
      digest.update(bytes)
      for run in runs { run.update(bytes) }
      offset = end
    }
    guard digest.value == expected else {
      for run in runs { run.restore() }
      return lose([block])
    }
    lock.locked {
      suspects.removeLast()
      if !runs.isEmpty { hashed = range.end }
    }
  }

  /// Blocks whose bytes are not what they were: out of the books, and fetched again.
  private func lose(_ bad: [Int]) {
    let (ranges, request) = lock.locked { () -> ([ByteRange], FinishRequest?) in
      guard let layout else { return ([], nil) }
      var ranges: [ByteRange] = []
      for block in bad {
        if suspects.last == block { suspects.removeLast() }
        ranges.append(layout.range(block))
        drop(layout.range(block), block..<block + 1)
      }
      return (ranges, takeFinishRequest())
    }
    volume.writer.submit { [self] _ in appendProgress() }
    for range in ranges { events(.lost(range)) }
    request?.completion(.failure(lostBlocks(ranges)))
  }

  private func lostBlocks(_ ranges: [ByteRange]) -> Failure {
    let places = ranges.prefix(3).map { Grouped.text($0.start) }.joined(separator: ", ")
    return Failure(
      .digest, retry: .now,
      "Could not verify '\(target.path)': \(ranges.count) of its blocks changed on the disk after they were "
        + "written (at byte \(places)\(ranges.count > 3 ? ", …" : "")).",
      remedy: "They are fetched again; if it happens again, check the disk.")
  }

  // MARK: The end

  private func verify(_ request: FinishRequest, _ scratch: UnsafeMutableRawBufferPointer) {
    guard runs.count == request.digests.count else {
      let names = request.digests.map(\.algorithm.rawValue).joined(separator: ", ")
      return endCommit(
        request,
        .failure(
          Failure(
            .digest, retry: .needsUser,
            "Could not verify '\(target.path)': OpenSSL here does not offer \(names).",
            remedy: "Use --no-verify to keep it unverified.")))
    }
    let values = runs.map { $0.finish() }
    let wrong = zip(request.digests, values).first { $0.bytes != $1 }
    guard let (expected, found) = wrong else {
      volume.syncer.submit { [self] _ in commit(request) }
      return
    }
    let bad = blocksThatChanged(scratch)
    lock.locked {
      runs = request.digests.compactMap { DigestRun($0.algorithm) }
      hashed = 0
    }
    guard bad.isEmpty else {
      let ranges = lock.locked { bad.compactMap { layout?.range($0) } }
      lose(bad)
      return endCommit(request, .failure(lostBlocks(ranges)))
    }
    endCommit(request, .failure(mismatch(expected, found)))
  }

  private func mismatch(_ expected: Digest, _ found: [UInt8]) -> Failure {
    let name = expected.algorithm.rawValue
    return Failure(
      .digest, retry: .never,
      "Could not verify '\(target.path)': its \(name) is \(Hex.encode(found)), but \(expected.source.rawValue) says "
        + "\(expected.hex).",
      remedy:
        "The bytes are kept in '\(Path.name(partPath))'; the server's file or the manifest may be wrong.")
  }

  /// Blocks on disk that do not have their recorded digest.
  private func blocksThatChanged(_ scratch: UnsafeMutableRawBufferPointer) -> [Int] {
    let (recorded, layout) = lock.locked { (blocks, self.layout) }
    guard let layout else { return [] }
    return recorded.keys.sorted().filter {
      BlockDigest.reread(descriptor, layout.range($0), scratch: scratch, system) != recorded[$0]
    }
  }
}
